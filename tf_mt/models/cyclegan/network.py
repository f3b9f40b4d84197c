"""The networks of the CycleGAN, made from its configuration."""

import keras
import tensorflow as tf

from tf_mt.layers import cyclegan, normalisation, spectrogram_vae
from tf_mt.models.cyclegan import configuration

_CONV1D_KERNEL = 5
# Zhu et al. 2017, section 4.
_KERNEL_DEVIATION = 0.02


class Conv1dGenerator(keras.layers.Layer):
    """A generator that convolves over time, with bins as channels.

    It is the VAE-GAN's encoder and the end of its generator, and costs a fraction of
    one over time and frequency.

    Args:
        hparams: The configuration.
    """

    def __init__(self, hparams: configuration.Config):
        super().__init__()
        self.encoder = spectrogram_vae.Encoder(
            1, hparams.width, 1, hparams.halvings, hparams.blocks, _CONV1D_KERNEL, 0
        )
        self.head = spectrogram_vae.Head(
            1,
            hparams.width,
            1,
            hparams.halvings,
            hparams.blocks,
            _CONV1D_KERNEL,
            hparams.n_fft // 2 + 1,
            normalisation.InstanceNorm,
        )

    def call(self, spectrogram: tf.Tensor) -> tf.Tensor:
        """Translates; frames are a multiple of `2**halvings`."""
        return self.head(self.encoder(spectrogram))


class ResidualGenerator(keras.layers.Layer):
    """A generator that adds what its network returns to its input.

    The last convolution begins with zeros: a generator begins as a copy, and learns
    what to change.

    Args:
        network: A generator whose last convolution is `last`, with variables.
        last: That convolution.
    """

    def __init__(self, network: keras.layers.Layer, last: keras.layers.Layer):
        # What it copies stays float32, whatever the network computes in.
        super().__init__(autocast=False)
        self.network = network
        for variable in last.trainable_variables:
            variable.assign(tf.zeros_like(variable))

    def call(self, spectrogram: tf.Tensor) -> tf.Tensor:
        """Translates; the sum is clipped to [-1, 1]."""
        return tf.clip_by_value(spectrogram + self.network(spectrogram), -1.0, 1.0)


def generator(hparams: configuration.Config) -> keras.layers.Layer:
    """Makes the generator of one direction, with variables and the initial weights.

    Args:
        hparams: The configuration.

    Returns:
        A layer from `[batch, frames, bins]` to the same.
    """
    if hparams.architecture == "conv1d":
        layer = _made(Conv1dGenerator(hparams), hparams)
        last = layer.head.last
    else:
        kinds = {"deep": cyclegan.DeepGenerator, "resnet": cyclegan.ResnetGenerator}
        sizes = hparams.width, hparams.halvings, hparams.blocks
        layer = kinds[hparams.architecture](*sizes, hparams.upsampling)
        layer = _with_normal_kernels(_made(layer, hparams))
        last = layer.last
    return _made(ResidualGenerator(layer, last), hparams) if hparams.residual else layer


def discriminator(hparams: configuration.Config) -> keras.layers.Layer:
    """Makes the discriminator of one domain, with variables and the initial weights.

    Args:
        hparams: The configuration.

    Returns:
        A layer from `[batch, frames, bins]` to logits `[batch, ..., 1]`.
    """
    layer = cyclegan.PatchDiscriminator(hparams.discriminator)
    return _with_normal_kernels(_made(layer, hparams))


def _made(
    layer: keras.layers.Layer, hparams: configuration.Config
) -> keras.layers.Layer:
    """Calls a layer on a clip, so that it has its variables."""
    layer(tf.zeros([1, hparams.clip_frames, hparams.n_fft // 2 + 1]))
    return layer


def _with_normal_kernels(layer: keras.layers.Layer) -> keras.layers.Layer:
    """Draws kernels from the normal distribution of the CycleGAN of images."""
    draw = keras.initializers.RandomNormal(stddev=_KERNEL_DEVIATION)
    for variable in layer.trainable_variables:
        if len(variable.shape) == 4:
            variable.assign(draw(variable.shape))
    return layer
