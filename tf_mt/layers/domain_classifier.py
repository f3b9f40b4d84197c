"""A classifier of the domain of content codes, for domain confusion."""

import keras
import tensorflow as tf

from tf_mt.layers import convolution


class DomainClassifier(keras.layers.Layer):
    """Three convolutions with ELU and a linear one; logits are averaged over time.

    The classifier of Mor et al. 2019 (section 3.2), whose kernels have size 1.

    Args:
        rank: 1 for codes over time, 2 over time and frequency.
        domains: How many there are.
        channels: Of the three convolutions.
        kernel: Their size.
    """

    def __init__(self, rank: int, domains: int, channels: int = 100, kernel: int = 1):
        super().__init__()
        self.hidden = [
            convolution.convolution(rank, channels, kernel) for _ in range(3)
        ]
        self.last = convolution.convolution(rank, domains, 1)

    def call(self, code: tf.Tensor) -> tf.Tensor:
        """Classifies `[batch, ..., channels]`; returns float32 `[batch, domains]`."""
        x = code
        for hidden in self.hidden:
            x = tf.nn.elu(hidden(x))
        logits = tf.cast(self.last(x), tf.float32)
        return tf.reduce_mean(logits, axis=list(range(1, code.shape.rank - 1)))
