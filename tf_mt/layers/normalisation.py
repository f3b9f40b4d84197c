"""Instance normalisation, plain and steered by a timbre."""

import keras
import tensorflow as tf

EPSILON = 1e-5


def instance_norm(x: tf.Tensor) -> tf.Tensor:
    """Gives every channel of every example zero mean and unit variance.

    Ulyanov et al. 2016, without affine parameters. Statistics are float32 whatever
    the dtype of `x`.

    Args:
        x: `[batch, ..., channels]`; the axes between are averaged over.

    Returns:
        The shape and dtype of `x`.
    """
    values = tf.cast(x, tf.float32)
    axes = list(range(1, x.shape.rank - 1))
    mean, variance = tf.nn.moments(values, axes, keepdims=True)
    return tf.cast((values - mean) * tf.math.rsqrt(variance + EPSILON), x.dtype)


class InstanceNorm(keras.layers.Layer):
    """Instance normalisation without parameters; ignores the timbre."""

    def call(self, x: tf.Tensor, timbre: tf.Tensor | None = None) -> tf.Tensor:
        """Normalises `[batch, ..., channels]`."""
        return instance_norm(x)


class AffineInstanceNorm(keras.layers.Layer):
    """Instance normalisation with a learned scale and offset of each channel."""

    def build(self, shape: tuple) -> None:
        """Makes scale and offset for the shape of the input."""
        self.scale = self.add_weight(
            name="scale", shape=(shape[-1],), initializer="ones"
        )
        self.offset = self.add_weight(
            name="offset", shape=(shape[-1],), initializer="zeros"
        )

    def call(self, x: tf.Tensor, timbre: tf.Tensor | None = None) -> tf.Tensor:
        """Normalises `[batch, ..., channels]`; ignores the timbre."""
        return instance_norm(x) * self.scale + self.offset


class AdaptiveInstanceNorm(keras.layers.Layer):
    """Instance normalisation whose scale and offset are read from a timbre.

    Huang and Belongie 2017; here a dense layer maps the timbre to both, as in Chou et
    al. 2019, with the scale as a change of one.
    """

    def build(self, x_shape: tuple, timbre_shape: tuple) -> None:
        """Makes the dense layer for the shapes of `x` and of the timbre."""
        self.modulation = keras.layers.Dense(2 * x_shape[-1], dtype=self.dtype_policy)
        self.modulation.build(timbre_shape)

    def call(self, x: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Normalises `[batch, ..., channels]` and applies a timbre `[batch, size]`."""
        scale, offset = tf.split(self.modulation(timbre), 2, axis=-1)
        for _ in range(x.shape.rank - 2):
            scale, offset = scale[:, tf.newaxis], offset[:, tf.newaxis]
        return instance_norm(x) * (1 + scale) + offset
