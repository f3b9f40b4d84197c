import dataclasses
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator

from tests.tf_mt.models import made_up, tiny
from tf_mt import config, models
from tf_mt.data import clips
from tf_mt.training import run, trainer

SMALL_STEPS = 2e-5

TINY = models.preset("vae_gan", "tiny")


def trained(data, folder, strategy=None, model=None, approach="vae_gan", **changes):
    smallest = tiny.preset(approach, clips.read_info(data).domains)
    preset = config.Preset(
        model or smallest.model, dataclasses.replace(smallest.training, **changes)
    )
    info = trainer.dataset_info(models.approach(approach), preset.model, data)
    settings = run.settings_of(approach, preset, info)
    kept = run.Run(folder)
    kept.settle(settings)
    trainer.train(lambda: run.build(settings), data, kept, preset.training, strategy)
    return kept


def weights(folder):
    return [v.numpy() for v in run.load_model(pathlib.Path(folder)).weights]


def history(folder):
    newest = sorted((pathlib.Path(folder) / "checkpoints").iterdir())[-1]
    return json.loads((newest / "state.json").read_text())["history"]


def assert_same(one, other):
    for left, right in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(left, right)
    assert history(one) == history(other)


def assert_close(one, other):
    """Holds two runs against each other, but for what has no effect.

    Adam makes full steps of a gradient that is zero but for rounding. That is every
    gradient of a bias before an instance normalisation, so biases are left to the
    losses; and a kernel's now and then, so these runs take small steps.
    """
    for left, right in zip(weights(one), weights(other), strict=True):
        if left.ndim > 1:
            np.testing.assert_allclose(left, right, atol=1e-5)
    for left, right in zip(history(one), history(other), strict=True):
        for split in ("train", "validation"):
            assert left[split] == pytest.approx(right[split], rel=1e-4)


@pytest.fixture(scope="module")
def whole(scores_data, tmp_path_factory):
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    trained(scores_data, folder)
    return folder


def test_a_run_leaves_checkpoints_and_logs(whole):
    names = sorted(path.name for path in (whole / "checkpoints").iterdir())
    assert names == ["00000002", "00000004"]
    entries = history(whole)
    assert [entry["step"] for entry in entries] == [2, 4]
    expected = {"reconstruction", "kl", "adversarial", "cycle", "latent"}
    assert set(entries[0]["train"]) == expected | {"discriminator"}
    logged = event_accumulator.EventAccumulator(
        str(whole / "logs"), {"audio": 0, "images": 0, "tensors": 0}
    ).Reload()
    tags = logged.Tags()["tensors"]
    assert {"train/kl", "validation/cycle", "speed/data_wait"} <= set(tags)
    kinds = ("source", "translation", "reconstruction")
    assert {f"violin_to_flute/{kind}" for kind in kinds} <= set(tags)
    assert "violin_to_flute" in tags
    value = tf.make_ndarray(logged.Tensors("train/reconstruction")[0].tensor_proto)
    assert value == pytest.approx(entries[0]["train"]["reconstruction"], rel=1e-6)


def test_the_same_command_gives_the_same_weights(scores_data, whole, tmp_path):
    trained(scores_data, tmp_path / "again")
    assert_same(whole, tmp_path / "again")


def test_an_interrupted_run_ends_the_same(scores_data, whole, tmp_path, monkeypatch):
    cut_off(scores_data, tmp_path / "cut", monkeypatch)
    assert [p.name for p in (tmp_path / "cut/checkpoints").iterdir()] == ["00000002"]
    trained(scores_data, tmp_path / "cut")
    assert_same(whole, tmp_path / "cut")


def test_a_finished_run_is_left_alone(scores_data, whole):
    before = (whole / "checkpoints/00000004/model.weights.h5").stat().st_mtime_ns
    trained(scores_data, whole)
    after = (whole / "checkpoints/00000004/model.weights.h5").stat().st_mtime_ns
    assert before == after


@pytest.mark.parametrize(
    ("approach", "clip_norm"),
    [("vae_gan", 0.0), *((approach, 0.05) for approach in models.APPROACHES)],
)
def test_two_replicas_equal_one(
    scores_data, paired_data, tmp_path, approach, clip_norm
):
    changes = {"clip_norm": clip_norm, "noise_db": -40.0, "gain_db": 6.0}
    changes |= {"learning_rate": SMALL_STEPS, "approach": approach}
    if approach != "vae_gan":
        changes["pitch_semitones"] = 0.5
    data = paired_data if approach == "gains" else scores_data
    same_on_two(data, tmp_path, **changes)


def test_two_replicas_equal_one_where_pairs_are_learned(paired_data, tmp_path):
    """With an encoder that learns first, too."""
    hparams = dataclasses.replace(
        models.preset("umt", "tiny").model,
        encoder_pretraining_steps=2,
        weights={"paired": 1.0, "spectrum": 5.0, "confusion": 0.0},
    )
    changes = {"approach": "umt", "model": hparams, "learning_rate": SMALL_STEPS}
    same_on_two(paired_data, tmp_path, **changes)
    assert history(tmp_path / "one")[-1]["train"]["paired"] > 0.0


