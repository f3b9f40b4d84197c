"""The networks of AdaIN-VC: content encoder, class encoder and generator.

Chou et al. 2019, "One-shot Voice Conversion by Separating Speaker and Content
Representations with Instance Normalization", with the sizes of the published code. They
convolve over time, with mel bands as channels.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_mt.layers import normalisation

KERNEL = 5
BANK = 8
# Strides of the blocks of an encoder, and the factors of a generator's.
ENCODER_STRIDES = (1, 2, 1, 2, 1, 2)
GENERATOR_FACTORS = (2, 1, 2, 1, 2, 1)
# Frames that a frame of the content stands for.
REDUCTION = 8
DENSE_BLOCKS = 6


class PaddedConvolution(keras.layers.Layer):
    """A convolution over time whose input is reflected at both ends.

    Args:
        channels: Output channels.
        kernel: Frames; an even one reaches one frame less into the future.
        stride: Step from one output to the next.
        gain: What the kernel's initial values are multiplied by.
    """

    def __init__(
        self, channels: int, kernel: int = KERNEL, stride: int = 1, gain: float = 1.0
    ):
        super().__init__()
        self.margins = kernel // 2, (kernel - 1) // 2
        # Glorot's.
        begin = keras.initializers.VarianceScaling(gain**2, "fan_avg", "uniform")
        self.convolution = keras.layers.Conv1D(
            channels, kernel, stride, kernel_initializer=begin
        )

    def build(self, shape: tuple) -> None:
        """Makes the kernel for the number of input channels."""
        self.convolution.build((shape[0], None, shape[-1]))

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Convolves `[batch, frames, channels]` to `[batch, ceil(frames / stride)]`."""
        return self.convolution(
            tf.pad(x, [[0, 0], self.margins, [0, 0]], mode="REFLECT")
        )


class Bank(keras.layers.Layer):
    """Convolutions of kernels 1 to 8, side by side with their input.

    Args:
        channels: Output channels of each.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.convolutions = [
            PaddedConvolution(channels, kernel) for kernel in range(1, BANK + 1)
        ]

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Returns `[batch, frames, 8 * channels + input channels]`."""
        return tf.concat([*(tf.nn.relu(c(x)) for c in self.convolutions), x], axis=-1)


