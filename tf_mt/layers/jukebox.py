"""The autoencoders of Jukebox (Dhariwal et al. 2020, appendix B.1), on raw audio.

A level is a chain of blocks: the first sees audio, each further one what the block
before it gives. Blocks of several levels are not shared.
"""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

# Channels between blocks, and of codes.
EMBEDDING = 64
_KERNEL = 4
_STRIDE = 2
_DILATION_BASE = 3


def _initial() -> keras.initializers.Initializer:
    """Uniform in plus or minus the root of a kernel's fan-in, as the published code.

    With larger kernels the sums of the residual layers grow from layer to layer.
    """
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


class ResidualLayer(keras.layers.Layer):
    """A dilated convolution and one of kernel 1, added to their input.

    Args:
        channels: Of input and output.
        dilation: Of the first convolution.
    """

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.dilated = keras.layers.Conv1D(
            channels,
            3,
            padding="same",
            dilation_rate=dilation,
            kernel_initializer=_initial(),
        )
        self.mixing = keras.layers.Conv1D(channels, 1, kernel_initializer=_initial())

    def build(self, shape: tuple) -> None:
        """Makes the kernels for the shape of the input."""
        self.dilated.build(shape)
        self.mixing.build(shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Transforms `[batch, samples, channels]`."""
        return x + self.mixing(tf.nn.relu(self.dilated(tf.nn.relu(x))))


class Halving(keras.layers.Layer):
    """A convolution of kernel 4 and stride 2, with a zero at either end.

    Args:
        channels: Of the output.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.filters = channels
        self.convolution = keras.layers.Conv1D(
            channels, _KERNEL, _STRIDE, kernel_initializer=_initial()
        )

    def build(self, shape: tuple) -> None:
        """Makes the kernel for the shape of the input."""
        self.convolution.build(shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Transforms `[batch, samples, ...]` to `[batch, samples / 2, channels]`."""
        return self.convolution(tf.pad(x, [[0, 0], [1, 1], [0, 0]]))


def _residual(width: int, depth: int, reverse: bool) -> list[keras.layers.Layer]:
    dilations = [_DILATION_BASE**number for number in range(depth)]
    return [
        ResidualLayer(width, dilation)
        for dilation in (reversed(dilations) if reverse else dilations)
    ]


def _same(channels: int) -> keras.layers.Layer:
    return keras.layers.Conv1D(
        channels, 3, padding="same", kernel_initializer=_initial()
    )


def encoder(
    halvings: Sequence[int], width: int, depth: int
) -> list[keras.layers.Layer]:
    """Makes the layers of a level's encoder, to be applied one after the other.

    Args:
        halvings: How often each block halves the number of samples.
        width: Channels within a block.
        depth: Residual layers after each halving.

    Returns:
        Layers from audio `[batch, samples, 1]` to `[batch, samples / hop, EMBEDDING]`.
    """
    layers: list[keras.layers.Layer] = []
    for count in halvings:
        for _ in range(count):
            layers += [Halving(width), *_residual(width, depth, reverse=False)]
        layers.append(_same(EMBEDDING))
    return _built(layers, 1)


def decoder(
    halvings: Sequence[int], width: int, depth: int
) -> list[keras.layers.Layer]:
    """Makes the layers of a level's decoder: those of its encoder the other way round.

    Returns:
        Layers from `[batch, samples / hop, EMBEDDING]` to audio `[batch, samples, 1]`.
    """
    layers: list[keras.layers.Layer] = []
    for count in reversed(halvings):
        layers.append(_same(width))
        for number in range(count):
            channels = EMBEDDING if number == count - 1 else width
            layers += [
                *_residual(width, depth, reverse=True),
                keras.layers.Conv1DTranspose(
                    channels,
                    _KERNEL,
                    _STRIDE,
                    padding="same",
                    kernel_initializer=_initial(),
                ),
            ]
    return _built([*layers, _same(1)], EMBEDDING)


def _built(layers: list[keras.layers.Layer], channels: int) -> list[keras.layers.Layer]:
    for layer in layers:
        layer.build((None, None, channels))
        channels = getattr(layer, "filters", channels)
    return layers


def apply(layers: Sequence[Callable], x: tf.Tensor) -> tf.Tensor:
    """Applies layers one after the other; the result is float32."""
    for layer in layers:
        x = layer(x)
    return tf.cast(x, tf.float32)
