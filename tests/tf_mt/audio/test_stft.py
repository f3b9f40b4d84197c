"""The transform has its closed form, and its inverse is exact."""

import librosa
import numpy as np
import pytest
import tensorflow as tf

from tf_mt.audio import stft

# n_fft, hop and window.
FULL_WINDOWS = [
    (1024, 256, 1024),
    (512, 256, 512),
    (768, 256, 768),
    (8, 2, 8),
    (4, 2, 4),
    # An odd size has no bin at half the sample rate.
    (511, 127, 511),
    (9, 3, 9),
    (7, 2, 7),
    (1024, 300, 1024),
]
SHORT_WINDOWS = [
    (2048, 250, 1000),
    # Jukebox's spectral loss (Dhariwal et al. 2020).
    (2048, 240, 1200),
    (1024, 120, 600),
    (512, 50, 240),
    (16, 3, 7),
    (7, 2, 4),
    (9, 3, 6),
]
SIZES = FULL_WINDOWS + SHORT_WINDOWS


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape, np.float32)


def numpy_stft(audio, n_fft, hop, window_samples):
    padded = np.pad(audio, ((n_fft - hop) // 2, n_fft))
    window = np.zeros(n_fft)
    begin = (n_fft - window_samples) // 2
    turns = np.arange(window_samples) / window_samples
    window[begin : begin + window_samples] = 0.5 - 0.5 * np.cos(2 * np.pi * turns)
    starts = range(0, len(audio), hop)
    return np.stack([np.fft.rfft(padded[at : at + n_fft] * window) for at in starts])


@pytest.mark.parametrize(("n_fft", "hop", "window"), SIZES)
def test_it_is_the_windowed_fourier_transform(n_fft, hop, window):
    audio = noise(7 * hop)
    spectrum = stft.stft(tf.constant(audio), n_fft, hop, window)
    assert spectrum.dtype == tf.complex64
    expected = numpy_stft(audio, n_fft, hop, window)
    np.testing.assert_allclose(spectrum, expected, rtol=0, atol=1e-5 * n_fft**0.5)


@pytest.mark.parametrize(("n_fft", "hop", "window"), SIZES)
def test_it_is_librosas(n_fft, hop, window):
    audio = noise(30 * hop)
    before = (n_fft - hop) // 2
    expected = librosa.stft(
        np.pad(audio, (before, n_fft - hop - before)),
        n_fft=n_fft,
        hop_length=hop,
        win_length=window,
        center=False,
    ).T
    spectrum = stft.stft(tf.constant(audio), n_fft, hop, window)
    assert spectrum.shape == expected.shape == (30, n_fft // 2 + 1)
    np.testing.assert_allclose(spectrum, expected, rtol=0, atol=1e-5 * n_fft**0.5)


@pytest.mark.parametrize(("n_fft", "hop", "window"), FULL_WINDOWS)
def test_without_a_length_the_window_is_all_of_the_frame(n_fft, hop, window):
    audio = tf.constant(noise(9 * hop))
    spectrum = stft.stft(audio, n_fft, hop)
    np.testing.assert_array_equal(spectrum, stft.stft(audio, n_fft, hop, window))
    np.testing.assert_array_equal(
        stft.istft(spectrum, n_fft, hop), stft.istft(spectrum, n_fft, hop, window)
    )


@pytest.mark.parametrize(("n_fft", "hop", "window"), SIZES)
@pytest.mark.parametrize("shape", [(1,), (20,), (3, 1), (2, 3, 9)])
def test_the_inverse_is_exact_at_every_sample(n_fft, hop, window, shape):
    *batch, frames = shape
    audio = noise(*batch, frames * hop)
    spectrum = stft.stft(tf.constant(audio), n_fft, hop, window)
    assert spectrum.shape == (*batch, frames, n_fft // 2 + 1)
    again = stft.istft(spectrum, n_fft, hop, window)
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


@pytest.mark.parametrize(
    ("n_fft", "hop", "window"), [(8, 4, 8), (8, 2, 5), (7, 3, 7), (9, 2, 5)]
)
def test_the_inverse_is_the_least_squares_signal(n_fft, hop, window):
    frames, bins = 4, n_fft // 2 + 1
    wanted = noise(frames, bins) + 1j * noise(frames, bins)
    # A real signal's spectrum is real at 0 and at half the sample rate. The bins
    # between stand for their mirror images too.
    mirrored = np.arange(bins) * 2 % n_fft != 0
    wanted[:, ~mirrored] = wanted[:, ~mirrored].real
    units = np.eye(frames * hop)
    transforms = [numpy_stft(unit, n_fft, hop, window) for unit in units]
    weight = np.sqrt(1.0 + mirrored)

    def flat(spectrum):
        weighted = (spectrum * weight).ravel()
        return np.concatenate([weighted.real, weighted.imag])

    basis = np.stack([flat(transform) for transform in transforms], axis=1)
    expected, *_ = np.linalg.lstsq(basis, flat(wanted), rcond=None)
    found = stft.istft(tf.constant(wanted, tf.complex64), n_fft, hop, window)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("sizes", [(256, 64, 256), (512, 50, 240), (511, 127, 511)])
def test_gradients_are_finite_and_exact(sizes):
    audio = tf.constant(noise(2, 12 * sizes[1]))
    with tf.GradientTape() as tape:
        tape.watch(audio)
        again = stft.istft(stft.stft(audio, *sizes), *sizes)
        loss = 0.5 * tf.reduce_sum(tf.square(again))
    np.testing.assert_allclose(tape.gradient(loss, audio), audio, atol=1e-4)


@pytest.mark.parametrize("sizes", [(1024, 256, 1024), (2048, 250, 1000)])
def test_one_graph_serves_every_batch_and_length(sizes):
    spec = tf.TensorSpec([None, None], tf.float32)

    @tf.function(input_signature=[spec])
    def there_and_back(audio):
        spectrum = stft.stft(audio, *sizes)
        return spectrum, stft.istft(spectrum, *sizes)

    for batch, frames in [(1, 1), (2, 5), (3, 50)]:
        audio = noise(batch, frames * sizes[1])
        spectrum, again = there_and_back(audio)
        np.testing.assert_allclose(
            spectrum, stft.stft(tf.constant(audio), *sizes), atol=1e-4
        )
        np.testing.assert_allclose(again, audio, rtol=0, atol=1e-5)


def test_what_is_known_of_the_shape_stays_known():
    spec = tf.TensorSpec([None, 4 * 256], tf.float32)
    graph = tf.function(lambda audio: stft.stft(audio, 1024, 256))
    assert graph.get_concrete_function(spec).output_shapes == [None, 4, 513]


@pytest.mark.parametrize(
    ("n_fft", "hop", "window"),
    [(256, 256, 256), (1024, 256, 511), (512, 128, 513), (8, 0, 8), (8, 1, 8)],
)
def test_sizes_that_do_not_fit_are_refused(n_fft, hop, window):
    message = f"n_fft={n_fft}, window={window} and hop={hop} do not fit: hop must be 2"
    with pytest.raises(ValueError, match=message):
        stft.stft(tf.zeros([1800]), n_fft, hop, window)
    with pytest.raises(ValueError, match=message):
        stft.istft(tf.zeros([3, n_fft // 2 + 1], tf.complex64), n_fft, hop, window)


def test_a_length_that_is_not_whole_hops_is_refused():
    with pytest.raises(ValueError, match="samples=1000 must be a multiple of hop=256"):
        stft.stft(tf.zeros([2, 1000]), 1024, 256)


def test_a_spectrum_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"bins=257 must be n_fft // 2 \+ 1 = 513"):
        stft.istft(tf.zeros([4, 257], tf.complex64), 1024, 256)
