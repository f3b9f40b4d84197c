import numpy as np
import pytest

from tf_mt.evaluation.metrics import transcription

RATE_HZ = 16_000


def tone(pitch, rate_hz=RATE_HZ, seconds=1.0):
    time = np.arange(int(seconds * rate_hz)) / rate_hz
    hz = 440.0 * 2 ** ((pitch - 69) / 12)
    waves = [np.sin(2 * np.pi * n * hz * time) / n for n in range(1, 9)]
    return (0.1 * sum(waves) * np.exp(-2.0 * time)).astype(np.float32)


@pytest.mark.parametrize("pitch", [36, 45, 57, 60, 66, 72, 81, 93])
def test_a_tone_is_one_note(pitch):
    rest = np.zeros(RATE_HZ // 2, np.float32)
    found = transcription.transcribe(np.concatenate([rest, tone(pitch)]), RATE_HZ)
    assert found["pitch"].tolist() == [pitch]
    assert found["onset_seconds"] == pytest.approx(0.5, abs=0.035)


def test_what_sounds_from_the_first_begins_there():
    found = transcription.transcribe(tone(60), RATE_HZ)
    assert found.tolist() == [(0.0, 60)]


def test_held_notes_do_not_begin_again():
    held, joining = tone(48, seconds=2.0), tone(67)
    audio = held + np.concatenate([np.zeros(RATE_HZ, np.float32), joining])
    found = transcription.transcribe(audio, RATE_HZ)
    assert found["pitch"].tolist() == [48, 67]
    assert found["onset_seconds"][1] == pytest.approx(1.0, abs=0.035)


def test_repeated_notes_begin_again():
    found = transcription.transcribe(np.concatenate([tone(60)] * 3), RATE_HZ)
    assert found["pitch"].tolist() == [60, 60, 60]
    np.testing.assert_allclose(found["onset_seconds"], [0.0, 1.0, 2.0], atol=0.035)


def test_silence_has_no_notes():
    found = transcription.transcribe(np.zeros(RATE_HZ, np.float32), RATE_HZ)
    assert found.dtype == transcription.NOTE
    assert not len(found)


def test_notes_are_the_same_every_time():
    audio = np.random.default_rng(0).normal(0.0, 0.1, 2 * RATE_HZ).astype(np.float32)
    first = transcription.transcribe(audio, RATE_HZ)
    np.testing.assert_array_equal(first, transcription.transcribe(audio, RATE_HZ))


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
def test_activations_are_of_the_pitch(rate_hz):
    found = transcription.activations(tone(64, rate_hz), rate_hz)
    assert found.shape == (88, 1 + rate_hz // (2 * (rate_hz * 16 // 1000)))
    middle = found[:, 10]
    assert middle.argmax() == 64 - transcription.LOWEST_PITCH
    assert middle.max() > 0.9 * middle.sum()