@pytest.mark.parametrize("approach", ["vae_gan", "umt"])
def test_instruments_that_are_heard_only_train_the_same_on_two_replicas(
    heard_data, tmp_path, monkeypatch, approach
):
    weights = {"paired": 1.0, "confusion": 0.1}
    smallest = models.preset(approach, "tiny").model
    changes = {
        "approach": approach,
        "model": dataclasses.replace(smallest, weights=weights),
        "learning_rate": SMALL_STEPS,
        "heard_share": 0.5,
        "gain_db": 6.0,
        "equaliser_db": 3.0,
    }
    same_on_two(heard_data, tmp_path, **changes)
    cut_off(heard_data, tmp_path / "cut", monkeypatch, **changes)
    trained(heard_data, tmp_path / "cut", **changes)
    assert_same(tmp_path / "one", tmp_path / "cut")
    model = run.load_model(tmp_path / "one")
    assert model.info.domains == clips.read_info(heard_data).domains
    assert history(tmp_path / "one")[-1]["train"]["paired"] > 0.0
    trained(heard_data, tmp_path / "without", **changes | {"heard_share": 0.0})
    ours, theirs = (history(tmp_path / name)[0] for name in ("one", "without"))
    assert ours["train"]["paired"] != theirs["train"]["paired"]


def test_pairs_are_needed_to_hear_other_instruments(heard_data, paired_data, tmp_path):
    with pytest.raises(
        ValueError, match=r"heard_share=0\.5: batches must be of the fo"
    ):
        trained(heard_data, tmp_path / "unpaired", heard_share=0.5)
    paired = dataclasses.replace(TINY.model, weights={"paired": 1.0})
    with pytest.raises(ValueError, match=r"heard_share=0\.5: scores/paired must have"):
        trained(paired_data, tmp_path / "none", model=paired, heard_share=0.5)
    with pytest.raises(ValueError, match=r"heard_share=1\.5 must be at most 1"):
        config.Training(heard_share=1.5)


