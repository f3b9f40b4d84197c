"""Evaluation as a command, on a small paired dataset."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from tf_mt import bundle, models, run
from tf_mt.audio import files
from tf_mt.data import clips

pytestmark = pytest.mark.slow


def evaluate(**given):
    arguments = [f"--{name}={value}" for name, value in given.items()]
    return subprocess.run(
        [sys.executable, "-m", "tf_mt.evaluate", *arguments],
        capture_output=True,
        text=True,
    )


def untrained(path, info):
    """A run that has only just begun, and its bundle."""
    settings = run.settings_of("vae_gan", models.preset("vae_gan", "tiny"), info)
    folder = run.Run(path / "run")
    folder.settle(settings)
    folder.save(run.build(settings), step=0, history=[])
    bundle.export(run.load_model(path / "run"), path / "bundle")
    return path


@pytest.fixture(scope="module")
def info(scores_data):
    return clips.read_info(scores_data)


@pytest.fixture(scope="module")
def model(info, tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("model"), info)


def test_a_run_and_its_bundle_score_alike(scores_data, info, model, tmp_path):
    scores = []
    for kind in ("run", "bundle"):
        out = tmp_path / kind
        done = evaluate(**{kind: model / kind}, data=scores_data, out=out, pieces=1)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith((out / "table.md").read_text())
        assert done.stdout.endswith(
            f"Picture: {out / 'picture.png'}. Sound: {out / 'audio'}.\n"
        )
        scores.append(json.loads((out / "scores.json").read_text()))
    pairs = [(source, target) for source in info.domains for target in info.domains]
    assert [(score["source"], score["target"]) for score in scores[0]] == pairs
    for ours, theirs in zip(*scores, strict=True):
        assert ours["translated_db"] == pytest.approx(theirs["translated_db"], rel=1e-3)
        assert (ours["copied_db"] == 0.0) == (ours["source"] == ours["target"])
    kept = tmp_path / "run" / "audio" / scores[0][0]["piece"]
    source = files.read(kept / f"{info.domains[0]}.wav", info.sample_rate_hz)
    assert np.abs(source).max() > 0.01


def test_a_server_without_a_model_is_refused(scores_data, tmp_path):
    done = evaluate(server="localhost:1", data=scores_data, out=tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "error: model is not given; --server"
    )
    assert not (tmp_path / "out").exists()


def test_a_dataset_of_another_rate_is_refused(scores_data, info, tmp_path):
    faster = dataclasses.replace(info, sample_rate_hz=16_000)
    other = untrained(tmp_path, faster)
    done = evaluate(run=other / "run", data=scores_data, out=tmp_path / "out")
    assert done.returncode == 1
    words = "has 8000 Hz, but the model is made for 16000 Hz; convert the data"
    assert words in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()
