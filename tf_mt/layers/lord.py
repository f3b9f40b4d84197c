"""The networks of LORD for images (Gabbay and Hoshen 2020), as published.

Their codes are vectors, and they see a spectrogram as a picture.
"""

import keras
import tensorflow as tf

from tf_mt.layers import normalisation

# By how much the generator lengthens both sides of its first map.
SCALE = 16
GENERATOR_CHANNELS = 256
_DENSE = (32, 64, 256)
# Channels, kernels and strides of the encoder's convolutions.
_CONVOLUTIONS = ((64, 7, 1), (128, 4, 2), (256, 4, 2), (256, 4, 2), (256, 4, 2))
# Keras's default, which the published code takes.
_LEAK = 0.3


def _leaky(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.leaky_relu(x, _LEAK)


class Generator(keras.layers.Layer):
    """From vectors of content and class to pictures.

    Args:
        rows: Of the picture; a multiple of 16.
        columns: The same.
        colours: Channels of the picture.
    """

    def __init__(self, rows: int, columns: int, colours: int = 1):
        super().__init__()
        self.first = rows // SCALE, columns // SCALE
        area = self.first[0] * self.first[1]
        self.dense = [keras.layers.Dense(area * channels) for channels in _DENSE]
        self.convolutions = [
            keras.layers.Conv2D(GENERATOR_CHANNELS, 3, padding="same") for _ in range(4)
        ]
        self.norms = [normalisation.AdaptiveInstanceNorm() for _ in range(4)]
        self.last = keras.layers.Conv2D(64, 5, padding="same")
        self.head = keras.layers.Conv2D(colours, 7, padding="same")

    def call(self, content: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Generates.

        Args:
            content: `[batch, size]`.
            timbre: Class codes `[batch, size]`.

        Returns:
            float32 `[batch, rows, columns, colours]` in [0, 1].
        """
        x = content
        for dense in self.dense:
            x = _leaky(dense(x))
        x = tf.reshape(x, [-1, *self.first, _DENSE[-1]])
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            x = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
            x = norm(_leaky(convolution(x)), timbre)
        x = self.head(_leaky(self.last(x)))
        return tf.math.sigmoid(tf.cast(x, tf.float32))


class Encoder(keras.layers.Layer):
    """From pictures to vectors.

    Args:
        size: Of a vector.
    """

    def __init__(self, size: int):
        super().__init__()
        self.convolutions = [
            keras.layers.Conv2D(channels, kernel, stride, padding="same")
            for channels, kernel, stride in _CONVOLUTIONS
        ]
        self.dense = [keras.layers.Dense(256) for _ in range(2)]
        self.head = keras.layers.Dense(size)

    def call(self, picture: tf.Tensor) -> tf.Tensor:
        """Encodes `[batch, rows, columns, colours]` to float32 `[batch, size]`."""
        x = picture
        for convolution in self.convolutions:
            x = _leaky(convolution(x))
        x = tf.reshape(x, [tf.shape(x)[0], x.shape[1] * x.shape[2] * x.shape[3]])
        for dense in self.dense:
            x = _leaky(dense(x))
        return tf.cast(self.head(x), tf.float32)
