"""A small CNN that classifies a dataset's domains, and its embedding layer."""

import keras
import tensorflow as tf

from tf_mt import keras_settings
from tf_mt.layers import spectrogram

DIMENSIONS = 128
BANDS = 64
LOW_HZ = 40.0
FRAMES = 64
FILTERS = (16, 32, 64, 128)


def front_end(sample_rate_hz: int) -> spectrogram.LogMel:
    """The network's log-mel: frames of 64 ms every 16 ms, of an even number of samples.

    A window is `FRAMES` of them, 1.024 seconds.
    """
    hop = 2 * (sample_rate_hz * 8 // 1000)
    return spectrogram.LogMel(sample_rate_hz, 4 * hop, hop, BANDS, LOW_HZ)


class Network(keras.Model):
    """Four blocks of convolution, batch normalisation, ReLU and pooling.

    The average over time and frequency is mapped linearly to the embedding, and a ReLU
    of that to the domains.

    Args:
        domains: How many there are.
    """

    dimensions = DIMENSIONS

    def __init__(self, domains: int):
        keras_settings.check()
        super().__init__()
        self.blocks = keras.Sequential()
        for filters in FILTERS:
            self.blocks.add(keras.layers.Conv2D(filters, 3, padding="same"))
            self.blocks.add(keras.layers.BatchNormalization(momentum=0.9))
            self.blocks.add(keras.layers.ReLU())
            self.blocks.add(keras.layers.MaxPooling2D())
        self.blocks.add(keras.layers.GlobalAveragePooling2D())
        self.embedding = keras.layers.Dense(DIMENSIONS)
        self.classes = keras.layers.Dense(domains)
        self.blocks.build((None, None, None, 1))
        self.embedding.build((None, FILTERS[-1]))
        self.classes.build((None, DIMENSIONS))
        self.built = True

    def embed(self, log_mel: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeds windows.

        Args:
            log_mel: float32 `[batch, frames, bands]` in [-1, 1], 16 or more of both.
            training: Whether batch normalisation takes the batch's own statistics.

        Returns:
            float32 `[batch, DIMENSIONS]`.
        """
        return self.embedding(self.blocks(log_mel[..., tf.newaxis], training=training))

    def logits(self, embeddings: tf.Tensor) -> tf.Tensor:
        """Names windows: `[batch, DIMENSIONS]` to logits `[batch, domains]`."""
        return self.classes(tf.nn.relu(embeddings))

    def call(self, log_mel: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeds and names windows: logits `[batch, domains]`."""
        return self.logits(self.embed(log_mel, training))
