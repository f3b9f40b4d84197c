import numpy as np
import pytest
from scipy import signal

from tf_mt.evaluation.metrics import stft_distance

RATE_HZ = 16_000


def noise(seed=0, samples=RATE_HZ):
    return np.random.default_rng(seed).normal(0.0, 0.1, samples).astype(np.float32)


def harmonic_tone(amplitudes):
    """A tone with these partials."""
    phase = 2 * np.pi * 220.0 * np.arange(RATE_HZ) / RATE_HZ
    return sum(0.2 * a * np.sin(n * phase) for n, a in enumerate(amplitudes, 1))


def magnitudes(audio, n_fft, hop, window):
    _, _, spectrum = signal.stft(
        audio, 1.0, "hann", window, window - hop, n_fft, padded=False
    )
    return np.abs(spectrum) * np.hanning(window + 1).sum()


def test_equal_recordings_are_at_no_distance():
    assert stft_distance.distance(noise(), noise(), RATE_HZ) == 0.0


@pytest.mark.parametrize("samples", [RATE_HZ, 130])
@pytest.mark.parametrize("gain", [0.25, 0.9, 3.0])
def test_a_gain_has_a_closed_form(gain, samples):
    """Of noise all bins are above the floor, before and after."""
    audio = noise(samples=samples)
    found = stft_distance.distance(audio, gain * audio, RATE_HZ)
    assert found == pytest.approx(abs(gain - 1.0) + abs(np.log(gain)), rel=1e-5)


def test_a_silent_estimate_is_at_the_floor():
    found = stft_distance.distance(noise(), np.zeros(RATE_HZ), RATE_HZ)
    above = [
        np.log(np.maximum(magnitudes(noise(), *resolution), 1e-4) / 1e-4).mean()
        for resolution in stft_distance.RESOLUTIONS
    ]
    assert found == pytest.approx(1.0 + np.mean(above), rel=1e-4)


@pytest.mark.parametrize("samples", [16_000, 12_345, 1300])
def test_scipy_agrees(samples):
    one, other = noise(0, samples), harmonic_tone([1.0, 0.5])[:samples]
    terms = []
    for resolution in ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240)):
        expected, found = (
            np.maximum(magnitudes(audio, *resolution), 1e-4) for audio in (one, other)
        )
        convergence = np.linalg.norm(found - expected) / np.linalg.norm(expected)
        terms.append(convergence + np.abs(np.log(found) - np.log(expected)).mean())
    found = stft_distance.distance(one, other, RATE_HZ)
    assert found == pytest.approx(np.mean(terms), rel=1e-4)


def test_what_sounds_nearer_is_nearer():
    truth = harmonic_tone([1.0, 0.5, 0.2]) + 1e-3 * noise()
    distances = [
        stft_distance.distance(truth, estimate, RATE_HZ)
        for estimate in (
            truth,
            truth + 1e-3 * noise(1),
            truth + 3e-3 * noise(2),
            harmonic_tone([1.0, 0.0, 0.7, 0.0, 0.5, 0.0, 0.4]) + 1e-3 * noise(3),
            noise(4),
        )
    ]
    assert distances == sorted(distances)


def test_silence_has_no_distance():
    for reference in (np.zeros(RATE_HZ), 1e-5 * noise()):
        assert np.isnan(stft_distance.distance(reference, noise(), RATE_HZ))
        assert np.isnan(stft_distance.distance(reference, reference, RATE_HZ))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="must be one equal, positive length"):
        stft_distance.distance(np.ones(9), np.ones(8), RATE_HZ)
    with pytest.raises(ValueError, match="must be finite"):
        stft_distance.distance(np.ones(9), np.full(9, np.nan), RATE_HZ)
