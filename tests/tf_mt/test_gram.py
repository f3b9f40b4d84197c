"""Transfer by Gram matrices as a command."""

import subprocess
import sys

import numpy as np
import pytest

from tests.tf_mt.inference import untrained
from tf_mt.audio import files

INFO = untrained.INFO

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds a run and two clips."""
    folder = tmp_path_factory.mktemp("gram")
    untrained.save(folder / "run", "vqvae", "tiny")
    time = np.arange(6000) / INFO.sample_rate_hz
    for name, pitch_hz in (("low", 220.0), ("high", 660.0)):
        tone = 0.4 * np.sin(2 * np.pi * pitch_hz * time)
        files.write(folder / f"{name}.wav", tone, INFO.sample_rate_hz)
    return folder


def transferred(folder, out, *given):
    command = [sys.executable, "-m", "tf_mt.gram", f"--run={folder / 'run'}"]
    command += [f"--input={folder / 'low.wav'}", f"--reference={folder / 'high.wav'}"]
    return subprocess.run(
        [*command, f"--output={out}", "--iterations=3", "--seconds=0.5", *given],
        capture_output=True,
        text=True,
    )


def test_a_recording_is_written(folder, tmp_path):
    done = transferred(folder, tmp_path / "c.wav", "--levels=1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Sound: {tmp_path / 'c.wav'}.\n"
    assert files.duration_seconds(tmp_path / "c.wav") == 0.5
    found, source = (
        next(files.blocks(path, 8000, 4000))
        for path in (tmp_path / "c.wav", folder / "low.wav")
    )
    assert np.abs(found - source).max() > 1e-3


def test_a_level_that_is_not_there_is_one_line(folder, tmp_path):
    done = transferred(folder, tmp_path / "c.wav", "--levels=0,2")
    assert done.returncode == 1
    assert "levels='2' is not known" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "c.wav").exists()
