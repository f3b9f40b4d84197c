"""Exporting and translating as commands, the way a user runs them."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib import image

from tf_mt import dataset, models
from tf_mt.audio import files
from tf_mt.inference import bundle
from tf_mt.training import run

pytestmark = pytest.mark.slow


def command(module, **given):
    arguments = [f"--{name}={value}" for name, value in given.items()]
    return subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "toy"
    info = dataset.DatasetInfo("toy", 8000, ("cello", "flute"))
    settings = run.settings_of("vae_gan", models.preset("vae_gan", "tiny"), info)
    folder = run.Run(path)
    folder.settle(settings)
    folder.save(run.build(settings), step=0, history=[])
    return path


@pytest.fixture(scope="module")
def base(trained, tmp_path_factory):
    base = tmp_path_factory.mktemp("bundles") / "toy"
    bundle.export(run.load_model(trained), base)
    return base


@pytest.fixture
def recordings(tmp_path):
    folder = tmp_path / "recordings" / "deep"
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, 20_001).astype(np.float32)
    for name in ("one.wav", "two.wav"):
        files.write(folder / name, audio, 8000)
    return folder.parent


def test_export(trained, tmp_path):
    done = command("tf_mt.export", run=trained, out=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        f"Exported {tmp_path / 'toy' / '1'}.\n"
        f"Next: python -m serving.server --model_base_path={tmp_path / 'toy'} "
        "--model_name=toy --port=8500\n"
    )
    assert ".tmp" not in done.stderr
    assert bundle.Bundle(tmp_path / "toy" / "1").info.sample_rate_hz == 8000


def test_export_refuses_names_that_are_paths(trained, tmp_path):
    done = command("tf_mt.export", run=trained, out=tmp_path / "out", model="..")
    assert done.returncode == 1
    assert "error: model='..' must be letters" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_folder_is_translated_as_the_bundle_does(base, recordings, tmp_path):
    done = command(
        "tf_mt.translate",
        bundle=base,
        domain="flute",
        input=recordings,
        output=tmp_path / "translated",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "audio: 100%" in done.stderr
    audio = files.read(recordings / "deep" / "one.wav", 8000)
    expected = np.concatenate(
        list(bundle.Bundle(base).translate_stream([audio], "flute"))
    )
    for name in ("one.wav", "two.wav"):
        written = files.read(tmp_path / "translated" / "deep" / name, 8000)
        np.testing.assert_allclose(written, expected, atol=4e-5)


def test_a_picture_of_one_file_and_its_translation(base, recordings, tmp_path):
    done = command(
        "tf_mt.translate",
        bundle=base,
        domain="flute",
        input=recordings / "deep" / "one.wav",
        output=tmp_path,
        picture=tmp_path / "one.png",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.wav").exists()
    height, width, _ = image.imread(tmp_path / "one.png").shape
    assert height > 500 and width > 900


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"picture": "a.png"}, "picture='a.png' is of one file, but input="),
        ({"domain": "flut"}, "domain='flut' is not known; did you mean 'flute'"),
        ({"input": "nowhere"}, "source='nowhere': no audio file there"),
    ],
)
def test_mistakes_are_one_line(base, recordings, tmp_path, changed, words):
    given = {
        "bundle": base,
        "domain": "flute",
        "input": recordings,
        "output": tmp_path / "translated",
    }
    done = command("tf_mt.translate", **{**given, **changed})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: {words}")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "translated").exists()


def test_a_pipe_is_translated_as_a_file_is(base, recordings, tmp_path):
    written = tmp_path / "out.wav"
    source = recordings / "deep" / "one.wav"
    done = command(
        "tf_mt.translate", bundle=base, domain="flute", input=source, output=written
    )
    assert done.returncode == 0, done.stderr
    flags = f"--bundle={base}", "--domain=flute", "--input=-", "--output=-"
    piped = subprocess.run(
        [sys.executable, "-m", "tf_mt.translate", *flags],
        input=source.read_bytes(),
        capture_output=True,
    )
    assert piped.returncode == 0, piped.stderr
    samples = np.frombuffer(piped.stdout[44:], "<i2")
    np.testing.assert_array_equal(samples, files.to_pcm16(files.read(written, 8000)))
    assert piped.stderr.startswith(b"translated 2.50 s of audio")
