"""Pre-emphasis and its inverse against scipy, and what they do to noise in between."""

import numpy as np
import pytest
import scipy.signal
import tensorflow as tf

from tf_mt.audio import emphasis

COEFFICIENTS = pytest.mark.parametrize("coefficient", [0.3, 0.85, 0.97])


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape, np.float32)


@COEFFICIENTS
@pytest.mark.parametrize("shape", [(1000,), (2, 1000), (2, 3, 1000)])
def test_emphasis_is_a_difference(coefficient, shape):
    audio = noise(*shape)
    expected = scipy.signal.lfilter([1.0, -coefficient], [1.0], audio)
    found = emphasis.emphasise(tf.constant(audio), coefficient)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@COEFFICIENTS
@pytest.mark.parametrize("samples", [1, 50, 3000])
def test_de_emphasis_is_recursive(coefficient, samples):
    audio = noise(2, samples)
    expected = scipy.signal.lfilter([1.0], [1.0, -coefficient], audio)
    found = emphasis.de_emphasise(tf.constant(audio), coefficient)
    assert found.shape == audio.shape
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@COEFFICIENTS
def test_each_undoes_the_other(coefficient):
    audio = noise(2, 3000)
    audio /= np.abs(audio).max()
    there = emphasis.emphasise(tf.constant(audio), coefficient)
    back = emphasis.de_emphasise(there, coefficient)
    np.testing.assert_allclose(back, audio, rtol=0, atol=1e-4)
    there = emphasis.de_emphasise(tf.constant(audio), coefficient)
    back = emphasis.emphasise(there, coefficient)
    np.testing.assert_allclose(back, audio, rtol=0, atol=1e-3)


def test_a_constant_does_not_drift():
    constant = tf.ones([1, 20_000])
    back = emphasis.de_emphasise(emphasis.emphasise(constant, 0.97), 0.97)
    np.testing.assert_allclose(back, constant, rtol=0, atol=1e-4)


def test_without_a_coefficient_nothing_changes():
    audio = noise(2, 100)
    np.testing.assert_array_equal(emphasis.emphasise(tf.constant(audio), 0.0), audio)
    np.testing.assert_array_equal(emphasis.de_emphasise(tf.constant(audio), 0.0), audio)


@COEFFICIENTS
def test_noise_in_between_has_the_spectrum_of_the_inverse(coefficient):
    click = np.zeros((1, 4096), np.float32)
    click[0, 0] = 1.0
    spectrum = np.fft.rfft(emphasis.de_emphasise(tf.constant(click), coefficient)[0])
    turn = np.linspace(0.0, np.pi, 2049)
    expected = 1.0 / np.abs(1.0 - coefficient * np.exp(-1j * turn))
    np.testing.assert_allclose(np.abs(spectrum), expected, rtol=1e-3)


def test_one_graph_serves_every_batch_and_length():
    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def there_and_back(audio):
        return emphasis.de_emphasise(emphasis.emphasise(audio, 0.85), 0.85)

    for shape in [(1, 1), (2, 50), (3, 700)]:
        audio = noise(*shape)
        np.testing.assert_allclose(there_and_back(audio), audio, atol=1e-3)
