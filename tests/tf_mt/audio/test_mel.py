"""Mel bands against librosa's, their inverse, and the decibel scale."""

import librosa
import numpy as np
import pytest
import tensorflow as tf

from tf_mt.audio import mel, stft

RATE_HZ = 16_000
N_FFT = 1024


@pytest.mark.parametrize(
    ("rate_hz", "n_fft", "n_mels", "low_hz", "high_hz"),
    [
        (16_000, 1024, 80, 0.0, 8_000.0),
        (16_000, 1024, 128, 20.0, 8_000.0),
        (22_050, 2048, 40, 300.0, 900.0),
        (44_100, 2048, 64, 1_500.0, 22_050.0),
        (16_000, 511, 40, 0.0, 8_000.0),
    ],
)
def test_the_bands_are_librosas(rate_hz, n_fft, n_mels, low_hz, high_hz):
    found = mel.matrix(rate_hz, n_fft, n_mels, low_hz, high_hz)
    expected = librosa.filters.mel(
        sr=rate_hz, n_fft=n_fft, n_mels=n_mels, fmin=low_hz, fmax=high_hz
    )
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected.T, rtol=0, atol=1e-6)


def test_bands_have_unit_area():
    bands = mel.matrix(RATE_HZ, 1 << 14, 40, 0.0, 8_000.0)
    area = bands.sum(axis=0) * RATE_HZ / (1 << 14)
    np.testing.assert_allclose(area, 1.0, rtol=5e-3)


def test_a_tone_is_strongest_in_the_band_around_it():
    bands = mel.matrix(RATE_HZ, N_FFT, 80, 0.0, 8_000.0)
    centres_hz = librosa.mel_frequencies(82, fmin=0.0, fmax=8_000.0)[1:-1]
    for tone_hz in (300.0, 1_000.0, 5_000.0):
        tone = np.sin(2 * np.pi * tone_hz * np.arange(64 * 256) / RATE_HZ)
        magnitude = tf.abs(stft.stft(tf.constant(tone, tf.float32), N_FFT, 256))
        strongest = np.argmax(mel.from_magnitude(magnitude, bands)[32])
        nearest = np.argmin(np.abs(centres_hz - tone_hz))
        assert abs(strongest - nearest) <= 1


def test_the_inverse_is_least_squares():
    bands = mel.matrix(RATE_HZ, N_FFT, 80, 0.0, 8_000.0)
    inverse = mel.pseudo_inverse(bands)
    assert inverse.shape == (80, 513)
    assert inverse.dtype == np.float32
    spectrum = np.random.default_rng(0).uniform(0, 1, 80).astype(np.float32)
    expected, *_ = np.linalg.lstsq(bands.T.astype(np.float64), spectrum, rcond=None)
    found = mel.to_magnitude(tf.constant(spectrum[np.newaxis]), inverse)[0]
    assert np.min(expected) < 0
    np.testing.assert_allclose(
        found, np.maximum(expected, 0), atol=1e-4 * np.max(expected)
    )


def test_a_smooth_spectrum_survives_the_bands():
    bands = mel.matrix(RATE_HZ, N_FFT, 80, 0.0, 8_000.0)
    hz = np.arange(513) * RATE_HZ / N_FFT
    smooth = np.exp(-(((hz - 3_000.0) / 1_200.0) ** 2)).astype(np.float32)
    levels = mel.from_magnitude(tf.constant(smooth[np.newaxis]), bands)
    again = mel.to_magnitude(levels, mel.pseudo_inverse(bands))
    np.testing.assert_allclose(again[0], smooth, atol=0.1)
    np.testing.assert_allclose(
        mel.from_magnitude(again, bands), levels, rtol=0, atol=1e-3
    )


def test_the_scale_is_linear_in_decibels():
    levels_db = np.array([-100.0, -80.0, -55.0, -30.0, 20.0, 26.0])
    found = mel.to_log(tf.constant(10 ** (levels_db / 20), tf.float32))
    np.testing.assert_allclose(found, [-1, -1, -0.5, 0, 1, 1], atol=1e-6)
    assert mel.to_log(tf.zeros([])) == -1.0


def test_from_log_undoes_to_log():
    levels = tf.constant(np.geomspace(1e-4, 10, 50), tf.float32)
    np.testing.assert_allclose(mel.from_log(mel.to_log(levels)), levels, rtol=1e-5)


def test_gradients_of_silence_are_finite():
    silence = tf.zeros([3])
    with tf.GradientTape() as tape:
        tape.watch(silence)
        level = tf.reduce_sum(mel.to_log(silence))
    np.testing.assert_array_equal(tape.gradient(level, silence), np.zeros(3))


@pytest.mark.parametrize(
    ("low_hz", "high_hz"), [(-1.0, 8_000.0), (500.0, 500.0), (0.0, 8_001.0)]
)
def test_a_range_that_the_rate_cannot_hold_is_refused(low_hz, high_hz):
    with pytest.raises(ValueError, match=rf"high_hz={high_hz} must satisfy .* 8000.0"):
        mel.matrix(RATE_HZ, N_FFT, 80, low_hz, high_hz)


def test_bands_that_hold_no_bin_are_refused():
    with pytest.raises(ValueError, match=r"n_mels=128 leaves \d+ bands without a bin"):
        mel.matrix(RATE_HZ, 256, 128, 0.0, 8_000.0)
