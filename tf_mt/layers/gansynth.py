"""The discriminator of GANSynth (Engel et al. 2019), reduced, without its growth.

It halves frames and bands block by block, with equalised learning rate (Karras et al.
2018, section 4.1) and the deviation over the batch as a channel of the last block
(section 3). All of it is float32, whatever the arithmetic of the other layers: the
gradient penalty differentiates it twice.
"""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

LEAK = 0.2
_VARIANCE_FLOOR = 1e-6


class Scaled(keras.layers.Layer):
    """A convolution or dense layer with equalised learning rate.

    Its kernel begins as standard normal noise, and is scaled where it is used.

    Args:
        layer: The layer, with a kernel of standard normal noise.
        gain: The scale is `gain / sqrt(inputs of an output)`.
    """

    def __init__(self, layer: keras.layers.Layer, gain: float):
        super().__init__(dtype="float32")
        self.layer = layer
        self.gain = gain

    def build(self, shape: tuple) -> None:
        """Makes the kernel for the shape of the input."""
        self.layer.build(shape)
        inputs = math.prod(self.layer.kernel.shape[:-1])
        self.scale = self.gain / math.sqrt(inputs)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Applies the layer; as if its kernel were scaled."""
        return self.layer(x * self.scale)


class Discriminator(keras.layers.Layer):
    """Tells real from generated spectrograms.

    Args:
        blocks: Blocks; all but the last halve frames and bands.
        base: Channels are `base / 2**block` where that is at most `most`, and blocks
            count from 1, the last.
        most: The most channels.
        start: Frames and bands that the last block sees.
        batch_mean: Averages `[batch, ...]` over the batch, of all replicas.
    """

    def __init__(
        self,
        blocks: int,
        base: int,
        most: int,
        start: tuple[int, int],
        batch_mean: Callable[[tf.Tensor], tf.Tensor],
    ):
        super().__init__(dtype="float32")
        self.batch_mean = batch_mean

        def channels(block: int) -> int:
            return max(1, min(base // 2**block, most))

        self.stem = _convolution(channels(blocks), 1)
        self.halvings = [
            (_convolution(channels(block), 3), _convolution(channels(block - 1), 3))
            for block in range(blocks, 1, -1)
        ]
        self.convolutions = [layer for pair in self.halvings for layer in pair]
        self.last = [
            _convolution(channels(1), 3),
            _convolution(channels(0), start, padding="valid"),
        ]
        dense = keras.layers.Dense(1, kernel_initializer=_normal(), dtype="float32")
        self.head = Scaled(dense, 1.0)

    def build(self, shape: tuple) -> None:
        """Makes every kernel; the statistics of a batch are not asked for."""
        layers = [self.stem, *self.convolutions, *self.last]
        channels = 1
        for layer in layers:
            # The deviation over the batch is a channel more.
            channels += layer is self.last[0]
            layer.build((None, None, None, channels))
            channels = layer.layer.filters
        self.head.build((None, channels))

    def call(self, spectrogram: tf.Tensor) -> tf.Tensor:
        """Returns logits `[batch, 1]` of float32 `[batch, frames, bands]`."""
        x = _leaky(self.stem(spectrogram[..., tf.newaxis]))
        for first, second in self.halvings:
            x = tf.nn.avg_pool2d(_leaky(second(_leaky(first(x)))), 2, 2, "VALID")
        spread = batch_deviation(x, self.batch_mean) * tf.ones_like(x[..., :1])
        x = tf.concat([x, spread], axis=-1)
        for layer in self.last:
            x = _leaky(layer(x))
        return self.head(x[:, 0, 0])


def batch_deviation(
    x: tf.Tensor, batch_mean: Callable[[tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Mean over all values of an example of their deviation over the whole batch.

    Args:
        x: float32 `[batch, ...]`.
        batch_mean: Averages over the batch, of all replicas.

    Returns:
        A scalar.
    """
    mean = batch_mean(x)
    variance = batch_mean(tf.square(x - mean))
    return tf.reduce_mean(tf.sqrt(variance + _VARIANCE_FLOOR))


def _normal() -> keras.initializers.Initializer:
    # One object gives the same numbers again and again.
    return keras.initializers.RandomNormal(stddev=1.0)


def _convolution(
    channels: int, kernel: int | tuple[int, int], padding: str = "same"
) -> Scaled:
    layer = keras.layers.Conv2D(
        channels, kernel, padding=padding, kernel_initializer=_normal(), dtype="float32"
    )
    return Scaled(layer, math.sqrt(2.0))


def _leaky(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.leaky_relu(x, LEAK)
