"""Losses of magnitude spectra, as of Parallel WaveGAN (Yamamoto et al. 2020)."""

import tensorflow as tf

# Magnitudes below count as equal; a full-scale sine has up to 300.
FLOOR = 1e-4
# Clips of a smaller norm are silent: a full-scale sine of a second has some 2,000.
_SILENT_NORM = 1.0


def convergence(estimate: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Mean spectral convergence (equation 4): `|S - S'| / |S|`, Frobenius norms.

    Args:
        estimate: Magnitudes, float32 `[batch, frames, bins]`.
        truth: Those that they should be, of the same shape.

    Returns:
        A scalar.
    """
    errors = tf.norm(estimate - truth, axis=(-2, -1))
    norms = tf.maximum(tf.norm(truth, axis=(-2, -1)), _SILENT_NORM)
    return tf.reduce_mean(errors / norms)


def log_distance(
    estimate: tf.Tensor, truth: tf.Tensor, floor: float = FLOOR
) -> tf.Tensor:
    """Mean absolute difference of logarithms (equation 5).

    Args:
        estimate: Magnitudes, float32 of any shape.
        truth: Those that they should be, of the same shape.
        floor: Magnitudes below count as equal.

    Returns:
        A scalar, in nepers.
    """
    low, high = (tf.math.log(tf.maximum(x, floor)) for x in (estimate, truth))
    return tf.reduce_mean(tf.abs(low - high))
