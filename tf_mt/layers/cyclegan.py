"""The networks of the CycleGAN: two kinds of generators, and patch discriminators.

They take and give magnitude spectrograms float32 `[batch, frames, bins]` in [-1, 1].
"""

import keras
import tensorflow as tf

from tf_mt.layers import convolution, normalisation, residual

LEAK = 0.2
_STEM_KERNEL = 7
# The widest layer of a deep generator has this many times the channels of the first.
_WIDEST = 8


class DeepGenerator(keras.layers.Layer):
    """Halves both axes many times, transforms, and doubles them as often.

    Gupta and Naik, section 2: strided convolutions, residual blocks at the lowest
    resolution, transposed convolutions; no connection skips the bottleneck.

    Args:
        width: Channels after the first halving; they double at each further one, up to
            eight times as many.
        halvings: How often frames and bins are halved.
        blocks: Residual blocks at the bottleneck.
        upsampling: How it doubles: by "transposed" convolutions, or by "resize"
            (`convolution.ResizeConvolution`).
    """

    def __init__(self, width: int, halvings: int, blocks: int, upsampling: str):
        super().__init__()
        widths = [width * min(2**level, _WIDEST) for level in range(halvings)]
        self.halvings = [
            convolution.convolution(2, channels, 4, stride=2) for channels in widths
        ]
        self.halving_norms = [normalisation.AffineInstanceNorm() for _ in widths[1:]]
        self.blocks = [
            residual.ResidualBlock(2, widths[-1], 3, normalisation.AffineInstanceNorm)
            for _ in range(blocks)
        ]
        self.doublings = [
            _doubling(channels, 4, upsampling)
            for channels in [*reversed(widths[:-1]), width]
        ]
        self.doubling_norms = [normalisation.AffineInstanceNorm() for _ in widths]
        self.last = convolution.convolution(2, 1, 3)

    def call(self, spectrogram: tf.Tensor) -> tf.Tensor:
        """Translates; frames and bins are multiples of `2**halvings`."""
        x = tf.nn.leaky_relu(self.halvings[0](spectrogram[..., tf.newaxis]), LEAK)
        for halving, norm in zip(self.halvings[1:], self.halving_norms, strict=True):
            x = tf.nn.leaky_relu(norm(halving(x)), LEAK)
        for block in self.blocks:
            x = block(x)
        for doubling, norm in zip(self.doublings, self.doubling_norms, strict=True):
            x = tf.nn.relu(norm(doubling(x)))
        return tf.tanh(tf.cast(self.last(x), tf.float32))[..., 0]


class ResnetGenerator(keras.layers.Layer):
    """The generator of the CycleGAN of images (Zhu et al. 2017, appendix 7.2).

    A convolution of kernel 7, two halvings, residual blocks, two doublings and a
    convolution of kernel 7; instance normalisation without parameters.

    Args:
        width: Channels after the first convolution; doubled by each halving.
        halvings: How often frames and bins are halved; the paper has 2.
        blocks: Residual blocks; the paper has 9.
        upsampling: How it doubles: by "transposed" convolutions, or by "resize"
            (`convolution.ResizeConvolution`).
    """

    def __init__(self, width: int, halvings: int, blocks: int, upsampling: str):
        super().__init__()
        self.stem = convolution.ReflectedConvolution(2, width, _STEM_KERNEL)
        self.halvings = [
            convolution.convolution(2, width * 2 ** (level + 1), 3, stride=2)
            for level in range(halvings)
        ]
        self.blocks = [
            residual.ResidualBlock(
                2, width * 2**halvings, 3, normalisation.InstanceNorm
            )
            for _ in range(blocks)
        ]
        self.doublings = [
            _doubling(width * 2**level, 3, upsampling)
            for level in reversed(range(halvings))
        ]
        self.last = convolution.ReflectedConvolution(2, 1, _STEM_KERNEL)

    def call(self, spectrogram: tf.Tensor) -> tf.Tensor:
        """Translates; frames and bins are multiples of `2**halvings`."""
        norm = normalisation.instance_norm
        x = tf.nn.relu(norm(self.stem(spectrogram[..., tf.newaxis])))
        for halving in self.halvings:
            x = tf.nn.relu(norm(halving(x)))
        for block in self.blocks:
            x = block(x)
        for doubling in self.doublings:
            x = tf.nn.relu(norm(doubling(x)))
        return tf.tanh(tf.cast(self.last(x), tf.float32))[..., 0]


class PatchDiscriminator(keras.layers.Layer):
    """Tells real from generated patches of 70 x 70 (Isola et al. 2017, appendix 6.1.2).

    Convolutions of kernel 4, three of them with stride 2, with one zero of padding on
    every side.

    Args:
        width: Channels of the first convolution; doubled by each of the next three.
    """

    def __init__(self, width: int):
        super().__init__()
        self.convolutions = [
            keras.layers.Conv2D(channels, 4, strides=stride, padding="valid")
            for channels, stride in (
                (width, 2),
                (2 * width, 2),
                (4 * width, 2),
                (8 * width, 1),
                (1, 1),
            )
        ]

    def call(self, spectrogram: tf.Tensor) -> tf.Tensor:
        """Returns float32 logits `[batch, patches over time, patches over bins, 1]`."""
        x = spectrogram[..., tf.newaxis]
        last = len(self.convolutions) - 1
        for number, one in enumerate(self.convolutions):
            x = one(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]))
            if 0 < number < last:
                x = normalisation.instance_norm(x)
            if number < last:
                x = tf.nn.leaky_relu(x, LEAK)
        return tf.cast(x, tf.float32)


def _doubling(filters: int, kernel: int, upsampling: str) -> keras.layers.Layer:
    if upsampling == "resize":
        return convolution.ResizeConvolution(filters)
    return convolution.upsampling_convolution(2, filters, kernel)
