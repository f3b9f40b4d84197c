"""Statistics of features over time, and features that are given those of others."""

import tensorflow as tf

# AdaIN's, Huang and Belongie 2017.
_EPSILON = 1e-5
# Directions with a smaller share of the largest variance are left out of WCT.
_SMALLEST_SHARE = 1e-5


def adain_size(channels: int) -> int:
    """Numbers that `adain_of` gives."""
    return 2 * channels


def adain_of(features: tf.Tensor) -> tf.Tensor:
    """Means and standard deviations of `[batch, frames, channels]` over frames.

    Returns:
        float32 `[batch, 2 * channels]`.
    """
    mean, variance = tf.nn.moments(features, axes=[1])
    return tf.concat([mean, tf.sqrt(variance + _EPSILON)], axis=-1)


def adain(features: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """Gives features the means and deviations of a style (Huang and Belongie 2017).

    Args:
        features: float32 `[batch, frames, channels]`.
        style: Of `adain_of`, `[batch, 2 * channels]`.

    Returns:
        The shape of `features`.
    """
    own = tf.split(adain_of(features)[:, tf.newaxis], 2, axis=-1)
    wanted = tf.split(style[:, tf.newaxis], 2, axis=-1)
    return (features - own[0]) / own[1] * wanted[1] + wanted[0]


def wct_size(channels: int) -> int:
    """Numbers that `wct_of` gives."""
    return channels + channels**2


def wct_of(features: tf.Tensor) -> tf.Tensor:
    """Means and covariances of `[batch, frames, channels]` over frames.

    Returns:
        float32 `[batch, channels + channels**2]`.
    """
    mean, covariance = _moments(features)
    size = features.shape[-1] ** 2
    flat = tf.reshape(covariance, [tf.shape(features)[0], size])
    return tf.cast(tf.concat([mean, flat], axis=-1), tf.float32)


def wct(features: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """Gives features the means and covariances of a style (Li et al. 2017).

    They are whitened and coloured by the eigenvectors of both covariances, which are
    found in float64.

    Args:
        features: float32 `[batch, frames, channels]`.
        style: Of `wct_of`, `[batch, channels + channels**2]`.

    Returns:
        The shape of `features`.
    """
    channels = features.shape[-1]
    style = tf.cast(style, tf.float64)
    wanted = tf.reshape(style[:, channels:], [-1, channels, channels])
    mean, covariance = _moments(features)
    both = tf.matmul(_power(covariance, -0.5), _power(wanted, 0.5))
    shift = style[:, tf.newaxis, :channels] - tf.matmul(mean[:, tf.newaxis], both)
    return tf.matmul(features, tf.cast(both, tf.float32)) + tf.cast(shift, tf.float32)


def _moments(features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean `[batch, channels]` and covariance, both float64."""
    features = tf.cast(features, tf.float64)
    mean = tf.reduce_mean(features, axis=1)
    centred = features - mean[:, tf.newaxis]
    frames = tf.cast(tf.shape(features)[1], tf.float64)
    return mean, tf.matmul(centred, centred, transpose_a=True) / frames


def _power(covariance: tf.Tensor, exponent: float) -> tf.Tensor:
    """A power of symmetric matrices, on the directions that have any variance."""
    values, vectors = tf.linalg.eigh(covariance)
    kept = values > _SMALLEST_SHARE * tf.maximum(values[:, -1:], 1e-30)
    powers = tf.where(kept, tf.pow(tf.where(kept, values, 1.0), exponent), 0.0)
    return tf.matmul(vectors * powers[:, tf.newaxis], vectors, transpose_b=True)
