"""The model that travels with the package, as a user of it hears it."""

import subprocess
import sys

import numpy as np
import pytest

from tf_mt.audio import files
from tf_mt.evaluation.metrics import loudness, pitch
from tf_mt.inference import bundle, pretrained

MOST_BYTES = 25e6
INSTRUMENTS = {
    "violin",
    "cello",
    "flute",
    "clarinet",
    "trumpet",
    "alto_sax",
    "acoustic_guitar_nylon",
    "acoustic_grand_piano",
}


def test_it_knows_eight_instruments_and_is_small():
    info = bundle.Bundle(pretrained.BUNDLE).info
    assert set(info.domains) == INSTRUMENTS
    assert info.sample_rate_hz == 32_000
    assert info.reference_samples > 0
    held = [path for path in pretrained.BUNDLE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in held) < MOST_BYTES


def phrase(rate_hz, lufs):
    """Five notes with vibrato, as a file of any rate has them."""
    notes = []
    time = np.arange(round(0.6 * rate_hz)) / rate_hz
    for midi in (60, 64, 67, 65, 62):
        hz = 440.0 * 2 ** ((midi - 69) / 12)
        phase = 2 * np.pi * hz * time + 0.5 * np.sin(2 * np.pi * 5.0 * time)
        note = sum(np.sin(n * phase) / n**1.5 for n in range(1, 9))
        notes.append(note * np.exp(-time) * np.minimum(1.0, time / 0.03))
    audio = np.concatenate(notes)
    return audio * 10 ** ((lufs - loudness.integrated_lufs(audio, rate_hz)) / 20)


@pytest.mark.slow
@pytest.mark.parametrize("lufs", [-45.0, -20.0, -12.0])
def test_a_phrase_keeps_its_pitch_and_its_loudness(tmp_path, lufs):
    source = phrase(44_100, lufs)
    files.write(tmp_path / "phrase.wav", source, 44_100)
    command = [sys.executable, "-m", "tf_mt.translate", "--domain=cello"]
    command += [f"--input={tmp_path / 'phrase.wav'}", f"--output={tmp_path / 'b.wav'}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = files.read(tmp_path / "b.wav", 44_100)[: len(source)]
    assert loudness.integrated_lufs(made, 44_100) == pytest.approx(lufs, abs=3.0)
    kept = pitch.accuracies(pitch.track(source, 44_100), pitch.track(made, 44_100))
    assert kept.chroma > 0.9
    assert np.corrcoef(source[: len(made)], made)[0, 1] < 0.98


@pytest.mark.slow
def test_an_instrument_that_it_does_not_know_is_one_line(tmp_path):
    files.write(tmp_path / "phrase.wav", phrase(16_000, -20.0), 16_000)
    command = [sys.executable, "-m", "tf_mt.translate", "--domain=chello"]
    command += [f"--input={tmp_path / 'phrase.wav'}", f"--output={tmp_path / 'b.wav'}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    words = "domain='chello' is not known; did you mean 'cello'?"
    assert words in done.stderr.splitlines()[-1]
