"""The networks of the VAE-GAN, made from its configuration."""

import keras

from tf_mt.layers import convolution, normalisation, residual, spectrogram_vae
from tf_mt.models.vae_gan import configuration


def encoder(hparams: configuration.Config) -> spectrogram_vae.Encoder:
    """Makes the encoder that all domains share."""
    return spectrogram_vae.Encoder(
        hparams.rank,
        hparams.stem,
        hparams.growth,
        hparams.halvings,
        hparams.encoder_blocks,
        hparams.kernel,
        hparams.code,
    )


def generator(hparams: configuration.Config, domains: int) -> keras.layers.Layer:
    """Makes the generators of all domains, called with `(code, domain)`.

    Args:
        hparams: The configuration.
        domains: How many there are.

    Returns:
        A `SharedGenerator` or `DomainGenerators`, as `hparams.generators` says.
    """
    trunk = hparams.stem * hparams.growth**hparams.halvings
    if hparams.generators == "shared":
        expansion = convolution.convolution(hparams.rank, trunk, hparams.kernel)
        head = _head(
            hparams, hparams.generator_blocks, normalisation.AdaptiveInstanceNorm
        )
        return spectrogram_vae.SharedGenerator(domains, expansion, head)
    plain = normalisation.InstanceNorm
    shared = [
        residual.ResidualBlock(hparams.rank, trunk, hparams.kernel, plain)
        for _ in range(hparams.shared_blocks)
    ]
    own_blocks = hparams.generator_blocks - hparams.shared_blocks
    return spectrogram_vae.DomainGenerators(
        shared, [_head(hparams, own_blocks, plain) for _ in range(domains)]
    )


def discriminators(
    hparams: configuration.Config, domains: int
) -> list[spectrogram_vae.Discriminator]:
    """Makes a discriminator for each domain."""
    return [
        spectrogram_vae.Discriminator(hparams.rank, hparams.discriminator)
        for _ in range(domains)
    ]


def _head(
    hparams: configuration.Config, blocks: int, norm: type[keras.layers.Layer]
) -> spectrogram_vae.Head:
    return spectrogram_vae.Head(
        hparams.rank,
        hparams.stem,
        hparams.growth,
        hparams.halvings,
        blocks,
        hparams.kernel,
        hparams.bands,
        norm,
    )
