"""The network that says what a spectrum is to be multiplied by, for a domain."""

import keras
import tensorflow as tf

from tf_mt.layers import convnext, convolution

_FIRST_KERNEL = 3
# A frame of full scale has magnitudes of some hundreds; this brings logarithms to 1.
_INPUT_SCALE = 0.3


class GainNetwork(keras.layers.Layer):
    """Gains of the bins of a spectrum, from its magnitudes and the target domain.

    ConvNeXt blocks at frame rate, as in Vocos (Siuzdak 2023, section 3.2); each adds a
    vector of the domain to what its dense layers see. An untrained one changes little.
    The highest bin, at half the sample rate, has the gain of the one below.

    Args:
        bins: Of the spectrum.
        domains: How many.
        channels: Of the blocks.
        blocks: How many `convnext.ConvNextBlock`s.
        expansion: Theirs.
        kernel: Theirs.
    """

    def __init__(
        self,
        bins: int,
        domains: int,
        channels: int,
        blocks: int,
        expansion: int,
        kernel: int,
    ):
        # Levels stay float32 whatever the precision of the layers in it.
        super().__init__(autocast=False)
        self.first = convolution.convolution(1, channels, _FIRST_KERNEL)
        self.first_norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.blocks = [
            convnext.ConvNextBlock(channels, expansion, kernel, 1.0 / blocks)
            for _ in range(blocks)
        ]
        self.of_domains = [
            keras.layers.Embedding(domains, channels) for _ in range(blocks)
        ]
        self.last_norm = keras.layers.LayerNormalization(epsilon=1e-6)
        nearly_zeros = keras.initializers.RandomNormal(stddev=1e-3)
        self.last = keras.layers.Dense(bins - 1, kernel_initializer=nearly_zeros)

    def call(self, log_magnitude: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
        """Gains of spectra.

        Args:
            log_magnitude: Natural logarithms, float32 `[batch, frames, bins]`.
            domain: The target of each, int32 `[batch]`.

        Returns:
            Natural logarithms of gains, float32 `[batch, frames, bins]`.
        """
        # Of an even number of bins, which is faster; and oneDNN's convolution of 2049
        # channels in bfloat16 reads what nobody wrote (TensorFlow 2.21).
        x = self.first_norm(self.first(_INPUT_SCALE * log_magnitude[..., :-1]))
        for block, of_domain in zip(self.blocks, self.of_domains, strict=True):
            x = block(x, of_domain(domain)[:, tf.newaxis])
        gain = tf.cast(self.last(self.last_norm(x)), tf.float32)
        return tf.concat([gain, gain[..., -1:]], axis=-1)
