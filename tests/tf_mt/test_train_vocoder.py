"""The script that trains vocoders, and bundles that are exported with one."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from tf_mt import models
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


def test_a_run_that_is_cut_off_ends_the_same(scores_data, folder):
    shutil.copytree(folder / "vocoder", folder / "cut")
    newest = sorted((folder / "cut/checkpoints").iterdir())[-1]
    shutil.rmtree(newest)
    resumed = script("train_vocoder", *flags(scores_data, folder, "cut"))
    assert resumed.returncode == 0, resumed.stderr
    assert newest.exists()
    one, other = (stored.load(folder / name) for name in ("vocoder", "cut"))
    for left, right in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(left, right)


def test_the_log_has_sound(folder):
    logged = event_accumulator.EventAccumulator(
        str(folder / "vocoder/logs"), {"tensors": 0}
    ).Reload()
    domains = stored.load(folder / "vocoder").info.domains
    kinds = ("truth", "resynthesis")
    expected = {f"{name}/{kind}" for name in domains[:3] for kind in kinds}
    assert expected <= set(logged.Tags()["tensors"])


def test_the_history_has_every_term(folder):
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
    # Griffin-Lim makes more of what rounding does.
    assert np.std(loaded.translate(audio, domain) - expected) < 0.01 * np.std(expected)
    plain = live.Live(folder / "front")
    assert np.std(plain.translate(audio, domain) - expected) > 0.1 * np.std(expected)
    network = stored.load(folder / "vocoder").network
    assert loaded.info.parameters == plain.info.parameters + network.count_params()


def test_what_does_not_fit_is_refused(scores_data, folder, tmp_path):
    made = stored.load(folder / "vocoder")
    info = clips.read_info(scores_data)
    for approach, words in (
        ("umt", "has no use for a vocoder"),
        ("lord", "spectrograms have"),
    ):
        model = run.load_model(untrained(tmp_path / approach, approach, info))
        with pytest.raises(ValueError, match=words):
            stored.attach(model, made)
    with pytest.raises(ValueError, match="the run is of the approach 'vae_gan'"):
        stored.load(folder / "front")
    with pytest.raises(ValueError, match="it is of a vocoder"):
        run.load_model(folder / "vocoder")


def test_a_mistake_of_the_user_is_one_line(scores_data, folder):
    refused = script(
        "train_vocoder", *flags(scores_data, folder, "new"), "--preset=smal"
    )
    assert refused.returncode == 1
    assert "did you mean 'small'" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("train", ["--approach=vae_gan", "--preset=tiny", "--init_from={}/vocoder"]),
        ("explore", ["--domain=violin", "--out={}/x", "--points=1"]),
    ],
)
def test_a_vocoder_is_no_model_to_translate_with(scores_data, folder, name, given):
    flags = [flag.format(folder) for flag in given]
    if name == "train":
        flags += [f"--data={scores_data}", f"--run={folder}/from"]
    else:
        flags += [f"--run={folder}/vocoder"]
    refused = script(name, *flags)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: run: it is of a vocoder")
