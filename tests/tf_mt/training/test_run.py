import json

import keras
import numpy as np
import pytest

from tf_mt import dataset, models
from tf_mt.layers import spectrogram
from tf_mt.training import run
from tf_mt.vocoders import configuration, stored

INFO = dataset.DatasetInfo("toy", 8000, ("cello", "flute"))


@pytest.fixture
def older(tmp_path):
    """A run as it was written before fields were renamed and added."""
    preset = models.preset("umt", "tiny")
    folder = run.Run(tmp_path / "run")
    folder.settle(run.settings_of("umt", preset, INFO))
    keras.utils.set_random_seed(0)
    folder.save(run.build(folder.settings()), 4, [])
    path = tmp_path / "run/config.json"
    settings = json.loads(path.read_text())
    settings["model"]["listening_steps"] = settings["model"].pop(
        "encoder_pretraining_steps"
    )
    settings.pop("resolved_precision", None)
    settings["model"].pop("loudness")
    settings["training"].pop("heard_share")
    path.write_text(json.dumps(settings))
    return folder


def test_an_older_run_loads(older):
    model = run.load_model(older.path)
    keras.utils.set_random_seed(0)
    expected = run.build(older.settings())
    for own, its in zip(model.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(own.numpy(), its.numpy())


def test_an_older_run_goes_on_with_the_same_settings(older):
    given = run.settings_of("umt", models.preset("umt", "tiny"), INFO)
    assert older.settle(given)["resolved_precision"] == "float32"


def test_an_older_run_that_was_initialised_from_another_still_loads(older):
    path = older.path / "config.json"
    settings = json.loads(path.read_text()) | {"init_from": "runs/parent"}
    path.write_text(json.dumps(settings))
    assert run.load_model(older.path).parameters > 0
    assert older.settings()["init_from"] == {"run": "runs/parent"}


def test_an_older_run_of_a_vocoder_goes_on_with_the_same_settings(tmp_path):
    preset = configuration.PRESETS["tiny"]
    front = spectrogram.LogMel(INFO.sample_rate_hz, 256, 64, 20, 40.0)
    given = stored.settings_of(preset, front, INFO)
    folder = run.Run(tmp_path / "run")
    folder.settle(given)
    folder.save(stored.build(given), 1, [])
    path = folder.path / "config.json"
    settings = json.loads(path.read_text())
    settings["training"].pop("heard_share")
    path.write_text(json.dumps(settings))
    assert folder.settle(given)["training"]["heard_share"] == 0.0
