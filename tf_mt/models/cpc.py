"""Contrastive predictive coding as the encoder of WaveNet decoders.

Huynh, Men, Shi and Wang, "WaveNet Autoencoder with Contrastive Predictive Coding for
Music Translation", after van den Oord et al. 2018. A strided network turns samples into
latents (g_enc), and a network over those gives each frame a context (g_ar), which is
the code: a GRU, or the encoder of Universal Music Translation. The context has to
distinguish the latents of the next frames from others of the clip (InfoNCE). In the
paper the decoders come from a trained model and are frozen.
"""

import abc
import dataclasses
import math
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from tf_mt import config
from tf_mt.audio import mu_law
from tf_mt.layers import cpc, wavenet
from tf_mt.losses import contrastive
from tf_mt.models import replicas, trainable, umt
from tf_mt.models.wavenet_autoencoder import configuration, model

REPLICATES = 5

DECODERS = ("frozen", "joint")


@dataclasses.dataclass(frozen=True)
class Config(configuration.Config):
    """Config of both variants; the defaults are the published network."""

    hop: int = config.field(
        cpc.STRIDE, "Samples that a frame of the code stands for: 160.", minimum=1
    )
    clip_frames: int = config.field(64, "Frames in a training clip.", minimum=1)
    frame_channels: int = config.field(
        512, "Channels of the network of the samples.", minimum=1
    )
    prediction_steps: int = config.field(
        5, "How many frames ahead the context predicts.", minimum=1
    )
    decoders: str = config.field(
        "frozen",
        "Whether the decoders, and what reads spectrograms off the code for them, stay "
        "as --init_from has them, as in the paper, or are trained jointly.",
        choices=DECODERS,
    )
    batch_norm_steps: int = config.field(
        0,
        "Steps after which batch norm normalises with its moving averages, as at "
        "inference, instead of the statistics of a batch; 0: training always takes "
        "the latter, as published. Small batches need the former.",
        minimum=0,
    )
    random_projections: bool = config.field(
        False,
        "Whether contexts are projected at random, anew for each batch, as in the "
        "published code, instead of by what is learned.",
    )
    weights: dict = config.field(
        {
            "reconstruction": 1.0,
            "paired": 0.0,
            "spectrum": 0.0,
            "confusion": 0.01,
            "classifier": 0.01,
            "info_nce": 1.0,
        },
        "Weight of each loss term.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hop != cpc.STRIDE:
            raise ValueError(f"hop={self.hop} must be {cpc.STRIDE}, the encoder's.")
        if self.clip_frames < self.prediction_steps + 2:
            raise ValueError(
                f"clip_frames={self.clip_frames} must be at least "
                f"{self.prediction_steps + 2}, for "
                f"prediction_steps={self.prediction_steps}."
            )


@dataclasses.dataclass(frozen=True)
class WaveNetConfig(Config):
    """Config of the variant whose context is a WaveNet's."""

    channels: int = config.field(128, "Channels of the context's network.", minimum=1)
    encoder_blocks: int = config.field(3, "Blocks of that network.", minimum=1)
    encoder_layers: int = config.field(10, "Layers in each of them.", minimum=1)
    double_scale: bool = config.field(
        False,
        "Whether latents are scaled like codes before the context's network, "
        "as in the published code, which leaves it an almost constant input.",
    )


class Cpc(model.WaveNetAutoencoder):
    """Base of both variants."""

    terms = (*model.WaveNetAutoencoder.terms, "info_nce")
    # The receptive field of the network of the samples is 465 samples.
    reach = 3 * cpc.STRIDE

    def compile(
        self,
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        clip_norm: float = 0.0,
    ) -> None:
        """See `WaveNetAutoencoder.compile`; decoders that are frozen must be known."""
        if (
            self.hparams.decoders == "frozen"
            and self.trained_domains == self.info.domains
        ):
            missing = set(self.info.domains) - self.initialised_domains
            if missing:
                raise ValueError(
                    "decoders='frozen' needs trained ones, but has none for "
                    f"{', '.join(sorted(missing))}; give --init_from=RUN of such "
                    "domains, or --decoders=joint."
                )
            for layer in (
                *self.decoders,
                *(self.heads if self.heads_initialised else ()),
            ):
                layer.trainable = False
        super().compile(optimizers, clip_norm)

    def make_encoder(self) -> list[keras.Layer]:
        """The network of the samples, that of the frames, and the projections."""
        self.frames, self.context = self.make_networks()
        self.projections = [
            keras.layers.Dense(
                1 if self.frames.squeezed else self.hparams.frame_channels
            )
            for _ in range(
                0 if self.hparams.random_projections else self.hparams.prediction_steps
            )
        ]
        for projection in self.projections:
            projection.build((None, self.hparams.latent))
        return [self.frames, self.context, *self.projections]

    @abc.abstractmethod
    def make_networks(self) -> tuple[cpc.Frames, keras.layers.Layer]:
        """Makes the network of the samples and that of the frames."""

    def analyse(self, signal: tf.Tensor, step: tf.Tensor | None = None) -> tf.Tensor:
        """Gives the latents; see `WaveNetAutoencoder.analyse`."""
        after = self.hparams.batch_norm_steps
        settled = step >= after if step is not None and after else None
        return self.frames(signal, training=step is not None, settled=settled)

    def gather(self, frames: tf.Tensor) -> tf.Tensor:
        """Gives the context of each frame."""
        return tf.cast(self.context(frames), tf.float32)

    def further_terms(
        self, frames: tf.Tensor, code: tf.Tensor, batch: trainable.Batch
    ) -> dict[str, tf.Tensor]:
        """InfoNCE at one moment of each clip, as in the paper's Algorithm 2."""
        steps, count = self.hparams.prediction_steps, self.hparams.clip_frames

        def draws(seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            start = tf.random.stateless_uniform(
                [], seed, 0, count - steps - 1, tf.int32
            )
            wrong = tf.random.stateless_uniform(
                [steps, REPLICATES, count - 1], seed + 1, 0, count - 1, tf.int32
            )
            return start, wrong

        start, wrong = tf.map_fn(
            draws,
            replicas.example_seeds(code, batch, stream=2),
            fn_output_signature=(tf.int32, tf.int32),
        )
        context = tf.gather(code, start, batch_dims=1)
        predictions = self._projected(context, frames.shape[-1], batch)
        return {"info_nce": contrastive.info_nce(frames, predictions, start, wrong)}

    def _projected(
        self, context: tf.Tensor, channels: int, batch: trainable.Batch
    ) -> Sequence[tf.Tensor]:
        """Predicts each of the next frames from the context."""
        if not self.hparams.random_projections:
            return [tf.cast(p(context), tf.float32) for p in self.projections]
        # The published code makes PyTorch's linear layers for every batch.
        latent = self.hparams.latent
        bound = 1.0 / math.sqrt(latent)
        kernels = tf.random.stateless_uniform(
            [self.hparams.prediction_steps, latent + 1, channels],
            tf.random.experimental.stateless_fold_in(batch["seed"], 3),
            -bound,
            bound,
        )
        return [context @ kernel[:-1] + kernel[-1] for kernel in tf.unstack(kernels)]


class CpcGru(Cpc):
    """CPC whose context is that of a GRU."""

    def make_networks(self) -> tuple[cpc.Frames, keras.layers.Layer]:
        """See `Cpc.make_networks`."""
        # With cuDNN's kernel, what is exported on a GPU would run on no CPU.
        gru = keras.layers.GRU(
            self.hparams.latent, return_sequences=True, use_cudnn=False
        )
        return cpc.Frames(self.hparams.frame_channels, squeezed=False), gru


class CpcWaveNet(Cpc):
    """CPC whose latents have one channel, and whose context is a WaveNet's."""

    def make_networks(self) -> tuple[cpc.Frames, keras.layers.Layer]:
        """See `Cpc.make_networks`."""
        hparams = self.hparams
        network = wavenet.Encoder(
            hparams.channels,
            hparams.latent,
            hparams.encoder_blocks,
            hparams.encoder_layers,
            1,
        )
        return cpc.Frames(hparams.frame_channels, squeezed=True), network

    def gather(self, frames: tf.Tensor) -> tf.Tensor:
        """See `Cpc.gather`."""
        if self.hparams.double_scale:
            frames = frames / mu_law.MU - 0.5
        return super().gather(frames)


_SHARED = {
    name: getattr(umt.PRESETS["small"].model, name)
    for name in (
        "latent",
        "decoder_channels",
        "decoder_blocks",
        "decoder_layers",
        "pre_emphasis",
        "decoder_noise",
        "segments",
        "warmup_samples",
        "output",
    )
}

_SMALL = {
    **_SHARED,
    "frame_channels": 128,
    "batch_norm_steps": 2000,
    "encoder_pretraining_steps": 14_700,
    "weights": umt.PRESETS["small"].model.weights | {"info_nce": 1.0},
}

_TINY = {
    "latent": 4,
    "decoder_channels": 16,
    "decoder_blocks": 2,
    "decoder_layers": 3,
    "classifier_channels": 8,
    "clip_frames": 10,
    "frame_channels": 8,
    "batch_norm_steps": 2,
    "prediction_steps": 2,
    "segments": 4,
    "warmup_samples": 160,
    "decoders": "joint",
}

_PAPER_TRAINING = config.Training(
    steps=100_000,
    epoch_steps=1000,
    batch_size=8,
    learning_rate=5e-4,
    clip_norm=1.0,
    pitch_semitones=0.5,
    precision="auto",
)

_SMALL_TRAINING = dataclasses.replace(
    umt.PRESETS["small"].training, steps=15_000, epoch_steps=1500
)

_TINY_TRAINING = config.Training(
    steps=4, epoch_steps=2, batch_size=2, validation_batches=1
)

GRU_PRESETS = {
    "paper": config.Preset(Config(), _PAPER_TRAINING),
    "small": config.Preset(Config(**_SMALL), _SMALL_TRAINING),
    "tiny": config.Preset(Config(**_TINY), _TINY_TRAINING),
}

WAVENET_PRESETS = {
    "paper": config.Preset(WaveNetConfig(), _PAPER_TRAINING),
    "small": config.Preset(
        WaveNetConfig(**_SMALL, channels=64, encoder_blocks=2, encoder_layers=5),
        _SMALL_TRAINING,
    ),
    "tiny": config.Preset(
        WaveNetConfig(**_TINY, channels=8, encoder_blocks=1, encoder_layers=3),
        _TINY_TRAINING,
    ),
}
