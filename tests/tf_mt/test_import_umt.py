import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests.tf_mt import published_networks, torch_writer
from tf_mt.audio import mu_law
from tf_mt.importers import umt, umt_layers
from tf_mt.models import umt as umt_model
from tf_mt.training import run

SMALL, DEEP = published_networks.SMALL, published_networks.DEEP
DOMAINS = published_networks.DOMAINS


def imported(tmp_path, domains=DOMAINS, name="lastmodel"):
    """Imports what was written to a folder there."""
    found = umt.find(tmp_path / "published", name)
    return umt.make_run(found, domains, 16000, tmp_path / "run")


def refusal(tmp_path, match, **given):
    """Imports what cannot be: it says why, and leaves nothing."""
    with pytest.raises((ValueError, OSError), match=match) as caught:
        imported(tmp_path, **given)
    assert "\n" not in str(caught.value)
    assert not [path for path in tmp_path.iterdir() if "run" in path.name]


def equal_to_published(model, states, sizes, frames):
    samples = frames * sizes["encoder_pool"]
    codes = np.random.default_rng(1).integers(0, 256, samples)
    signal = mu_law.scale(tf.constant(codes))[tf.newaxis, :, tf.newaxis]
    expected_code = published_networks.encode(codes, states[0]["encoder_state"], sizes)
    code = model.analyse(signal)
    np.testing.assert_allclose(code[0], expected_code.T, atol=1e-4)
    assert np.ptp(expected_code, axis=1).min() > 0.01
    for decoder, state in zip(model.decoders, states, strict=True):
        expected = published_networks.predict(
            codes, expected_code, state["decoder_state"], sizes
        )
        logits = decoder(signal, code)
        np.testing.assert_allclose(logits[0], expected.T, atol=1e-4)
        assert np.ptp(expected, axis=1).min() > 0.01


@pytest.mark.parametrize("layout", torch_writer.LAYOUTS)
def test_networks_are_the_published_ones(layout, tmp_path):
    states = published_networks.write(tmp_path / "published", SMALL, layout)
    imported(tmp_path)
    equal_to_published(run.load_model(tmp_path / "run"), states, SMALL, frames=20)


@pytest.mark.slow
def test_networks_are_the_published_ones_in_all_their_depth(tmp_path):
    states = published_networks.write(tmp_path / "published", DEEP, decoders=1)
    imported(tmp_path, domains=["cello"])
    model = run.load_model(tmp_path / "run")
    # As long as the reach of a block of the decoder.
    equal_to_published(model, states, DEEP, frames=21)


def test_published_sizes():
    arguments = {
        "encoder_channels": 128,
        "encoder_blocks": 3,
        "encoder_layers": 10,
        "encoder_func": "relu",
        "latent_d": 64,
        "kernel_size": 2,
        "residual_channels": 128,
        "skip_channels": 128,
        "blocks": 4,
        "layers": 14,
    }
    assert umt_layers.hparams(arguments) == umt_model.Config(weights={"confusion": 0.0})


@pytest.mark.slow
def test_the_run_translates(tmp_path):
    published_networks.write(tmp_path / "published", SMALL, encoder_pool=40)
    imported(tmp_path)
    model = run.load_model(tmp_path / "run")
    assert not model.hparams.biased_decode
    audio = tf.random.stateless_uniform([1, 4000], [0, 0], -0.5, 0.5)
    sounds = [
        model.decode(model.encode(audio), model.timbre(tf.constant([domain])))
        for domain in range(3)
    ]
    assert sounds[0].shape == (1, 4000)
    assert not np.allclose(sounds[0], sounds[1])


def test_the_run_tells_where_it_is_from(tmp_path):
    published_networks.write(tmp_path / "published", SMALL, data=["a", "b"])
    assert imported(tmp_path) == ["a", "b", "unknown"]
    settings = run.Run(tmp_path / "run").settings()
    assert settings["imported"] == {
        "files": ["lastmodel_0.pth", "lastmodel_1.pth", "lastmodel_2.pth"],
        "licence": "CC BY-NC 4.0",
    }
    assert settings["dataset"] == {
        "name": "umt published",
        "sample_rate_hz": 16000,
        "domains": list(DOMAINS),
    }


def test_decoders_are_in_order_of_their_ids(tmp_path):
    folder = tmp_path / "published"
    states = published_networks.write(folder, SMALL)
    (folder / "lastmodel_1.pth").rename(folder / "lastmodel_10.pth")
    assert [*umt.find(folder, "lastmodel")] == [0, 2, 10]
    imported(tmp_path)
    model = run.load_model(tmp_path / "run")
    for decoder, number in zip(model.decoders, (0, 2, 1), strict=True):
        bias = states[number]["decoder_state"]["logits.bias"]
        np.testing.assert_array_equal(decoder.last.bias, bias)


