"""Predicts a log-mel spectrogram from a content code, as an auxiliary loss."""

import keras
import tensorflow as tf


class SpectrumHead(keras.layers.Layer):
    """Two dense layers on each frame, with a ReLU between them.

    Args:
        channels: Of the first.
        bands: Mel bands that the second gives.
    """

    def __init__(self, channels: int, bands: int):
        super().__init__()
        self.hidden = keras.layers.Dense(channels, activation="relu")
        self.last = keras.layers.Dense(bands)

    def call(self, code: tf.Tensor) -> tf.Tensor:
        """Reads a log-mel, float32 `[batch, frames, bands]`, off a code."""
        return tf.cast(self.last(self.hidden(code)), tf.float32)
