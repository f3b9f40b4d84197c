"""VAE-GAN: one encoder, domains told apart by generators and discriminators.

Nabi and Chemla-Romeu-Santos 2022 after AlBadawy and Lyu 2020: a variational
autoencoder of log-mel spectrograms whose generators also have to fool a discriminator
per domain, keep the code of what they translate (cycle) and share one code space
(latent). With the weights of those three at zero it is their spectral VAE.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_mt import config, dataset
from tf_mt.audio import masks
from tf_mt.layers import (
    convolution,
    domain_classifier,
    frame_windows,
    normalisation,
    residual,
    spectrogram,
    spectrogram_vae,
    stacks,
)
from tf_mt.losses import adversarial, confusion, reconstruction
from tf_mt.models import translator

SILENCE = -1.0

# Half a decibel. A clip of silence would be constant, and the gradients of instance
# normalisation grow without bound where the variance falls to zero.
DITHER = 0.01

_TRANSLATION_TERMS = ("adversarial", "cycle", "paired")


@dataclasses.dataclass(frozen=True)
class Config(config.Config):
    """Config of the VAE-GAN; the defaults are the paper's network."""

    n_fft: int = config.field(800, "Samples in a frame of the STFT.", minimum=4)
    hop: int = config.field(200, "Samples from one frame to the next.", minimum=2)
    bands: int = config.field(128, "Mel bands.", minimum=8)
    low_hz: float = config.field(40.0, "Where the lowest mel band begins.", minimum=0.0)
    clip_frames: int = config.field(128, "Frames in a training clip.", minimum=16)
    griffin_lim_iterations: int = config.field(
        32,
        "Iterations from the source's phase to the sound of a translated spectrogram; "
        "more than four make a steady tone rough.",
        minimum=0,
        inference=True,
    )
    rank: int = config.field(
        2, "1 convolves over time, with bands as channels; 2 over both.", minimum=1
    )
    stem: int = config.field(32, "Channels after the first convolution.", minimum=1)
    growth: int = config.field(2, "Growth of channels at each halving.", minimum=1)
    halvings: int = config.field(
        2, "How often the encoder halves the frames.", minimum=0
    )
    kernel: int = config.field(3, "Kernel size of the residual blocks.", minimum=1)
    encoder_blocks: int = config.field(4, "Residual blocks of the encoder.", minimum=0)
    generator_blocks: int = config.field(
        4, "Residual blocks of a generator.", minimum=0
    )
    code: int = config.field(
        0,
        "Channels of the code, normalised; 0 takes the encoder's output as it is.",
        minimum=0,
    )
    generators: str = config.field(
        "per_domain",
        "A generator for each domain, or a shared one that adaptive instance "
        "normalisation tells the domain.",
        choices=("per_domain", "shared"),
    )
    shared_blocks: int = config.field(
        1, "Residual blocks that the generators of all domains share.", minimum=0
    )
    discriminator: int = config.field(
        64, "Channels of a discriminator after its first halving.", minimum=1
    )
    noise: float = config.field(
        1.0, "Standard deviation of the noise on the code in training.", minimum=0.0
    )
    mask_frames: int = config.field(
        0,
        "Most frames that a mask silences in what the encoder hears in training.",
        minimum=0,
    )
    mask_bands: int = config.field(
        0,
        "Most mel bands that a mask silences in what the encoder hears in training.",
        minimum=0,
    )
    objective: str = config.field(
        "lsgan", "The adversarial game.", choices=adversarial.OBJECTIVES
    )
    cycle_gradient: bool = config.field(
        True, "Whether the cycle's gradient flows through the translation as well."
    )
    weights: dict = config.field(
        {
            "reconstruction": 100.0,
            "kl": 0.1,
            "adversarial": 10.0,
            "cycle": 100.0,
            "latent": 10.0,
            "confusion": 0.0,
            "paired": 0.0,
            "classifier": 1.0,
            "discriminator": 1.0,
            "gradient_penalty": 10.0,
        },
        "Weight of each loss term.",
    )
    warmup: dict = config.field(
        {"kl": 0.0, "adversarial": 0.0, "cycle": 0.0, "latent": 0.0, "confusion": 0.0},
        "Steps over which a term's weight rises from zero.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank > 2:
            raise ValueError(f"rank={self.rank} must be 1 or 2.")
        if self.shared_blocks > self.generator_blocks:
            raise ValueError(
                f"shared_blocks={self.shared_blocks} must be at most "
                f"generator_blocks={self.generator_blocks}."
            )
        if self.clip_frames % (2 * 2**self.halvings):
            raise ValueError(
                f"clip_frames={self.clip_frames} must be a multiple of "
                f"{2 * 2**self.halvings}, for halvings={self.halvings}."
            )
        if self.mask_frames >= self.clip_frames:
            raise ValueError(
                f"mask_frames={self.mask_frames} must be below "
                f"clip_frames={self.clip_frames}."
            )
        if self.mask_bands >= self.bands:
            raise ValueError(
                f"mask_bands={self.mask_bands} must be below bands={self.bands}."
            )
        if self.generators == "per_domain" and self.code:
            raise ValueError(
                f"code={self.code} needs generators=shared; per_domain takes code=0."
            )


class Content(NamedTuple):
    """What survives a translation.

    Attributes:
        code: float32 `[batch, windows, frames / 2**halvings, ..., channels]`.
        phase: Of the source, in radians `[batch, frames, bins]`; None where there is
            no source.
    """

    code: tf.Tensor
    phase: tf.Tensor | None


class VaeGan(translator.Translator):
    """The VAE-GAN behind the contract of `Translator`.

    Args:
        hparams: Its configuration.
        info: The dataset that it is trained on.
    """

    capabilities = frozenset({translator.DOMAINS, translator.POOLED_CONTENT})
    terms = (
        "reconstruction",
        "kl",
        "adversarial",
        "cycle",
        "latent",
        "confusion",
        "paired",
        "classifier",
        "discriminator",
        "gradient_penalty",
    )

    def __init__(self, hparams: Config, info: dataset.DatasetInfo):
        super().__init__(hparams, info)
        self.batches = "paired" if hparams.weights["paired"] else "stacked"
        self.hop_samples = hparams.hop
        self.clip_samples = hparams.clip_frames * hparams.hop
        self.window_samples = 4 * self.clip_samples
        self.overlap_samples = self.clip_samples
        self.front = spectrogram.LogMel(
            info.sample_rate_hz,
            hparams.n_fft,
            hparams.hop,
            hparams.bands,
            hparams.low_hz,
            hparams.griffin_lim_iterations,
        )
        domains = len(info.domains)
        self.encoder = spectrogram_vae.Encoder(
            hparams.rank,
            hparams.stem,
            hparams.growth,
            hparams.halvings,
            hparams.encoder_blocks,
            hparams.kernel,
            hparams.code,
        )
        self.generator = _generator(hparams, domains)
        self.plays = bool(hparams.weights["adversarial"]) and domains > 1
        self.confuses = bool(hparams.weights["confusion"]) and domains > 1
        self.discriminators = [
            spectrogram_vae.Discriminator(hparams.rank, hparams.discriminator)
            for _ in range(domains if self.plays else 0)
        ]
        if self.confuses:
            self.classifier = domain_classifier.DomainClassifier(
                hparams.rank, domains, kernel=3
            )
        self._make_variables()

    def _make_variables(self) -> None:
        clip = tf.zeros([1, self.hparams.clip_frames, self.hparams.bands])
        domains = tf.range(len(self.info.domains))
        code = self.encoder(clip)
        self.generator(tf.repeat(code, len(domains), axis=0), domains)
        if self.confuses:
            self.classifier(code)
        for discriminator in self.discriminators:
            discriminator(clip)
        self.built = True

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """The autoencoder, and the discriminators if the game is played."""
        parts = {"autoencoder": [self.encoder, self.generator]}
        if self.plays:
            parts["discriminators"] = self.discriminators
        if self.confuses:
            parts["classifier"] = [self.classifier]
        return parts

    def compile(
        self,
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        clip_norm: float = 0.0,
    ) -> None:
        """See `Translator.compile`; refuses to train without the masks it needs."""
        if self.hparams.mask_frames or self.hparams.mask_bands:
            masks.require()
        super().compile(optimizers, clip_norm)

    def encode(self, audio: tf.Tensor) -> Content:
        """Encodes the means; the noise of training is left out."""
        log_mel, phase = self.front.analyse(audio)
        windows = frame_windows.cut(log_mel, self.hparams.clip_frames, SILENCE)
        code = self.encoder(stacks.merge(windows))
        return Content(stacks.split(code, windows), phase)

    def timbre(self, domain: tf.Tensor) -> tf.Tensor:
        """The generator looks the domain up itself."""
        return domain

    def decode(self, content: Content, timbre: tf.Tensor) -> tf.Tensor:
        """Generates window by window, cross-fades, and inverts the spectrogram."""
        log_mel = self.decode_spectrogram(content.code, timbre)
        return self.synthesise(log_mel, content.phase)

    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """Inverts the log-mel of the audio itself, as `decode` does a generated one."""
        return self.synthesise(*self.front.analyse(audio))

    def pool(self, content: Content) -> tf.Tensor:
        """Sums up the frames of the clip, so that little of what they hold is hidden.

        The mean over time; in rank 2 each band keeps its own. Where the code is
        normalised over time (`code` above 0 in rank 1) its mean is zero, whatever it
        holds: there it is the mean products of all pairs of channels. What two windows
        hold counts once, and what fills the last one does not count.
        """
        code = content.code
        windows = tf.reshape(
            code, [tf.shape(code)[0], -1, code.shape[2], math.prod(code.shape[3:])]
        )
        frames = -(-tf.shape(content.phase)[1] // 2**self.hparams.halvings)
        code = frame_windows.join(windows, frames)
        if not self.hparams.code or self.hparams.rank > 1:
            return tf.reduce_mean(code, axis=1)
        products = tf.einsum("btc,btd->bcd", code, code) / tf.cast(frames, tf.float32)
        upper = tf.linalg.band_part(tf.ones(products.shape[1:]), 0, -1) > 0
        return tf.boolean_mask(products, upper, axis=1)

    def decode_spectrogram(self, code: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Generates the log-mel `[batch, frames, bands]` of `Content.code`."""
        windows = self.generator.play(code, timbre)
        frames = (tf.shape(code)[1] + 1) * self.hparams.clip_frames // 2
        return frame_windows.join(windows, frames)

    def synthesise(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """Inverts a generated log-mel, cut to the frames of `Content.phase`."""
        if phase is not None:
            log_mel = log_mel[:, : tf.shape(phase)[1]]
        return self.front.synthesise(log_mel, phase)

    def objectives(
        self, batch: translator.Batch, training: bool
    ) -> list[translator.Objective]:
        """The autoencoder's losses, and those of what it plays against."""
        truth = self.front.log_mel(batch["audio"])
        domain = stacks.merge(batch["domain"])
        heard = (
            self.front.log_mel(batch["encoder_audio"])
            if "encoder_audio" in batch
            else truth
        )
        heard = self._dithered(stacks.merge(heard), batch, training)
        heard = self._masked(heard, batch, training)
        mean = stacks.split(self.encoder(heard), truth)
        code = self._noisy(mean, batch, training, stream=0)
        generated = self.generator(stacks.merge(code), domain)
        terms = {
            "reconstruction": reconstruction.l1(generated, stacks.merge(truth)),
            "kl": tf.reduce_mean(tf.square(mean)),
        }
        objectives = [translator.Objective(("autoencoder",), terms)]
        if len(self.info.domains) == 1:
            return objectives
        # Row t of a rolled stack holds the content of domain t - shift.
        shift = tf.random.stateless_uniform(
            [], batch["seed"], 1, len(self.info.domains), tf.int32
        )
        if self.hparams.weights["latent"]:
            of_domain = self.batch_mean(mean)
            terms["latent"] = reconstruction.l1(
                of_domain, tf.roll(of_domain, shift, axis=0)
            )
        if self.confuses:
            objectives.append(self._confuse(mean, domain, terms))
        if any(self.hparams.weights[term] for term in _TRANSLATION_TERMS):
            moved = stacks.merge(tf.roll(code, shift, axis=1))
            fake = self.generator(moved, domain)
            if self.hparams.weights["paired"]:
                terms["paired"] = reconstruction.l1(fake, stacks.merge(truth))
            if self.hparams.weights["cycle"]:
                self._return(fake, truth, shift, batch, training, terms)
            if self.plays:
                objectives.append(self._play(fake, truth, batch, terms))
        return objectives

    def _return(
        self,
        fake: tf.Tensor,
        truth: tf.Tensor,
        shift: tf.Tensor,
        batch: translator.Batch,
        training: bool,
        terms: dict[str, tf.Tensor],
    ) -> None:
        """Translates translations back, and adds what was lost on the way."""
        through = fake if self.hparams.cycle_gradient else tf.stop_gradient(fake)
        mean = stacks.split(self.encoder(through), truth)
        code = self._noisy(mean, batch, training, stream=1)
        returned = self.generator(
            stacks.merge(tf.roll(code, -shift, axis=1)), stacks.merge(batch["domain"])
        )
        terms["cycle"] = reconstruction.l1(returned, stacks.merge(truth))
        terms["kl"] += tf.reduce_mean(tf.square(mean))

    def _confuse(
        self, mean: tf.Tensor, domain: tf.Tensor, terms: dict[str, tf.Tensor]
    ) -> translator.Objective:
        """Adds the encoder's share of the game; returns the classifier's."""
        code = stacks.merge(mean)
        terms["confusion"] = confusion.confusion(self.classifier(code))
        logits = self.classifier(tf.stop_gradient(code))
        return translator.Objective(
            ("classifier",), {"classifier": confusion.classification(logits, domain)}
        )

    def _play(
        self,
        fake: tf.Tensor,
        truth: tf.Tensor,
        batch: translator.Batch,
        terms: dict[str, tf.Tensor],
    ) -> translator.Objective:
        """Adds the generators' share of the game; returns the discriminators'."""
        domain, game = stacks.merge(batch["domain"]), self.hparams.objective

        def judge(clips: tf.Tensor) -> tf.Tensor:
            return spectrogram_vae.routed(self.discriminators, clips, domain)

        real, seen = stacks.merge(truth), tf.stop_gradient(fake)
        terms["adversarial"] = adversarial.generator(game, judge(fake))
        theirs = {
            "discriminator": adversarial.discriminator(game, judge(real), judge(seen))
        }
        if game == "wgan_gp":
            share = tf.math.sigmoid(2.0 * self.normal(real[:, 0, 0], batch, stream=2))
            theirs["gradient_penalty"] = adversarial.gradient_penalty(
                judge, real, seen, share
            )
        return translator.Objective(("discriminators",), theirs)

    def _masked(
        self, log_mel: tf.Tensor, batch: translator.Batch, training: bool
    ) -> tf.Tensor:
        frames, bands = self.hparams.mask_frames, self.hparams.mask_bands
        if training and frames:
            seeds = self.example_seeds(log_mel, batch, stream=3)
            log_mel = masks.time_mask(log_mel, frames, seeds, SILENCE)
        if training and bands:
            seeds = self.example_seeds(log_mel, batch, stream=4)
            log_mel = masks.freq_mask(log_mel, bands, seeds, SILENCE)
        return log_mel

    def _dithered(
        self, log_mel: tf.Tensor, batch: translator.Batch, training: bool
    ) -> tf.Tensor:
        if not training:
            return log_mel
        return log_mel + DITHER * self.normal(log_mel, batch, stream=5)

    def _noisy(
        self, mean: tf.Tensor, batch: translator.Batch, training: bool, stream: int
    ) -> tf.Tensor:
        if not training or not self.hparams.noise:
            return mean
        return mean + self.hparams.noise * self.normal(mean, batch, stream)


def _generator(hparams: Config, domains: int) -> keras.layers.Layer:
    shared = hparams.shared_blocks if hparams.generators == "per_domain" else 0

    def head(norm: type[keras.layers.Layer]) -> spectrogram_vae.Head:
        return spectrogram_vae.Head(
            hparams.rank,
            hparams.stem,
            hparams.growth,
            hparams.halvings,
            hparams.generator_blocks - shared,
            hparams.kernel,
            hparams.bands,
            norm,
        )

    trunk = hparams.stem * hparams.growth**hparams.halvings
    if hparams.generators == "shared":
        expansion = convolution.convolution(hparams.rank, trunk, hparams.kernel)
        return spectrogram_vae.SharedGenerator(
            domains, expansion, head(normalisation.AdaptiveInstanceNorm)
        )
    plain = normalisation.InstanceNorm
    blocks = [
        residual.ResidualBlock(hparams.rank, trunk, hparams.kernel, plain)
        for _ in range(shared)
    ]
    return spectrogram_vae.DomainGenerators(
        blocks, [head(plain) for _ in range(domains)]
    )


_ALONE = {
    "reconstruction": 1.0,
    "kl": 0.0,
    "adversarial": 0.0,
    "cycle": 0.0,
    "latent": 0.0,
}

_SMALL = Config(
    n_fft=1024,
    hop=256,
    griffin_lim_iterations=2,
    rank=1,
    stem=256,
    growth=1,
    kernel=5,
    encoder_blocks=3,
    code=32,
    generators="shared",
    noise=0.0,
)

_SMALL_TRAINING = config.Training(
    steps=1500,
    epoch_steps=150,
    batch_size=12,
    learning_rate=6e-4,
    warmup_steps=100,
    clip_norm=1.0,
    precision="auto",
    sampled_epochs=3,
)

PRESETS = {
    "paper": config.Preset(
        Config(),
        config.Training(
            steps=100_000,
            epoch_steps=1000,
            batch_size=4,
            learning_rate=1e-4,
            beta_1=0.5,
        ),
    ),
    # Learns from pairs, which the paper does not have; what translates best in minutes.
    "small": config.Preset(
        dataclasses.replace(_SMALL, weights=_ALONE | {"paired": 1.0}),
        _SMALL_TRAINING,
    ),
    "small_unpaired": config.Preset(
        dataclasses.replace(
            _SMALL, code=16, noise=0.3, weights=_ALONE | {"confusion": 0.1}
        ),
        _SMALL_TRAINING,
    ),
    "tiny": config.Preset(
        Config(
            n_fft=256,
            hop=128,
            bands=16,
            low_hz=0.0,
            clip_frames=32,
            griffin_lim_iterations=2,
            rank=1,
            stem=8,
            growth=1,
            encoder_blocks=1,
            generator_blocks=1,
            shared_blocks=0,
            discriminator=4,
        ),
        config.Training(steps=4, epoch_steps=2, batch_size=2, validation_batches=1),
    ),
}
