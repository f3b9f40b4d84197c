"""Warm start: initialisation from another run, and adding a domain."""

import dataclasses
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tf_mt import config, models
from tf_mt.data import clips
from tf_mt.training import run, trainer, warm_start

pytestmark = pytest.mark.slow


def tiny(approach, **changes):
    """The tiny preset, with a term whose layers belong to the domains."""
    hparams = models.preset(approach, "tiny").model
    weights = {**hparams.weights, "spectrum": 1.0}
    return dataclasses.replace(hparams, weights=weights, **changes)


def trained(
    approach, data, folder, info=None, hparams=None, init_from=None, **settings
):
    training = models.preset(approach, "tiny").training
    preset = config.Preset(hparams or models.preset(approach, "tiny").model, training)
    kept = run.Run(folder)
    settings |= run.settings_of(approach, preset, info or clips.read_info(data))
    if init_from is not None:
        settings["init_from"] = warm_start.parent_of(kept, init_from)

    def build():
        model = run.build(settings)
        warm_start.begin(model, settings, kept)
        return model

    kept.settle(settings)
    trainer.train(build, data, kept, preset.training)
    return run.load_model(folder)


def values(layers):
    return [v.numpy() for layer in layers for v in layer.variables]


def same(one, other):
    return all(map(np.array_equal, values(one), values(other)))


@pytest.fixture(scope="module")
def first(scores_data, tmp_path_factory):
    """A run of umt on two of the dataset's three domains."""
    folder = tmp_path_factory.mktemp("first") / "run"
    info = clips.read_info(scores_data)
    info = dataclasses.replace(info, domains=info.domains[:2])
    return folder, trained("umt", scores_data, folder, info, tiny("umt"))


def added(first, data, folder):
    parent = warm_start.parent_of(run.Run(folder), first)
    hparams, info = warm_start.widened(parent, "umt", clips.read_info(data), "trumpet")
    return trained(
        "umt", data, folder, info, hparams, init_from=first, add_domain="trumpet"
    )


def test_a_domain_is_added_and_all_else_stays(first, scores_data, tmp_path):
    folder, before = first
    after = added(folder, scores_data, tmp_path / "run")
    assert after.info.domains == ("violin", "flute", "trumpet")
    assert same(before.encoder, after.encoder)
    assert same(before.decoders, after.decoders[:2])
    begun = run.build(run.Run(tmp_path / "run").settings())
    assert not same(begun.decoders[2:], after.decoders[2:])
    audio = tf.random.stateless_normal([2, 4000], [0, 0], stddev=0.1)
    for number in range(2):
        domain = tf.fill([2], number)
        np.testing.assert_array_equal(
            before.translate(audio, domain), after.translate(audio, domain)
        )
    assert np.ptp(after.translate(audio, tf.fill([2], 2))) > 0.0


def test_adding_a_domain_is_repeated_bit_for_bit(first, scores_data, tmp_path):
    one = added(first[0], scores_data, tmp_path / "one")
    other = added(first[0], scores_data, tmp_path / "other")
    assert same(one.decoders, other.decoders)


@pytest.mark.parametrize("approach", ["cpc_gru", "cpc_wavenet"])
def test_decoders_of_umt_stay_frozen_under_another_encoder(
    first, scores_data, tmp_path, approach
):
    folder, umt = first
    hparams = tiny(approach, decoders="frozen")
    after = trained(
        approach, scores_data, tmp_path / "run", umt.info, hparams, init_from=folder
    )
    assert same(umt.decoders, after.decoders)
    begun = run.build(run.Run(tmp_path / "run").settings())
    assert not same(begun.encoder, after.encoder)
    assert after.parameters > sum(map(np.size, values(after.decoders)))


def test_frozen_decoders_have_to_come_from_somewhere(scores_data, tmp_path):
    hparams = tiny("cpc_gru", decoders="frozen")
    with pytest.raises(
        ValueError, match="none for flute, trumpet, violin; give --init"
    ):
        trained("cpc_gru", scores_data, tmp_path / "run", hparams=hparams)


