"""Transfer of every file to every other as a command."""

import json
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
    """Holds a run and three clips."""
    folder = tmp_path_factory.mktemp("pairs")
    untrained.save(folder / "run", "vqvae", "tiny")
    time = np.arange(9000) / INFO.sample_rate_hz
    for number, name in enumerate(("low", "middle", "high")):
        tone = np.sin(2 * np.pi * 220.0 * time) * np.linspace(1.0, 0.2, len(time))
        bright = np.sin(2 * np.pi * 880.0 * (1 + number) * time)
        files.write(
            folder / f"{name}.wav", 0.3 * tone + 0.2 * bright, INFO.sample_rate_hz
        )
    return folder


def pairs(out, *given):
    command = [sys.executable, "-m", "tf_mt.pairs", f"--out={out}", *given]
    return subprocess.run(command, capture_output=True, text=True)


def test_every_file_is_transferred_to_every_other(folder, tmp_path):
    inputs = [f"--input={folder / name}.wav" for name in ("low", "middle", "high")]
    out = tmp_path / "out"
    systems = [f"--run={folder / 'run'}", f"--gram={folder / 'run'}"]
    done = pairs(out, *systems, "--gram_iterations=2", *inputs)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith((out / "pairs.md").read_text())
    scores = json.loads((out / "pairs.json").read_text())
    assert list(scores) == ["copy", "run", "run gram"]
    for found in scores.values():
        assert len(found) == 6
    for pair in scores["copy"].values():
        assert pair["to_source"] == 0.0
        assert pair["to_reference"] > 10.0
        assert pair["chroma"] == pytest.approx(1.0)
    there = scores["copy"]["low_to_high"]["to_reference"]
    assert there == scores["copy"]["high_to_low"]["to_reference"]
    assert "| copy | 0 |" in done.stdout
    assert "| 0 of 6 |" in done.stdout.splitlines()[2]
    for name in ("run", "run gram"):
        sounds = sorted((out / name).glob("*.wav"))
        assert len(sounds) == 6
        assert files.duration_seconds(sounds[0]) == 9000 / INFO.sample_rate_hz
        assert scores[name]["low_to_high"]["to_source"] > 1.0
    assert (out / "picture.png").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ((), "nothing transfers; give --run, --bundle or --gram."),
        (("--run={folder}/nothing",), "nothing"),
        (("--run={folder}/run", "--run={folder}/run"), "two systems have one name"),
    ],
)
def test_what_cannot_be_is_one_line(folder, tmp_path, given, words):
    inputs = [f"--input={folder / name}.wav" for name in ("low", "high")]
    flags = [text.format(folder=folder) for text in given]
    done = pairs(tmp_path / "out", *flags, *inputs)
    assert done.returncode == 1
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_one_file_is_no_pair(folder, tmp_path):
    one = f"--input={folder / 'low'}.wav"
    done = pairs(tmp_path / "out", f"--run={folder / 'run'}", one)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("give two files or more.")
