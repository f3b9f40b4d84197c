import numpy as np
import pytest
from scipy import signal

from tf_mt.evaluation.metrics import cycle

RATE_HZ = 16_000


def noise(seed=0, samples=RATE_HZ):
    return np.random.default_rng(seed).normal(0.0, 0.1, samples).astype(np.float32)


def harmonic_tone(amplitudes):
    """A tone with these partials."""
    phase = 2 * np.pi * 220.0 * np.arange(RATE_HZ) / RATE_HZ
    return sum(0.2 * a * np.sin(n * phase) for n, a in enumerate(amplitudes, 1))


def test_a_perfect_cycle_loses_nothing():
    assert cycle.relative_loss(noise(), noise(), RATE_HZ) == 0.0


@pytest.mark.parametrize("gain", [0.0, 0.25, 0.99, 3.0])
def test_a_gain_has_a_closed_form(gain):
    found = cycle.relative_loss(noise(), gain * noise(), RATE_HZ)
    assert found == pytest.approx(abs(gain - 1.0), rel=1e-5)


@pytest.mark.parametrize("gain_db", [-40.0, 20.0])
def test_the_level_of_both_does_not_matter(gain_db):
    one, other = noise(), harmonic_tone([1.0, 0.5])
    gain = 10.0 ** (gain_db / 20.0)
    assert cycle.relative_loss(gain * one, gain * other, RATE_HZ) == pytest.approx(
        cycle.relative_loss(one, other, RATE_HZ), rel=1e-5
    )


@pytest.mark.parametrize(
    "rate_hz, frame, hop",
    [(8000, 164, 41), (16_000, 327, 81), (25_000, 511, 127), (44_100, 901, 224)],
)
def test_scipy_agrees(rate_hz, frame, hop):
    """With the paper's frames at the paper's rate, and as long ones at others."""
    window = signal.get_window("hann", frame)
    magnitudes = [
        np.array(
            [
                np.abs(np.fft.rfft(window * padded[start : start + frame]))
                for start in range(0, len(padded) - frame + 1, hop)
            ]
        )
        for padded in (
            np.pad(a, frame // 2) for a in (noise(), harmonic_tone([1.0, 0.5]))
        )
    ]
    expected = np.abs(magnitudes[1] - magnitudes[0]).sum() / magnitudes[0].sum()
    found = cycle.relative_loss(noise(), harmonic_tone([1.0, 0.5]), rate_hz)
    assert found == pytest.approx(expected, rel=1e-4)


def test_what_sounds_nearer_loses_less():
    source = harmonic_tone([1.0, 0.5, 0.2])
    losses = [
        cycle.relative_loss(source, estimate, RATE_HZ)
        for estimate in (
            source,
            source + 1e-3 * noise(1),
            source + 1e-2 * noise(2),
            harmonic_tone([1.0, 0.0, 0.7, 0.0, 0.5, 0.0, 0.4]),
            noise(3),
        )
    ]
    assert losses == sorted(losses)


def test_silence_has_no_cycle():
    for source in (np.zeros(RATE_HZ), 1e-5 * noise()):
        assert np.isnan(cycle.relative_loss(source, noise(), RATE_HZ))
        assert np.isnan(cycle.relative_loss(source, source, RATE_HZ))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="must be one equal, positive length"):
        cycle.relative_loss(np.ones(9), np.ones(8), RATE_HZ)
    with pytest.raises(ValueError, match="must be finite"):
        cycle.relative_loss(np.ones(9), np.full(9, np.nan), RATE_HZ)