def test_another_encoder_is_told_of(tmp_path, caplog):
    folder = tmp_path / "published"
    states = published_networks.write(folder, SMALL)
    changed = {**states[2], "encoder_state": dict(states[2]["encoder_state"])}
    changed["encoder_state"]["start.bias"] = np.zeros(8, np.float32)
    torch_writer.save(folder / "lastmodel_2.pth", changed, "zip")
    imported(tmp_path)
    assert "encoder of lastmodel_0.pth is used" in caplog.text
    assert "lastmodel_2.pth was trained" in caplog.text


def test_a_folder_without_checkpoints(tmp_path):
    refusal(tmp_path, "published' must be a folder with <name>_<id>.pth")
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "args.pth").touch()
    refusal(tmp_path, "published' must be a folder with <name>_<id>.pth")


def test_names(tmp_path):
    published_networks.write(tmp_path / "published", SMALL, name="bestmodel")
    refusal(tmp_path, "name='lastmodel' is not known; .*: bestmodel")
    imported(tmp_path, name="bestmodel")


@pytest.mark.parametrize(
    ("domains", "reason"),
    [
        (["cello", "piano"], "domains=cello,piano must be one for each of .* give 3"),
        (["cello", "piano", "cello"], "must all be different"),
    ],
)
def test_domains(domains, reason, tmp_path):
    published_networks.write(tmp_path / "published", SMALL)
    refusal(tmp_path, reason, domains=domains)


def test_a_run_that_exists(tmp_path):
    published_networks.write(tmp_path / "published", SMALL)
    imported(tmp_path)
    with pytest.raises(ValueError, match="run' exists; name"):
        imported(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kernel_size": 3}, r"args\.pth': kernel_size=3 must be 2"),
        ({"encoder_func": "glu"}, "encoder_func='glu' must be 'relu'"),
        ({"skip_channels": 16}, "skip_channels=16 must be 8"),
        ({"layers": "14"}, "decoder_layers='14' must be of type int"),
        ({"layers": 4}, r"lastmodel_0\.pth': the decoder's layers\.6\.causal\.bias is"),
        ({"layers": 2}, r"layers\.4\.causal\.bias is \(16,\), .* should be absent"),
        ({"encoder_layers": 4}, r"dilated_convs\.6\.conv_1x1\.bias is absent"),
        ({"latent_d": 6}, r"conv_1x1\.bias is \(5,\), .* should be \(6,\)"),
    ],
)
def test_other_networks(changes, reason, tmp_path):
    published_networks.write(tmp_path / "published", SMALL, **changes)
    refusal(tmp_path, reason)


def test_an_encoder_of_another_kernel_size(tmp_path):
    folder = tmp_path / "published"
    states = published_networks.write(folder, SMALL)
    states[0]["encoder_state"]["start.weight"] = np.zeros((8, 1, 5), np.float32)
    torch_writer.save(folder / "lastmodel_0.pth", states[0], "zip")
    reason = r"encoder's start\.weight is \(8, 1, 5\), .* should be \(8, 1, 3\)"
    refusal(tmp_path, reason)


def test_arguments_that_are_not_there(tmp_path):
    folder = tmp_path / "published"
    published_networks.write(folder, SMALL)
    torch_writer.save(folder / "args.pth", [{"layers": 3}, 264], "zip")
    refusal(tmp_path, r"args\.pth' must hold the arguments")
    told = published_networks.arguments(SMALL)
    del told.layers
    torch_writer.save(folder / "args.pth", [told, 264], "zip")
    refusal(tmp_path, r"args\.pth': the arguments lack 'layers'")
    (folder / "args.pth").unlink()
    refusal(tmp_path, r"args\.pth")


def test_files_that_hold_something_else(tmp_path):
    folder = tmp_path / "published"
    states = published_networks.write(folder, SMALL)
    torch_writer.save(folder / "lastmodel_1.pth", states[1]["decoder_state"], "zip")
    refusal(tmp_path, r"lastmodel_1\.pth' must hold encoder_state and decoder_state")


def test_a_file_that_is_cut_off(tmp_path):
    published_networks.write(tmp_path / "published", SMALL)
    path = tmp_path / "published" / "lastmodel_1.pth"
    path.write_bytes(path.read_bytes()[:-1])
    refusal(tmp_path, r"lastmodel_1\.pth' cannot be read")


def command(module, *arguments):
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True
    )


@pytest.mark.slow
def test_the_command(tmp_path):
    published = tmp_path / "published"
    published_networks.write(published, SMALL)
    given = (f"--checkpoints={published}", f"--run={tmp_path / 'run'}")
    done = command("tf_mt.import_umt", *given, f"--domains={','.join(DOMAINS)}")
    assert done.returncode == 0, done.stderr
    assert "cello: lastmodel_0.pth" in done.stdout
    assert "CC BY-NC 4.0" in done.stdout
    exporting = (f"--run={tmp_path / 'run'}", f"--out={tmp_path / 'bundles'}")
    exported = command("tf_mt.export", *exporting)
    assert exported.returncode == 0, exported.stderr
    assert json.loads((tmp_path / "run" / "config.json").read_text())["imported"]
    again = command("tf_mt.import_umt", *given, "--domains=cello")
    assert again.returncode == 1
    assert again.stderr.endswith("exists; name a folder that does not.\n")
