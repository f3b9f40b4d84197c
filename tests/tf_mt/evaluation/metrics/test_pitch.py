import mir_eval
import numpy as np
import pytest

from tf_mt.evaluation.metrics import pitch

RATE_HZ = 16000


def tone(pitch_hz, seconds=2.0, partials=4):
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    waves = [np.sin(2 * np.pi * pitch_hz * n * time) / n for n in range(1, partials)]
    return (0.2 * sum(waves)).astype(np.float32)


def compared(reference, estimate):
    return pitch.accuracies(
        pitch.track(reference, RATE_HZ), pitch.track(estimate, RATE_HZ)
    )


def test_the_same_tone_keeps_its_pitch():
    assert compared(tone(440.0), tone(440.0)).raw == 1.0


def test_timbre_and_level_do_not_matter():
    other = 0.1 * tone(440.0, partials=9)
    assert compared(tone(440.0), other).raw > 0.95


@pytest.mark.parametrize(("cents", "kept"), [(30, 1.0), (70, 0.0), (1200, 0.0)])
def test_half_a_semitone_is_the_limit(cents, kept):
    moved = tone(440.0 * 2 ** (cents / 1200))
    assert compared(tone(440.0), moved).raw == pytest.approx(kept, abs=0.05)


def test_rests_do_not_count():
    noise = np.random.default_rng(0).normal(0.0, 0.1, RATE_HZ).astype(np.float32)
    rest = np.zeros(RATE_HZ, np.float32)
    reference = np.concatenate([tone(440.0), rest])
    estimate = np.concatenate([tone(440.0), noise])
    assert compared(reference, estimate).raw > 0.95


def test_noise_has_no_pitch_to_be_right():
    noise = np.random.default_rng(0).normal(0.0, 0.1, 2 * RATE_HZ).astype(np.float32)
    assert compared(tone(440.0), noise).raw < 0.2


@pytest.mark.parametrize(
    ("cents", "kept"), [(30, 1), (70, 0), (600, 0), (-1170, 1), (2430, 1), (1270, 0)]
)
def test_octaves_are_forgiven_by_chroma_accuracy(cents, kept):
    moved = compared(tone(220.0), tone(220.0 * 2 ** (cents / 1200)))
    assert moved.chroma == pytest.approx(kept, abs=0.05)
    assert moved.raw == pytest.approx(kept if abs(cents) < 50 else 0, abs=0.05)


def test_accuracies_are_those_of_mir_eval():
    rng = np.random.default_rng(0)
    for _ in range(20):
        cents = rng.uniform(3000.0, 6000.0, 100)
        off = rng.normal(0.0, 40.0, 100) + 1200.0 * rng.integers(-2, 3, 100)
        voiced, silent = rng.random(100) < 0.7, rng.random(100) < 0.1
        other_hz = np.where(silent, 0.0, 10.0 * 2 ** ((cents + off) / 1200))
        kept = pitch.accuracies(
            pitch.Contour(10.0 * 2 ** (cents / 1200), voiced),
            pitch.Contour(other_hz, ~silent),
        )
        args = (voiced, cents, ~silent, np.where(silent, 0.0, cents + off))
        assert kept.raw == pytest.approx(mir_eval.melody.raw_pitch_accuracy(*args))
        assert kept.chroma == pytest.approx(mir_eval.melody.raw_chroma_accuracy(*args))


def test_silence_has_no_pitch():
    silence = np.zeros(2 * RATE_HZ, np.float32)
    assert not pitch.track(silence, RATE_HZ).pitch_hz.any()
    assert np.isnan(compared(silence, tone(440.0))).all()
    # YIN takes silence for 2000 Hz, an octave and 21 cents above this B.
    assert compared(tone(987.8), silence) == (0.0, 0.0)


def test_contours_have_one_length():
    with pytest.raises(ValueError, match="must be equal"):
        compared(tone(440.0), tone(440.0, seconds=1.0))
