"""ConvNeXt blocks over time."""

import keras
import tensorflow as tf


class ConvNextBlock(keras.layers.Layer):
    """A wide, cheap convolution and two dense layers, added to what comes in.

    Liu et al. 2022, "A ConvNet for the 2020s", figure 4, in one dimension, as in Vocos
    (Siuzdak 2023, section 3.2). Nothing in it depends on more frames than its kernel
    covers, so that two windows of a recording agree where they overlap.

    Args:
        channels: Of input and output.
        expansion: How many times as many there are between the dense layers.
        kernel: Frames of the convolution, each channel by itself.
        scale: What the block's output is multiplied by, per channel, to begin with.
    """

    def __init__(self, channels: int, expansion: int, kernel: int, scale: float):
        super().__init__()
        self.convolution = keras.layers.DepthwiseConv1D(kernel, padding="same")
        self.norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.wide = keras.layers.Dense(expansion * channels, activation="silu")
        self.narrow = keras.layers.Dense(channels)
        self.scale = self.add_weight(
            name="scale",
            shape=(channels,),
            initializer=keras.initializers.Constant(scale),
        )

    def call(self, x: tf.Tensor, shift: tf.Tensor | None = None) -> tf.Tensor:
        """Changes `[batch, frames, channels]`; keeps its shape.

        Args:
            x: What comes in.
            shift: Is added to what the dense layers see; of a shape that fits.
        """
        normed = self.norm(self.convolution(x))
        if shift is not None:
            normed += shift
        return x + self.scale * self.narrow(self.wide(normed))