class Encoder(keras.layers.Layer):
    """The trunk of both encoders: a bank, and residual blocks that halve three times.

    Args:
        channels: Of every convolution.
        normalised: Whether instance normalisation takes out what is constant over
            time: so for content, not for the class.
    """

    def __init__(self, channels: int, normalised: bool):
        super().__init__()
        self.norm = normalisation.instance_norm if normalised else tf.identity
        self.bank = Bank(channels)
        self.stem = PaddedConvolution(channels, 1)
        self.blocks = [
            (PaddedConvolution(channels), PaddedConvolution(channels, stride=stride))
            for stride in ENCODER_STRIDES
        ]
        self.convolutions = [layer for block in self.blocks for layer in block]

    def call(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Transforms `[batch, frames, bands]` to `[batch, frames / 8, channels]`."""
        x = tf.nn.relu(self.norm(self.stem(self.bank(log_mel))))
        for (first, second), stride in zip(self.blocks, ENCODER_STRIDES, strict=True):
            y = tf.nn.relu(self.norm(first(x)))
            y = tf.nn.relu(self.norm(second(y)))
            if stride > 1:
                x = tf.nn.avg_pool1d(x, stride, stride, "SAME")
            x = x + y
        return x


class ContentEncoder(keras.layers.Layer):
    """From log-mel spectrograms to content codes; the published one without variance.

    Args:
        channels: Of every convolution.
        code: Channels of a code.
    """

    def __init__(self, channels: int, code: int):
        super().__init__()
        self.encoder = Encoder(channels, normalised=True)
        self.head = PaddedConvolution(code, 1)

    def call(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Encodes `[batch, frames, bands]` to float32 `[batch, frames / 8, code]`."""
        return tf.cast(self.head(self.encoder(log_mel)), tf.float32)


class ClassEncoder(keras.layers.Layer):
    """From log-mel spectrograms to class codes: the published speaker encoder.

    Args:
        channels: Of every convolution.
        code: Length of a class code.
    """

    def __init__(self, channels: int, code: int):
        super().__init__()
        self.encoder = Encoder(channels, normalised=False)
        self.blocks = [
            (keras.layers.Dense(channels), keras.layers.Dense(channels))
            for _ in range(DENSE_BLOCKS)
        ]
        self.dense = [layer for block in self.blocks for layer in block]
        # Without normalisation the sum of all blocks is large; codes are not.
        begin = keras.initializers.VarianceScaling(1e-4, "fan_avg", "uniform")
        self.head = keras.layers.Dense(code, kernel_initializer=begin)

    def call(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Encodes `[batch, frames, bands]` to float32 `[batch, code]`."""
        x = tf.reduce_mean(self.encoder(log_mel), axis=1)
        for first, second in self.blocks:
            x = x + tf.nn.relu(second(tf.nn.relu(first(x))))
        return tf.cast(self.head(x), tf.float32)


class GeneratorBlock(keras.layers.Layer):
    """Two convolutions with adaptive instance normalisation, beside a skip.

    Args:
        channels: Of input and output.
        factor: By how much it lengthens its input.
    """

    def __init__(self, channels: int, factor: int):
        super().__init__()
        self.factor = factor
        self.first = PaddedConvolution(channels)
        self.second = PaddedConvolution(channels * factor)
        self.norms = [normalisation.AdaptiveInstanceNorm() for _ in range(2)]

    def call(self, x: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Transforms `[batch, frames, channels]`, by class codes `[batch, size]`."""
        y = tf.nn.relu(self.norms[0](self.first(x), timbre))
        y = pixel_shuffle(self.second(y), self.factor)
        y = tf.nn.relu(self.norms[1](y, timbre))
        return tf.repeat(x, self.factor, axis=1) + y


class Generator(keras.layers.Layer):
    """From content codes and class codes to log-mel spectrograms.

    Args:
        channels: Of every convolution.
        bands: Mel bands.
        factors: By how much each block lengthens.
    """

    def __init__(
        self, channels: int, bands: int, factors: Sequence[int] = GENERATOR_FACTORS
    ):
        super().__init__()
        self.stem = PaddedConvolution(channels, 1)
        self.blocks = [GeneratorBlock(channels, factor) for factor in factors]
        # The sum of all blocks is large; what begins within the scale learns faster.
        self.head = PaddedConvolution(bands, 1, gain=0.1)

    def call(self, content: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Generates.

        Args:
            content: `[batch, frames / 8, code]`.
            timbre: Class codes `[batch, size]`.

        Returns:
            Log-mel, float32 `[batch, frames, bands]`; not clipped.
        """
        x = tf.nn.relu(normalisation.instance_norm(self.stem(content)))
        for block in self.blocks:
            x = block(x, timbre)
        return tf.cast(self.head(x), tf.float32)


def pixel_shuffle(x: tf.Tensor, factor: int) -> tf.Tensor:
    """Lengthens by taking frames from channels (Shi et al. 2016, in one dimension).

    Args:
        x: `[batch, frames, channels * factor]`.
        factor: By how much.

    Returns:
        `[batch, frames * factor, channels]`: channel `c * factor + u` of frame `t`
        becomes channel `c` of frame `t * factor + u`.
    """
    if factor == 1:
        return x
    channels = x.shape[-1] // factor
    frames = tf.shape(x)[1]
    apart = tf.reshape(x, [-1, frames, channels, factor])
    shuffled = tf.reshape(
        tf.transpose(apart, [0, 1, 3, 2]), [-1, frames * factor, channels]
    )
    lengths = x.shape[1] and x.shape[1] * factor
    return tf.ensure_shape(shuffled, [x.shape[0], lengths, channels])
