"""Losses of waveforms, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.losses import waveform


@pytest.fixture
def clips():
    random = np.random.default_rng(0)
    return random.standard_normal((2, 2, 5000)).astype(np.float32)


def test_squared_errors_and_their_peaks(clips):
    errors = np.square(clips[0] - clips[1])
    np.testing.assert_allclose(waveform.squared(*clips), errors.mean(axis=1), rtol=1e-5)
    largest = np.sort(errors, axis=1)[:, -waveform.PEAKS :].mean(axis=1)
    np.testing.assert_allclose(waveform.peaks(*clips), largest, rtol=1e-5)
    assert (largest > errors.mean(axis=1)).all()


def test_a_clip_shorter_than_its_peaks_has_all_of_them():
    estimate, truth = tf.constant([[1.0, 2.0]]), tf.zeros([1, 2])
    assert waveform.peaks(estimate, truth).numpy() == pytest.approx([2.5])


def magnitudes(audio, n_fft, hop, window):
    frames = -(-len(audio) // hop)
    padded = np.pad(audio, (0, window + frames * hop))
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    return np.abs(
        [
            np.fft.rfft(padded[first : first + window] * hann, n_fft)
            for first in range(0, frames * hop, hop)
        ]
    )


def test_spectral_distances_and_norms(clips):
    for row in range(2):
        norms = [
            np.linalg.norm(
                magnitudes(clips[0, row], *sizes) - magnitudes(clips[1, row], *sizes)
            )
            for sizes in waveform.TRANSFORMS
        ]
        found = waveform.spectral(*clips)[row].numpy()
        assert found == pytest.approx(np.mean(norms), rel=1e-4)
        norm = np.linalg.norm(magnitudes(clips[0, row], 2048, 256, 1536))
        found = waveform.spectral_norm(clips[0])[row].numpy()
        assert found == pytest.approx(norm, rel=1e-4)


def test_silence_has_a_gradient():
    estimate = tf.zeros([1, 4096])
    with tf.GradientTape() as tape:
        tape.watch(estimate)
        loss = waveform.spectral(estimate, tf.zeros([1, 4096]))
    assert np.isfinite(tape.gradient(loss, estimate)).all()
