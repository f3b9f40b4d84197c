"""Universal Music Translation: one WaveNet encoder, a WaveNet decoder for each domain.

Mor, Wolf, Polyak and Taigman 2019.
"""

import dataclasses

import keras
import tensorflow as tf

from tf_mt import config
from tf_mt.layers import wavenet
from tf_mt.models.wavenet_autoencoder import configuration, model


@dataclasses.dataclass(frozen=True)
class Config(configuration.Config):
    """Config of Universal Music Translation; the defaults are the published network."""

    channels: int = config.field(128, "Channels of the encoder.", minimum=1)
    encoder_blocks: int = config.field(3, "Blocks of the encoder.", minimum=1)
    encoder_layers: int = config.field(10, "Layers in each of them.", minimum=1)
    pre_activation: bool = config.field(
        False,
        "Whether the encoder's layers begin with a ReLU, as in the paper; its "
        "published code has none.",
    )
    encoder_kernel: int = config.field(
        3,
        "Samples that the encoder's first convolution spans: 3 in the paper. A "
        "kernel of some periods of a tone learns pitch within minutes.",
        minimum=1,
    )
    encoder_stride: int = config.field(
        1,
        "Samples from one step of the encoder's first convolution to the next; so many "
        "times cheaper is the encoder. The paper's is 1.",
        minimum=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hop % self.encoder_stride:
            raise ValueError(
                f"encoder_stride={self.encoder_stride} must divide hop={self.hop}."
            )
        if self.encoder_kernel < self.encoder_stride:
            raise ValueError(
                f"encoder_kernel={self.encoder_kernel} must be at least "
                f"encoder_stride={self.encoder_stride}."
            )


class Umt(model.WaveNetAutoencoder):
    """Universal Music Translation behind the contract of `Translator`."""

    def make_encoder(self) -> list[keras.Layer]:
        """One network, whose last layer averages over a frame."""
        hparams = self.hparams
        encoder = wavenet.Encoder(
            hparams.channels,
            hparams.latent,
            hparams.encoder_blocks,
            hparams.encoder_layers,
            hparams.hop,
            hparams.pre_activation,
            hparams.encoder_kernel,
            hparams.encoder_stride,
        )
        self.reach = encoder.reach
        return [encoder]

    def analyse(self, signal: tf.Tensor, step: tf.Tensor | None = None) -> tf.Tensor:
        """Gives the code itself; see `WaveNetAutoencoder.analyse`."""
        del step
        return self.encoder[0](signal)


_SMALL = Config(
    channels=256,
    encoder_blocks=1,
    encoder_layers=3,
    encoder_kernel=1024,
    encoder_stride=50,
    pre_activation=True,
    latent=32,
    hop=400,
    decoder_channels=64,
    decoder_blocks=3,
    decoder_layers=4,
    clip_frames=8,
    pre_emphasis=0.85,
    decoder_noise=0.05,
    encoder_pretraining_steps=4000,
    segments=256,
    warmup_samples=200,
    output="mean",
    weights={"paired": 1.0, "spectrum": 50.0, "confusion": 0.0},
)

_PAPER_TRAINING = config.Training(
    steps=200_000,
    epoch_steps=1000,
    batch_size=6,
    learning_rate=1e-3,
    clip_norm=1.0,
    pitch_semitones=0.5,
    precision="auto",
)

PRESETS = {
    "paper": config.Preset(Config(), _PAPER_TRAINING),
    "base": config.Preset(Config(decoder_layers=10), _PAPER_TRAINING),
    # Learns from pairs, which the paper does not have; what translates best in an hour.
    "small": config.Preset(
        _SMALL,
        config.Training(
            steps=9500,
            epoch_steps=500,
            batch_size=2,
            learning_rate=1.5e-3,
            warmup_steps=100,
            decay_from=0.65,
            clip_norm=1.0,
            sampled_epochs=3,
        ),
    ),
    "tiny": config.Preset(
        Config(
            channels=8,
            encoder_blocks=1,
            encoder_layers=4,
            latent=4,
            hop=40,
            decoder_channels=16,
            decoder_blocks=2,
            decoder_layers=3,
            classifier_channels=8,
            clip_frames=20,
            segments=4,
            warmup_samples=80,
        ),
        config.Training(steps=4, epoch_steps=2, batch_size=2, validation_batches=1),
    ),
}
