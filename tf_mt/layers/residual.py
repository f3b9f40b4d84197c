"""Residual blocks of two convolutions with normalisation."""

from collections.abc import Callable

import keras
import tensorflow as tf

from tf_mt.layers import convolution


class ResidualBlock(keras.layers.Layer):
    """Adds to its input: reflected convolution, norm, ReLU, convolution, norm.

    He et al. 2016 as in Johnson et al. 2016, without a ReLU after the addition.

    Args:
        rank: 1 over time, 2 over time and frequency.
        filters: Channels of input and output.
        kernel: Odd size of both convolutions.
        norm: Makes a normalisation that is called with `(x, timbre)`.
    """

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel: int,
        norm: Callable[[], keras.layers.Layer],
    ):
        super().__init__()
        self.convolutions = [
            convolution.ReflectedConvolution(rank, filters, kernel) for _ in range(2)
        ]
        self.norms = [norm(), norm()]

    def call(self, x: tf.Tensor, timbre: tf.Tensor | None = None) -> tf.Tensor:
        """Transforms `[batch, ..., filters]`, with a timbre if the norm takes one."""
        y = tf.nn.relu(self.norms[0](self.convolutions[0](x), timbre))
        return x + self.norms[1](self.convolutions[1](y), timbre)
