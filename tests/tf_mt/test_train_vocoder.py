"""The script that trains vocoders, and bundles that are exported with one."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset, models
from tf_mt.data import clips
from tf_mt.inference import bundle, live
from tf_mt.training import run
from tf_mt.vocoders import stored

pytestmark = pytest.mark.slow


def script(name, *flags):
    return subprocess.run(
        [sys.executable, "-m", f"tf_mt.{name}", *map(str, flags)],
        capture_output=True,
        text=True,
    )


def untrained(folder, approach, info):
    """A run of no steps."""
    settings = run.settings_of(approach, models.preset(approach, "tiny"), info)
    kept = run.Run(folder)
    kept.settle(settings)
    kept.save(run.build(settings), 0, [])
    return folder


@pytest.fixture(scope="module")
def folder(scores_data, tmp_path_factory):
    """Holds a run, its vocoder, and a bundle of both."""
    folder = tmp_path_factory.mktemp("vocoder")
    untrained(folder / "front", "vae_gan", clips.read_info(scores_data))
    trained = script("train_vocoder", *flags(scores_data, folder, "vocoder"))
    assert trained.returncode == 0, trained.stderr
    exported = script(
        "export",
        f"--run={folder}/front",
        f"--vocoder={folder}/vocoder",
        f"--out={folder}",
        "--model=both",
    )
    assert exported.returncode == 0, exported.stderr
    return folder


def flags(data, folder, name):
    return (
        "--preset=tiny",
        f"--data={data}",
        f"--front={folder}/front",
        f"--run={folder}/{name}",
        "--weights=adversarial:0.1",
    )


def test_a_run_cut_off_ends_the_same(scores_data, folder):
    shorter = flags(scores_data, folder, "again")
    assert script("train_vocoder", *shorter).returncode == 0
    newest = sorted((folder / "again/checkpoints").iterdir())[-1]
    # As after a kill in the last epoch.
    for path in newest.iterdir():
        path.unlink()
    newest.rmdir()
    assert script("train_vocoder", *shorter).returncode == 0
    one, other = (stored.load(folder / name) for name in ("vocoder", "again"))
    for left, right in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_log_has_sound(folder):
    state = sorted((folder / "vocoder/checkpoints").iterdir())[-1] / "state.json"
    assert set(json.loads(state.read_text())["history"][-1]["train"]) == {
        "magnitude",
        "convergence",
        "mel",
        "adversarial",
        "discriminator",
    }


def test_a_bundle_sounds_as_the_model_with_the_vocoder(folder):
    model = run.load_model(folder / "front")
    stored.attach(model, stored.load(folder / "vocoder"))
    loaded = bundle.Bundle(folder / "both")
    rate_hz = loaded.info.sample_rate_hz
    audio = 0.3 * np.sin(2 * np.pi * 440.0 * np.arange(rate_hz) / rate_hz)
    audio = audio.astype(np.float32)[np.newaxis]
    domain = loaded.info.domains[1]
    expected = model.translate(tf.constant(audio), tf.constant([1]))
    np.testing.assert_allclose(loaded.translate(audio, domain), expected, atol=1e-3)
    plain = live.Live(folder / "front")
    assert not np.allclose(plain.translate(audio, domain), expected, atol=1e-3)
    network = stored.load(folder / "vocoder").network
    assert loaded.info.parameters == plain.info.parameters + network.count_params()


INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute"))


def test_mistakes_of_the_user_are_one_line(scores_data, folder, tmp_path):
    untrained(tmp_path / "umt", "umt", INFO)
    untrained(tmp_path / "lord", "lord", clips.read_info(scores_data))
    front, made = f"--run={folder}/front", f"--vocoder={folder}/vocoder"
    for given, sentence in (
        (("export", f"--run={folder}/vocoder"), "run: it is of a vocoder"),
        (("export", front, f"--vocoder={folder}/front"), "vocoder: the run is of the"),
        (("export", f"--run={tmp_path}/umt", made), "has no use for a vocoder"),
        (("export", f"--run={tmp_path}/lord", made), "spectrograms have"),
        (
            (
                "train_vocoder",
                f"--data={scores_data}",
                f"--front={tmp_path}/umt",
                f"--run={tmp_path}/new",
            ),
            "has no use for a vocoder",
        ),
        (
            (
                "train_vocoder",
                "--preset=smal",
                f"--data={scores_data}",
                f"--front={folder}/front",
                f"--run={tmp_path}/new",
            ),
            "did you mean 'small'",
        ),
    ):
        out = () if given[0] == "train_vocoder" else (f"--out={tmp_path}",)
        refused = script(*given, *out)
        assert refused.returncode == 1
        assert sentence in refused.stderr
        assert "Traceback" not in refused.stderr
