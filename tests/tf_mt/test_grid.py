"""The grid of contents and classes as a command."""

import subprocess
import sys

import numpy as np
import pytest

from tests.tf_mt.inference import untrained
from tf_mt.audio import files
from tf_mt.inference import live

INFO = untrained.INFO

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds a run of LORD and two clips."""
    folder = tmp_path_factory.mktemp("grid")
    untrained.save(folder / "run", "lord", "tiny")
    time = np.arange(12_000) / INFO.sample_rate_hz
    for name, pitch_hz in (("low", 220.0), ("high", 660.0)):
        tone = 0.4 * np.sin(2 * np.pi * pitch_hz * time)
        files.write(folder / f"{name}.wav", tone, INFO.sample_rate_hz)
    return folder


def drawn(folder, out, *inputs):
    given = [f"--input={folder / name}" for name in inputs]
    command = [sys.executable, "-m", "tf_mt.grid", f"--run={folder / 'run'}"]
    return subprocess.run(
        [*command, *given, f"--out={out}", "--seconds=1"],
        capture_output=True,
        text=True,
    )


def test_every_recording_is_played_by_every_instrument(folder, tmp_path):
    done = drawn(folder, tmp_path, "low.wav", "high.wav")
    assert done.returncode == 0, done.stderr
    names = [f"{r}_{c}" for r in ("low", "high") for c in ("source", *INFO.domains)]
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted([*(f"{name}.wav" for name in names), "picture.png"])
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    source = next(files.blocks(tmp_path / "low_source.wav", 8000, 8000))
    expected = live.Live(folder / "run").translate(source[np.newaxis], "flute")[0]
    flute = next(files.blocks(tmp_path / "low_flute.wav", 8000, 8000))
    np.testing.assert_allclose(flute, np.clip(expected, -1, 1), atol=2e-3)


def test_two_files_of_one_name_are_refused(folder, tmp_path):
    done = drawn(folder, tmp_path / "out", "low.wav", "low.wav")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: input: two files have one name, and results are named by it; "
        "rename one."
    )
    assert not (tmp_path / "out").exists()
