import numpy as np
import pytest
from scipy import signal

from tf_mt.evaluation.metrics import constant_q

RATE_HZ = 8000
HOP = 160
CENTRES_HZ = 110.0 * 2 ** (np.arange(48) / 12)
LENGTHS_SECONDS = 20.0 / CENTRES_HZ


def magnitudes(audio):
    return constant_q.magnitudes(audio, RATE_HZ, CENTRES_HZ, LENGTHS_SECONDS, HOP)


@pytest.mark.parametrize("samples", [1, HOP - 1, 4000, 4001, 9973])
def test_bands_are_windowed_tones(samples):
    """Against the definition: a product with each windowed tone at each frame."""
    audio = np.random.default_rng(0).normal(size=samples).astype(np.float32)
    found = magnitudes(audio)
    assert found.shape == (48, 1 + samples // HOP)
    assert found.dtype == np.float32
    for band in (0, 11, 30, 47):
        half = int(LENGTHS_SECONDS[band] * RATE_HZ / 2)
        time = np.arange(-half, half + 1) / RATE_HZ
        window = 0.5 + 0.5 * np.cos(2 * np.pi * time / LENGTHS_SECONDS[band])
        window /= np.linalg.norm(window)
        tone = window * np.exp(2j * np.pi * CENTRES_HZ[band] * time)
        padded = np.pad(audio, (half, half + HOP))
        expected = np.abs(signal.fftconvolve(padded, tone, "valid"))[::HOP]
        np.testing.assert_allclose(
            found[band], expected[: found.shape[1]], atol=0.02 * expected.max()
        )


def test_white_noise_is_as_strong_in_every_band():
    audio = np.random.default_rng(0).normal(size=60 * RATE_HZ)
    power = np.mean(np.square(magnitudes(audio)), axis=1)
    np.testing.assert_allclose(power, 1.0, atol=0.3)
    assert np.mean(power) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("hz", [115.0, 440.0, 1000.0])
def test_steady_sines_have_known_responses(hz):
    sine = np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ)
    expected = constant_q.responses(
        np.array([hz]), RATE_HZ, CENTRES_HZ, LENGTHS_SECONDS
    )
    np.testing.assert_allclose(
        magnitudes(sine)[:, 25], expected[:, 0], atol=0.01 * expected.max()
    )


def test_silence_is_silent():
    assert not magnitudes(np.zeros(1000)).any()


def test_the_end_does_not_reach_around_to_the_beginning():
    audio = np.zeros(RATE_HZ)
    audio[-400:] = 1.0
    assert np.max(magnitudes(audio)[:, :20]) < 0.01 * np.max(magnitudes(audio))
