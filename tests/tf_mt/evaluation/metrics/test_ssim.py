import itertools

import numpy as np
import pytest
from skimage import metrics

from tf_mt.evaluation.metrics import log_mel, ssim

RATE_HZ = 16_000


def noise(seed=0, samples=RATE_HZ):
    return np.random.default_rng(seed).normal(0.0, 0.1, samples).astype(np.float32)


def harmonic_tone(amplitudes):
    """A tone with these partials."""
    phase = 2 * np.pi * 220.0 * np.arange(RATE_HZ) / RATE_HZ
    return sum(0.2 * a * np.sin(n * phase) for n, a in enumerate(amplitudes, 1))


def scikits(reference, estimate, rate_hz):
    pictures = [
        np.clip((log_mel.spectrogram(a, rate_hz).astype(float) + 80.0) / 100.0, 0, 1)
        for a in (reference, estimate)
    ]
    return metrics.structural_similarity(*pictures, data_range=1.0)


def similarity(reference, estimate, rate_hz):
    spectrograms = (log_mel.spectrogram(a, rate_hz) for a in (reference, estimate))
    return ssim.similarity(*spectrograms)


def test_equal_recordings_are_alike():
    assert similarity(noise(), noise(), RATE_HZ) == pytest.approx(1.0, abs=1e-12)
    silence = np.zeros(RATE_HZ)
    assert similarity(silence, silence, RATE_HZ) == 1.0


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 44_100])
def test_scikit_image_agrees(rate_hz):
    silence = np.zeros(RATE_HZ)
    sounds = [harmonic_tone([1.0, 0.5]), noise(), silence, 30.0 * noise(1)]
    for one, other in itertools.combinations(sounds, 2):
        found = similarity(one, other, rate_hz)
        assert found == pytest.approx(scikits(one, other, rate_hz), abs=1e-9)


def test_it_is_symmetric():
    one, other = harmonic_tone([1.0, 0.5]), noise()
    assert similarity(one, other, RATE_HZ) == pytest.approx(
        similarity(other, one, RATE_HZ)
    )


def test_a_gain_keeps_the_structure():
    """Where nothing reaches floor or top, it changes the means of windows alone."""
    level = (log_mel.spectrogram(noise(), RATE_HZ) + 80.0) / 100.0
    found = similarity(noise(), 0.1 * noise(), RATE_HZ)
    means = np.lib.stride_tricks.sliding_window_view(level, (7, 7)).mean(axis=(2, 3))
    lower = means - 0.2
    assert level.min() > 0.2
    expected = (2 * means * lower + 1e-4) / (means**2 + lower**2 + 1e-4)
    assert found == pytest.approx(expected.mean(), abs=1e-5)


def test_what_sounds_nearer_is_more_alike():
    truth = harmonic_tone([1.0, 0.5, 0.2]) + 1e-3 * noise()
    found = [
        similarity(truth, estimate, RATE_HZ)
        for estimate in (
            truth,
            truth + 1e-3 * noise(1),
            harmonic_tone([1.0, 0.0, 0.7, 0.0, 0.5, 0.0, 0.4]) + 1e-3 * noise(2),
            noise(3),
        )
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[1] > found[3]


def test_the_shortest_recording_has_one_window_of_frames():
    shortest = 6 * 256
    assert similarity(noise()[:shortest], noise()[:shortest], RATE_HZ) == (
        pytest.approx(1.0)
    )