def same_on_two(data, tmp_path, **changes):
    trained(data, tmp_path / "one", **changes)
    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    assert len(devices) == 2
    strategy = tf.distribute.MirroredStrategy(
        devices,
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    trained(data, tmp_path / "two", strategy, **changes)
    assert_close(tmp_path / "one", tmp_path / "two")


@pytest.fixture
def made_up_approach(monkeypatch):
    """The line in the table of approaches that a new one needs."""
    monkeypatch.setitem(models.APPROACHES, "made_up", made_up.APPROACH)


def cut_off(data, folder, monkeypatch, **changes):
    """Trains until the second checkpoint would be written."""
    with monkeypatch.context() as patched:
        saved = run.Run.save

        def save_once(self, *arguments):
            if list(self.path.glob("checkpoints/*")):
                raise KeyboardInterrupt
            saved(self, *arguments)

        patched.setattr(run.Run, "save", save_once)
        with pytest.raises(KeyboardInterrupt):
            trained(data, folder, **changes)


@pytest.mark.usefixtures("made_up_approach")
def test_tables_order_and_state_resume_to_the_same_result(
    scores_data, tmp_path, monkeypatch
):
    # Epochs of an odd number of steps: what is due is not the same in each.
    changes = {"approach": "made_up", "steps": 6, "epoch_steps": 3}
    trained(scores_data, tmp_path / "whole", **changes)
    cut_off(scores_data, tmp_path / "cut", monkeypatch, **changes)
    trained(scores_data, tmp_path / "cut", **changes)
    assert_same(tmp_path / "whole", tmp_path / "cut")
    model = run.load_model(tmp_path / "whole")
    assert np.all(np.any(model.pool_of_outputs.numpy(), axis=1))


@pytest.mark.usefixtures("made_up_approach")
def test_tables_order_and_state_are_the_same_on_two_replicas(scores_data, tmp_path):
    changes = {"approach": "made_up", "learning_rate": SMALL_STEPS, "clip_norm": 0.5}
    same_on_two(scores_data, tmp_path, **changes)
    info = run.load_model(tmp_path / "two").info
    assert info.indexed_clips == clips.grid_size(scores_data, 4 * 128) > 100


@pytest.mark.parametrize("approach", ["lord", "vqvae"])
def test_codes_resume_to_the_same_result(scores_data, tmp_path, monkeypatch, approach):
    changes = {"approach": approach, "steps": 4, "epoch_steps": 2}
    # Of several runs in one process the first can round otherwise than the others.
    trained(scores_data, tmp_path / "first", **changes)
    trained(scores_data, tmp_path / "whole", **changes)
    cut_off(scores_data, tmp_path / "cut", monkeypatch, **changes)
    trained(scores_data, tmp_path / "cut", **changes)
    assert_same(tmp_path / "whole", tmp_path / "cut")


def test_a_pool_of_translations_resumes_to_the_same_result(
    scores_data, tmp_path, monkeypatch
):
    changes = {"approach": "cyclegan", "steps": 6, "epoch_steps": 3}
    trained(scores_data, tmp_path / "whole", **changes)
    cut_off(scores_data, tmp_path / "cut", monkeypatch, **changes)
    trained(scores_data, tmp_path / "cut", **changes)
    assert_same(tmp_path / "whole", tmp_path / "cut")
    model = run.load_model(tmp_path / "whole")
    assert model.pool_a.count.numpy() == 12.0


def test_bfloat16_trains_and_loads_as_float32(scores_data, tmp_path):
    trained(scores_data, tmp_path / "run", precision="mixed_bfloat16")
    model = run.load_model(tmp_path / "run")
    assert {v.dtype for v in model.weights} == {"float32"}
    assert model.encoder.compute_dtype == "float32"


def test_settings_of_a_run_cannot_change(scores_data, whole):
    with pytest.raises(ValueError, match=r"training.learning_rate=0.5, not 0.0001"):
        trained(scores_data, whole, learning_rate=0.5)


def test_a_run_that_never_began_takes_other_settings(scores_data, tmp_path):
    settings = run.settings_of("vae_gan", TINY, clips.read_info(scores_data))
    folder = run.Run(tmp_path / "run")
    folder.settle(settings)
    folder.settle(settings | {"approach": "another"})
    assert folder.settings()["approach"] == "another"


def test_what_cannot_be_shared_out_is_refused(scores_data, tmp_path):
    with pytest.raises(ValueError, match="steps=5 must be a multiple of epoch_steps=2"):
        trained(scores_data, tmp_path, steps=5)
    two = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
    with pytest.raises(ValueError, match="batch_size=3 must be a multiple of the 2"):
        trained(scores_data, tmp_path, two, batch_size=3)


def test_a_loss_that_is_not_finite_stops_the_run(scores_data, tmp_path):
    exploding = dataclasses.replace(TINY.model, weights={"kl": float("inf")})
    with pytest.raises(FloatingPointError, match="no longer finite"):
        trained(scores_data, tmp_path / "run", model=exploding)
    assert not list((tmp_path / "run/checkpoints").glob("*"))


def command(data, folder, *flags):
    return [
        sys.executable,
        "-m",
        "tf_mt.train",
        "--approach=vae_gan",
        "--preset=tiny",
        f"--data={data}",
        f"--run={folder}",
        *flags,
    ]


@pytest.mark.slow
def test_killed_at_any_moment_a_run_ends_the_same(scores_data, tmp_path):
    flags = ("--steps=12", "--epoch_steps=3")
    subprocess.run(command(scores_data, tmp_path / "whole", *flags), check=True)
    kills = 0
    for wait_for in ("00000003", "00000006"):
        process = subprocess.Popen(
            command(scores_data, tmp_path / "cut", *flags), stderr=subprocess.DEVNULL
        )
        newest = tmp_path / "cut/checkpoints" / wait_for
        while process.poll() is None and not newest.exists():
            time.sleep(0.001)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
    assert kills == 2
    subprocess.run(command(scores_data, tmp_path / "cut", *flags), check=True)
    assert_same(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.slow
def test_two_workers_equal_one(scores_data, tmp_path):
    flag = f"--learning_rate={SMALL_STEPS}"
    subprocess.run(command(scores_data, tmp_path / "one", flag), check=True)
    workers = [f"localhost:{_free_port()}" for _ in range(2)]
    processes = [
        subprocess.Popen(
            command(scores_data, tmp_path / "two", flag),
            env=os.environ
            | {
                "TF_CONFIG": json.dumps(
                    {
                        "cluster": {"worker": workers},
                        "task": {"type": "worker", "index": index},
                    }
                )
            },
        )
        for index in range(2)
    ]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    assert_close(tmp_path / "one", tmp_path / "two")


def _free_port():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--approach=vae_gam",), r"did you mean 'vae_gan'"),
        (("--approach=vae_gan", "--preset=smal"), r"did you mean 'small'"),
        (("--approach=vae_gan", "--stam=3"), r"Did you mean: stem"),
        (("--approach=vae_gan", "--stem=many"), r"stem"),
        (("--approach=vae_gan", "--stem=0"), r"stem=0 must be at least 1"),
    ],
)
def test_mistakes_of_the_user_are_one_line(flags, sentence, tmp_path):
    given = ["--data=nowhere", f"--run={tmp_path / 'run'}", *flags]
    done = subprocess.run(
        [sys.executable, "-m", "tf_mt.train", *given], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert re.search(sentence, done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_help_lists_the_config_fields_of_the_approach():
    done = subprocess.run(
        [sys.executable, "-m", "tf_mt.train", "--approach=vae_gan", "--help"],
        capture_output=True,
        text=True,
    )
    for flag in ("--halvings", "--objective", "--epoch_steps", "--weights"):
        assert flag in done.stdout
