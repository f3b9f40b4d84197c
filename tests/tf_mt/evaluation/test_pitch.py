import numpy as np
import pytest

from tf_mt.evaluation import pitch

RATE_HZ = 16000


def tone(pitch_hz, seconds=2.0, partials=4):
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    waves = [np.sin(2 * np.pi * pitch_hz * n * time) / n for n in range(1, partials)]
    return (0.2 * sum(waves)).astype(np.float32)


def test_the_same_tone_keeps_its_pitch():
    assert pitch.accuracy(tone(440.0), tone(440.0), RATE_HZ) == 1.0


def test_timbre_and_level_do_not_matter():
    other = 0.1 * tone(440.0, partials=9)
    assert pitch.accuracy(tone(440.0), other, RATE_HZ) > 0.95


@pytest.mark.parametrize(("cents", "kept"), [(30, 1.0), (70, 0.0), (1200, 0.0)])
def test_half_a_semitone_is_the_limit(cents, kept):
    moved = tone(440.0 * 2 ** (cents / 1200))
    assert pitch.accuracy(tone(440.0), moved, RATE_HZ) == pytest.approx(kept, abs=0.05)


def test_rests_do_not_count():
    noise = np.random.default_rng(0).normal(0.0, 0.1, RATE_HZ).astype(np.float32)
    rest = np.zeros(RATE_HZ, np.float32)
    reference = np.concatenate([tone(440.0), rest])
    estimate = np.concatenate([tone(440.0), noise])
    assert pitch.accuracy(reference, estimate, RATE_HZ) > 0.95


def test_noise_has_no_pitch_to_be_right():
    noise = np.random.default_rng(0).normal(0.0, 0.1, 2 * RATE_HZ).astype(np.float32)
    assert pitch.accuracy(tone(440.0), noise, RATE_HZ) < 0.2


def test_silence_is_refused():
    with pytest.raises(ValueError, match="silent"):
        pitch.accuracy(np.zeros(RATE_HZ), np.zeros(RATE_HZ), RATE_HZ)
