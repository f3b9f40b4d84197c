"""Losses of waveforms, as of Jukebox (Dhariwal et al. 2020, appendix B.1).

Each gives a value for every clip, which is to be divided by what the same measure gives
of the audio itself.
"""

import tensorflow as tf

# Samples of a clip with the largest errors.
PEAKS = 2048
# Sizes of the transforms: samples that are transformed, of a step, of the window.
TRANSFORMS = ((2048, 240, 1200), (1024, 120, 600), (512, 50, 240))
# The transform whose magnitudes say how loud the spectrum of audio is.
BANDWIDTH_TRANSFORM = (2048, 256, 1536)


def squared(estimate: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Mean squared error of each clip `[batch, samples]`: `[batch]`."""
    return tf.reduce_mean(tf.square(estimate - truth), axis=-1)


def peaks(estimate: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Mean of the largest `PEAKS` squared errors of each clip: `[batch]`."""
    errors = tf.square(estimate - truth)
    count = tf.minimum(PEAKS, tf.shape(errors)[-1])
    return tf.reduce_mean(tf.math.top_k(errors, count, sorted=False).values, axis=-1)


def spectral(estimate: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Frobenius norm of the difference of magnitudes of each clip: `[batch]`.

    The mean over `TRANSFORMS`.
    """
    norms = [_distance(estimate, truth, sizes) for sizes in TRANSFORMS]
    return tf.add_n(norms) / len(norms)


def spectral_norm(audio: tf.Tensor) -> tf.Tensor:
    """Frobenius norm of the magnitudes of each clip `[batch, samples]`: `[batch]`."""
    return tf.norm(_magnitudes(audio, BANDWIDTH_TRANSFORM), axis=(-2, -1))


def spectral_error(estimate: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """The same norm of the difference of magnitudes of each clip: `[batch]`."""
    return _distance(estimate, truth, BANDWIDTH_TRANSFORM)


def _distance(
    estimate: tf.Tensor, truth: tf.Tensor, sizes: tuple[int, int, int]
) -> tf.Tensor:
    difference = _magnitudes(estimate, sizes) - _magnitudes(truth, sizes)
    return tf.norm(difference, axis=(-2, -1))


def _magnitudes(audio: tf.Tensor, sizes: tuple[int, int, int]) -> tf.Tensor:
    n_fft, hop, window = sizes
    spectrum = tf.signal.stft(audio, window, hop, n_fft, pad_end=True)
    # The root of zero has no gradient.
    power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
    return tf.sqrt(tf.maximum(power, 1e-14))
