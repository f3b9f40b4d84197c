"""Convolutions over time, or over time and frequency, under one name."""

import keras
import tensorflow as tf


def convolution(
    rank: int, filters: int, kernel: int, stride: int = 1
) -> keras.layers.Layer:
    """Makes a convolution that keeps the length divided by its stride.

    Args:
        rank: 1 for `[batch, frames, channels]`, 2 for `[batch, frames, bands,
            channels]`.
        filters: Output channels.
        kernel: Size along every axis.
        stride: Step along every axis.

    Returns:
        A layer padded with zeros at both ends.
    """
    kind = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}[rank]
    return kind(filters, kernel, strides=stride, padding="same")


class ReflectedConvolution(keras.layers.Layer):
    """A convolution of odd kernel whose input is reflected at its ends.

    Args:
        rank: As for `convolution`.
        filters: Output channels.
        kernel: Odd size along every axis.
    """

    def __init__(self, rank: int, filters: int, kernel: int):
        super().__init__()
        kind = {1: keras.layers.Conv1D, 2: keras.layers.Conv2D}[rank]
        self.margin = kernel // 2
        self.convolution = kind(filters, kernel, padding="valid")

    def build(self, shape: tuple) -> None:
        """Makes the kernel for the shape of the input before it is reflected."""
        lengths = [size and size + 2 * self.margin for size in shape[1:-1]]
        self.convolution.build((shape[0], *lengths, shape[-1]))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Convolves `[batch, ..., channels]`; keeps every length."""
        margins = [[self.margin, self.margin]] * (x.shape.rank - 2)
        return self.convolution(tf.pad(x, [[0, 0], *margins, [0, 0]], mode="REFLECT"))


def upsampling_convolution(
    rank: int, filters: int, kernel: int = 4
) -> keras.layers.Layer:
    """Makes a transposed convolution that doubles every length.

    Args:
        rank: As for `convolution`.
        filters: Output channels.
        kernel: Size along every axis.
    """
    kind = {1: keras.layers.Conv1DTranspose, 2: keras.layers.Conv2DTranspose}[rank]
    return kind(filters, kernel, strides=2, padding="same")


class ResizeConvolution(keras.layers.Layer):
    """Doubles time and frequency by repetition, and convolves with kernel 3.

    Odena et al. 2016: unlike a transposed convolution it makes no checkerboards.

    Args:
        filters: Output channels.
    """

    def __init__(self, filters: int):
        super().__init__()
        self.convolution = convolution(2, filters, 3)

    def build(self, shape: tuple) -> None:
        """Makes the kernel; doubling changes no channels."""
        self.convolution.build(shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Doubles `[batch, frames, bands, channels]`."""
        return self.convolution(tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2))
