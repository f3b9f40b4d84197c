"""Generator and encoders of both stages, of the family that a configuration names."""

import keras
import tensorflow as tf

from tf_mt.layers import adain_vc, lord
from tf_mt.models.lord import configuration


class PictureGenerator(keras.layers.Layer):
    """LORD's generator for images, of log-mel spectrograms.

    Args:
        frames: Of a spectrogram.
        bands: The same.
    """

    def __init__(self, frames: int, bands: int):
        super().__init__()
        self.generator = lord.Generator(frames, bands)

    def call(self, content: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Generates from `[batch, 1, code]` and `[batch, size]`, in [-1, 1]."""
        return 2.0 * self.generator(content[:, 0], timbre)[..., 0] - 1.0


class PictureEncoder(keras.layers.Layer):
    """LORD's encoder for images, of log-mel spectrograms.

    Args:
        size: Of a code.
    """

    def __init__(self, size: int):
        super().__init__()
        self.encoder = lord.Encoder(size)

    def call(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Encodes `[batch, frames, bands]` to `[batch, size]`."""
        return self.encoder(0.5 * (log_mel[..., tf.newaxis] + 1.0))


class PictureContentEncoder(PictureEncoder):
    """The same with a code of one frame: `[batch, 1, size]`."""

    def call(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Encodes `[batch, frames, bands]` to `[batch, 1, size]`."""
        return super().call(log_mel)[:, tf.newaxis]


def generator(hparams: configuration.Config) -> keras.layers.Layer:
    """Makes a layer from content and class codes to log-mel spectrograms."""
    if hparams.networks == "lord":
        return PictureGenerator(hparams.clip_frames, hparams.bands)
    return adain_vc.Generator(hparams.channels, hparams.bands)


def content_encoder(hparams: configuration.AmortisedConfig) -> keras.layers.Layer:
    """Makes a layer from log-mel spectrograms to content codes."""
    if hparams.networks == "lord":
        return PictureContentEncoder(hparams.content_channels)
    return adain_vc.ContentEncoder(hparams.encoder_channels, hparams.content_channels)


def class_encoder(hparams: configuration.AmortisedConfig) -> keras.layers.Layer:
    """Makes a layer from log-mel spectrograms to class codes."""
    if hparams.networks == "lord":
        return PictureEncoder(hparams.class_size)
    return adain_vc.ClassEncoder(hparams.encoder_channels, hparams.class_size)
