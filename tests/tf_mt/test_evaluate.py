"""The scorecard as a command, on a small paired dataset."""

import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests import conftest
from tests.tf_mt.models import tiny
from tf_mt.audio import files
from tf_mt.data import clips
from tf_mt.inference import bundle
from tf_mt.training import run

pytestmark = pytest.mark.slow


def evaluate(**given):
    arguments = [f"--{name}={value}" for name, value in given.items()]
    return subprocess.run(
        [sys.executable, "-m", "tf_mt.evaluate", *arguments],
        capture_output=True,
        text=True,
    )


def untrained(path, info, approach="vae_gan"):
    """A run that has only just begun, and its bundle."""
    settings = run.settings_of(approach, tiny.preset(approach, info.domains), info)
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


@pytest.fixture(scope="module")
def scored(scores_data, model, tmp_path_factory):
    """What the command printed, and its folder."""
    out = tmp_path_factory.mktemp("scored")
    done = evaluate(
        run=model / "run", bundle=model / "bundle", data=scores_data, out=out, clips=1
    )
    return done, out


def test_a_run_and_its_bundle_score_alike(info, scored):
    done, out = scored
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith((out / "scorecard.md").read_text())
    assert done.stdout.endswith(
        f"Report: {out / 'report.html'}. Sounds: {out / 'audio'}.\n"
    )
    card = json.loads((out / "scorecard.json").read_text())
    assert [row["name"] for row in card["systems"][:3]] == ["run", "bundle", "truth"]
    assert card["n"] == len(info.domains) * (len(info.domains) - 1)
    run_about, bundle_about = (row["about"] for row in card["systems"][:2])
    assert run_about["parameters"] == bundle_about["parameters"] > 1000
    assert run_about["times real time"] > 0
    assert card["scores"]["truth"]["log_mel"]["mean"] == 0.0
    assert card["scores"]["truth"]["notes"]["mean"] > 0.5
    for metric in ("log_mel", "stft", "mfcc", "chroma", "cycle_ssim"):
        ours, theirs = (card["scores"][name][metric] for name in ("run", "bundle"))
        assert ours["mean"] == pytest.approx(theirs["mean"], rel=1e-2)
    (source,) = out.glob(f"audio/*/{info.domains[0]}_to_{info.domains[1]}/source.wav")
    assert np.abs(files.read(source, info.sample_rate_hz)).max() > 0.01


def test_a_run_retrained_in_place_is_not_given_its_old_scores(
    scores_data, info, model, scored, tmp_path
):
    _, out = scored
    again = untrained(tmp_path, info)
    shutil.copytree(again / "run", model / "run", dirs_exist_ok=True)
    done = evaluate(run=model / "run", data=scores_data, out=out, clips=1)
    assert done.returncode == 1
    words = "holds an evaluation of something else: 'run' has other weights or another"
    assert words in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "nothing to score; give --run, --bundle, --gram or --server."),
        ({"server": "localhost:1"}, "--server and --model go together; give both"),
    ],
)
def test_a_system_has_to_be_named(scores_data, tmp_path, given, words):
    done = evaluate(**given, data=scores_data, out=tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {words}")
    assert not (tmp_path / "out").exists()


def test_a_model_of_two_domains_is_scored_on_these(scores_data, info, tmp_path):
    begun = untrained(tmp_path, info, "cyclegan") / "run"
    out, pair = tmp_path / "out", info.domains[:2]
    done = evaluate(
        run=begun, data=scores_data, out=out, clips=1, domains=",".join(pair)
    )
    assert done.returncode == 0, done.stderr
    card = json.loads((out / "scorecard.json").read_text())
    assert card["n"] == 2
    assert sorted(path.name for path in out.glob("audio/*/*_to_*")) == sorted(
        [f"{pair[0]}_to_{pair[1]}", f"{pair[1]}_to_{pair[0]}"]
    )


def test_domains_are_those_of_the_dataset(scores_data, model, tmp_path):
    done = evaluate(
        run=model / "run", data=scores_data, out=tmp_path / "out", domains="flut"
    )
    assert done.returncode == 1
    assert "error: domains='flut' is not known; did you mean" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_model_that_cannot_transfer_is_refused(scores_data, model, tmp_path):
    done = evaluate(
        run=model / "run", data=scores_data, out=tmp_path / "out", transfer="true"
    )
    assert done.returncode == 1
    words = "error: no system can be scored on transfer: "
    assert done.stderr.splitlines()[-1].startswith(words)
    assert not (tmp_path / "out").exists()


def test_a_dataset_of_another_rate_is_refused(scores_data, info, tmp_path):
    faster = dataclasses.replace(info, sample_rate_hz=16_000)
    other = untrained(tmp_path, faster)
    done = evaluate(run=other / "run", data=scores_data, out=tmp_path / "out")
    assert done.returncode == 1
    words = "has 8000 Hz, but 'run' is for 16000 Hz; convert the data with that"
    assert words in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_the_sources_of_another_dataset_are_translated(
    scores_data, info, model, tmp_path
):
    done = evaluate(
        run=model / "run",
        data=scores_data,
        sources=scores_data,
        out=tmp_path / "out",
        clips=1,
    )
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / "out" / "scorecard.json").read_text())
    assert ", from sources of scores/unpaired" in card["dataset"]
    assert card["n"] == len(info.domains) * (len(info.domains) - 1)
    assert card["scores"]["truth"]["notes"]["mean"] > 0.5


def test_sources_of_another_rate_are_refused(scores_data, model, tmp_path):
    other = conftest.convert_melodies(tmp_path, "paired", 16, sample_rate=16_000)
    out = tmp_path / "out"
    done = evaluate(run=model / "run", data=scores_data, sources=other, out=out)
    assert done.returncode == 1
    words = "has 16000 Hz, but the data has 8000 Hz; convert both with one"
    assert words in done.stderr.splitlines()[-1]
    assert not out.exists()