@pytest.mark.parametrize(
    ("approach", "domain", "message"),
    [
        ("umt", "cello", "add_domain='cello' is not known"),
        ("umt", "flute", "add_domain='flute' is one of init_from="),
        ("cpc_gru", "trumpet", "approach='cpc_gru' must be that of init_from="),
    ],
)
def test_what_cannot_be_added_is_said(
    first, scores_data, tmp_path, approach, domain, message
):
    parent = warm_start.parent_of(run.Run(tmp_path), first[0])
    with pytest.raises(ValueError, match=message):
        warm_start.widened(parent, approach, clips.read_info(scores_data), domain)


def test_sizes_have_to_fit(first, scores_data, tmp_path):
    hparams = tiny("umt", latent=5)
    with pytest.raises(
        ValueError, match="init_from: the decoder there has other sizes"
    ):
        trained(
            "umt",
            scores_data,
            tmp_path / "run",
            first[1].info,
            hparams,
            init_from=first[0],
        )


def test_a_spectrogram_model_cannot_begin_from_another(first, scores_data, tmp_path):
    with pytest.raises(ValueError, match="VaeGan cannot begin from the weights"):
        trained("vae_gan", scores_data, tmp_path / "run", init_from=first[0])


def test_a_domain_needs_a_run_to_be_added_to(scores_data, tmp_path):
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tf_mt.train", "--approach=umt", "--preset=tiny"),
            *(f"--data={scores_data}", f"--run={tmp_path / 'run'}"),
            "--add_domain=trumpet",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "error: --add_domain needs a run to add it to" in done.stderr
    assert "Traceback" not in done.stderr


def train(data, folder, *flags):
    return subprocess.run(
        [
            *(sys.executable, "-m", "tf_mt.train", "--approach=cpc_gru"),
            *("--preset=tiny", "--decoders=frozen", "--precision=auto"),
            *(f"--data={data}", f"--run={folder / 'run'}", *flags),
        ],
        capture_output=True,
        text=True,
        cwd=folder,
    )


def test_a_run_goes_on_without_its_parent(scores_data, tmp_path):
    trained("umt", scores_data, tmp_path / "parent")
    assert train(scores_data, tmp_path, "--init_from=parent").returncode == 0
    run_folder = tmp_path / "run"
    (kept,) = (tmp_path / "run" / "checkpoints").glob("*4")
    # Killed after the first of its epochs.
    shutil.rmtree(kept)
    before = values(run.load_model(run_folder).decoders)

    absolute = train(scores_data, tmp_path, f"--init_from={tmp_path / 'parent'}")
    assert absolute.returncode == 0, absolute.stderr
    once = run.load_model(run_folder)

    shutil.rmtree(kept)
    shutil.rmtree(tmp_path / "parent")
    settings = run.Run(run_folder).settings()
    # As if it were begun on a machine where another precision is the fastest.
    (run_folder / "config.json").write_text(
        json.dumps(settings | {"resolved_precision": "mixed_bfloat16"})
    )
    alone = train(scores_data, tmp_path, "--init_from=parent")
    assert alone.returncode == 0, alone.stderr
    after = run.load_model(run_folder)
    assert all(map(np.array_equal, before, values(after.decoders)))
    assert not same(after.encoder, run.build(settings).encoder)
    assert not same(after.encoder, once.encoder)


def test_a_parent_of_other_weights_is_another(first, scores_data, tmp_path):
    folder = run.Run(tmp_path / "run")
    info = clips.read_info(scores_data)
    settings = run.settings_of("umt", models.preset("umt", "tiny"), info)
    settings["init_from"] = warm_start.parent_of(folder, first[0])
    folder.settle(settings)
    folder.save(run.build(settings), 2, [])
    shutil.copytree(first[0], tmp_path / "copy")
    settings["init_from"] = warm_start.parent_of(folder, tmp_path / "copy")
    assert folder.settle(settings)["init_from"]["run"] == str(first[0])

    copied = run.Run(tmp_path / "copy")
    copied.save(run.build(settings), 100, [])
    settings["init_from"] = warm_start.parent_of(folder, tmp_path / "copy")
    with pytest.raises(ValueError, match=r"other settings: init_from.weights_sha256="):
        folder.settle(settings)


def test_a_new_run_needs_its_parent(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no config\.json"):
        warm_start.parent_of(run.Run(tmp_path / "run"), tmp_path / "none")
