"""The networks of the vocoder: one that finds magnitudes, and its discriminator."""

import keras
import numpy as np
import tensorflow as tf

from tf_mt.audio import mel
from tf_mt.layers import convnext, convolution, spectrogram

_FIRST_KERNEL = 7
LEAK = 0.2
_DISCRIMINATOR_LAYERS = 3


class MagnitudeNetwork(keras.layers.Layer):
    """Magnitudes of the bins of a spectrum, from its log-mel spectrogram.

    A network at frame rate, as in Vocos (Siuzdak 2023, section 3.2). It says by how
    much the magnitudes differ from the envelope that the bands have between their
    centres, so that an untrained one gives that envelope.

    Args:
        front: What the spectrograms are of.
        channels: Of the blocks.
        blocks: How many `convnext.ConvNextBlock`s.
        expansion: Theirs.
        kernel: Theirs.
    """

    def __init__(
        self,
        front: spectrogram.LogMel,
        channels: int,
        blocks: int,
        expansion: int,
        kernel: int,
    ):
        # Levels stay float32 whatever the precision of the layers in it.
        super().__init__(autocast=False)
        self.between_bands, self.widths = _interpolation(front.matrix)
        self.first = convolution.convolution(1, channels, _FIRST_KERNEL)
        self.first_norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.blocks = [
            convnext.ConvNextBlock(channels, expansion, kernel, 1.0 / blocks)
            for _ in range(blocks)
        ]
        self.last_norm = keras.layers.LayerNormalization(epsilon=1e-6)
        self.last = keras.layers.Dense(front.framing.bins, kernel_initializer="zeros")

    def call(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Magnitudes of log-mels.

        Args:
            log_mel: float32 `[batch, frames, bands]` in [-1, 1], on the scale of
                `spectrogram.LogMel`.

        Returns:
            Natural logarithms of magnitudes, float32 `[batch, frames, bins]`.
        """
        x = self.first_norm(self.first(log_mel))
        for block in self.blocks:
            x = block(x)
        change = tf.cast(self.last(self.last_norm(x)), tf.float32)
        levels = tf.math.log(mel.from_log(log_mel) / self.widths)
        return tf.matmul(levels, self.between_bands) + change


class MagnitudeDiscriminator(keras.layers.Layer):
    """Tells true spectrograms from generated ones, patch by patch.

    Two-dimensional convolutions on log magnitudes that halve the bins and keep the
    frames, as of the multi-resolution discriminators of Jang et al. 2021 (UnivNet).

    Args:
        channels: After the first convolution.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.halvings = [
            keras.layers.Conv2D(channels, (3, 9), strides=(1, 4), padding="same"),
            *(
                keras.layers.Conv2D(2 * channels, (3, 5), (1, 2), padding="same")
                for _ in range(_DISCRIMINATOR_LAYERS - 1)
            ),
        ]
        self.last = keras.layers.Conv2D(1, 3, padding="same")

    def call(self, log_magnitude: tf.Tensor) -> tf.Tensor:
        """Judges `[batch, frames, bins]`: logits float32 `[batch, frames, places]`."""
        x = log_magnitude[..., tf.newaxis]
        for halving in self.halvings:
            x = tf.nn.leaky_relu(halving(x), LEAK)
        return tf.cast(self.last(x), tf.float32)[..., 0]


def _interpolation(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the bands' levels at each bin, and what a flat spectrum has in a band.

    Args:
        matrix: Of `mel.matrix`.

    Returns:
        float32 `[bands, bins]`, of which each bin's sum to 1, and float32 `[bands]`.
    """
    heights = matrix / matrix.max(axis=0)
    outside = np.flatnonzero(~heights.any(axis=1))
    nearest = np.where(outside < len(matrix) // 2, 0, matrix.shape[1] - 1)
    heights[outside, nearest] = 1.0
    weights = heights / heights.sum(axis=1, keepdims=True)
    return weights.T.astype(np.float32), matrix.sum(axis=0)
