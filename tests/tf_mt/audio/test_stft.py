"""The transform has its closed form, and its inverse is exact."""

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.audio import stft

SIZES = [(1024, 256), (512, 256), (2048, 256), (768, 256), (8, 2), (4, 2)]


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def numpy_stft(audio, n_fft, hop):
    padded = np.pad(audio, (n_fft - hop) // 2)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)
    starts = range(0, len(audio), hop)
    return np.stack([np.fft.rfft(padded[at : at + n_fft] * window) for at in starts])


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_it_is_the_windowed_fourier_transform(n_fft, hop):
    audio = noise(7 * hop)
    spectrum = stft.stft(tf.constant(audio), n_fft, hop)
    assert spectrum.dtype == tf.complex64
    expected = numpy_stft(audio, n_fft, hop)
    np.testing.assert_allclose(spectrum, expected, rtol=0, atol=1e-5 * n_fft**0.5)


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
@pytest.mark.parametrize("shape", [(1,), (20,), (3, 1), (2, 3, 9)])
def test_the_inverse_is_exact_at_every_sample(n_fft, hop, shape):
    *batch, frames = shape
    audio = noise(*batch, frames * hop)
    spectrum = stft.stft(tf.constant(audio), n_fft, hop)
    assert spectrum.shape == (*batch, frames, n_fft // 2 + 1)
    again = stft.istft(spectrum, n_fft, hop)
    assert again.shape == audio.shape
    np.testing.assert_allclose(again, audio, rtol=0, atol=1e-5)


@pytest.mark.parametrize("tone_bin", [1, 20, 200, 511])
def test_a_tone_falls_into_its_bin_at_its_level(tone_bin):
    n_fft, hop = 1024, 256
    samples = np.arange(64 * hop)
    tone = 0.5 * np.cos(2 * np.pi * tone_bin * samples / n_fft)
    magnitude = np.abs(stft.stft(tf.constant(tone, tf.float32), n_fft, hop))
    inner = magnitude[4:-4]
    assert np.all(np.argmax(inner, axis=-1) == tone_bin)
    # A Hann window sums to n_fft / 2, and half of a cosine is at negative frequency.
    np.testing.assert_allclose(inner[:, tone_bin], 0.5 * n_fft / 4, rtol=5e-3)


def test_frames_are_centred_on_their_hops():
    n_fft, hop = 64, 16
    click = np.zeros(20 * hop, np.float32)
    click[7 * hop + hop // 2] = 1.0
    power = np.sum(np.abs(stft.stft(tf.constant(click), n_fft, hop)) ** 2, axis=-1)
    assert np.argmax(power) == 7
    np.testing.assert_allclose(power[6], power[8], rtol=1e-5)


def test_the_inverse_is_the_least_squares_signal():
    n_fft, hop, frames = 8, 4, 3
    wanted = noise(frames, n_fft // 2 + 1) + 1j * noise(frames, n_fft // 2 + 1)
    # A real signal's spectrum is real in the first and last bin.
    wanted[:, [0, -1]] = wanted[:, [0, -1]].real
    transforms = [numpy_stft(unit, n_fft, hop) for unit in np.eye(frames * hop)]
    # Bins between those stand for their mirror images too.
    weight = np.sqrt([1, 2, 2, 2, 1])

    def flat(spectrum):
        weighted = (spectrum * weight).ravel()
        return np.concatenate([weighted.real, weighted.imag])

    basis = np.stack([flat(transform) for transform in transforms], axis=1)
    expected, *_ = np.linalg.lstsq(basis, flat(wanted), rcond=None)
    found = stft.istft(tf.constant(wanted, tf.complex64), n_fft, hop)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_gradients_are_finite_and_exact():
    audio = tf.constant(noise(2, 12 * 64))
    with tf.GradientTape() as tape:
        tape.watch(audio)
        again = stft.istft(stft.stft(audio, 256, 64), 256, 64)
        loss = 0.5 * tf.reduce_sum(tf.square(again))
    np.testing.assert_allclose(tape.gradient(loss, audio), audio, atol=1e-4)


def test_one_graph_serves_every_batch_and_length():
    spec = tf.TensorSpec([None, None], tf.float32)

    @tf.function(input_signature=[spec])
    def there_and_back(audio):
        spectrum = stft.stft(audio, 1024, 256)
        return spectrum, stft.istft(spectrum, 1024, 256)

    for batch, frames in [(1, 1), (2, 5), (3, 50)]:
        audio = noise(batch, frames * 256)
        spectrum, again = there_and_back(audio)
        np.testing.assert_allclose(
            spectrum, stft.stft(tf.constant(audio), 1024, 256), atol=1e-4
        )
        np.testing.assert_allclose(again, audio, rtol=0, atol=1e-5)


def test_what_is_known_of_the_shape_stays_known():
    spec = tf.TensorSpec([None, 4 * 256], tf.float32)
    graph = tf.function(lambda audio: stft.stft(audio, 1024, 256))
    assert graph.get_concrete_function(spec).output_shapes == [None, 4, 513]


@pytest.mark.parametrize(("n_fft", "hop"), [(1024, 300), (256, 256), (9, 3), (8, 0)])
def test_sizes_that_do_not_fit_are_refused(n_fft, hop):
    message = f"n_fft={n_fft} and hop={hop} do not fit: hop must be even"
    with pytest.raises(ValueError, match=message):
        stft.stft(tf.zeros([1800]), n_fft, hop)
    with pytest.raises(ValueError, match=message):
        stft.istft(tf.zeros([3, n_fft // 2 + 1], tf.complex64), n_fft, hop)


def test_a_length_that_is_not_whole_hops_is_refused():
    with pytest.raises(ValueError, match="samples=1000 must be a multiple of hop=256"):
        stft.stft(tf.zeros([2, 1000]), 1024, 256)


def test_a_spectrum_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"bins=257 must be n_fft / 2 \+ 1 = 513"):
        stft.istft(tf.zeros([4, 257], tf.complex64), 1024, 256)
