"""VAE-GAN behind the contract of `Translator`.

Nabi and Chemla-Romeu-Santos 2022 after AlBadawy and Lyu 2020: a variational
autoencoder of log-mel spectrograms. Its generators also have to deceive a discriminator
per domain, keep the code of what they translate (cycle) and share one code space
(latent). With the weights of those three at zero it is their spectral VAE.
"""

import functools
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from tf_mt import dataset
from tf_mt.audio import masks
from tf_mt.layers import domain_classifier, spectrogram, stacks, synthesis
from tf_mt.losses import reconstruction
from tf_mt.models import replicas, trainable, translator
from tf_mt.models.vae_gan import configuration, decoding, network, objectives

# Half a decibel. A clip of silence would be constant, and the gradients of instance
# normalisation grow without bound where the variance falls to zero.
DITHER = 0.01


class VaeGan(translator.Translator):
    """The VAE-GAN.

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

    def __init__(self, hparams: configuration.Config, info: dataset.DatasetInfo):
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
            hparams.stft_window,
        )
        self.synthesis: synthesis.Synthesis = synthesis.SYNTHESES[hparams.phase](
            self.front, hparams.griffin_lim_iterations
        )
        domains = len(info.domains)
        self.has_discriminators = bool(hparams.weights["adversarial"]) and domains > 1
        self.has_classifier = bool(hparams.weights["confusion"]) and domains > 1
        # Checkpoints name variables by these attributes and their order.
        self.encoder = network.encoder(hparams)
        self.generator = network.generator(hparams, domains)
        self.discriminators = network.discriminators(
            hparams, domains if self.has_discriminators else 0
        )
        if self.has_classifier:
            self.classifier = domain_classifier.DomainClassifier(
                hparams.rank, domains, kernel=3
            )
        self._make_variables()

    def _make_variables(self) -> None:
        clip = tf.zeros([1, self.hparams.clip_frames, self.hparams.bands])
        domains = tf.range(len(self.info.domains))
        code = self.encoder(clip)
        self.generator(tf.repeat(code, len(domains), axis=0), domains)
        if self.has_classifier:
            self.classifier(code)
        for discriminator in self.discriminators:
            discriminator(clip)
        self.built = True

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """The autoencoder, and the adversaries whose terms have a weight."""
        parts = {"autoencoder": [self.encoder, self.generator]}
        if self.has_discriminators:
            parts["discriminators"] = self.discriminators
        if self.has_classifier:
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

    def encode(self, audio: tf.Tensor) -> decoding.Content:
        """Encodes the means; the noise of training is left out."""
        log_mel, phase = self.front.analyse(audio)
        code = decoding.encode(self.encoder, log_mel, self.hparams.clip_frames)
        return decoding.Content(code, phase)

    def timbre(self, domain: tf.Tensor) -> tf.Tensor:
        """Returns the domain number, which the generator looks up itself."""
        return domain

    def decode(self, content: decoding.Content, timbre: tf.Tensor) -> tf.Tensor:
        """Generates window by window, cross-fades, and inverts the spectrogram."""
        log_mel = self.decode_spectrogram(content.code, timbre)
        return self.synthesise(log_mel, content.phase)

    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """Inverts the log-mel of the audio itself, as `decode` does a generated one."""
        return self.synthesise(*self.front.analyse(audio))

    def pool(self, content: decoding.Content) -> tf.Tensor:
        """Means over time; in rank 2 each band keeps its own.

        Where the code is normalised over time (`code` above 0 in rank 1), the mean
        products of all pairs of channels; see `decoding.pool`.
        """
        frames = -(-tf.shape(content.phase)[1] // 2**self.hparams.halvings)
        normalised = self.hparams.code > 0 and self.hparams.rank == 1
        return decoding.pool(content.code, frames, normalised)

    def decode_spectrogram(self, code: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Generates the log-mel `[batch, frames, bands]` of `Content.code`."""
        return decoding.generate(self.generator, code, timbre, self.hparams.clip_frames)

    def synthesise(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """Inverts a generated log-mel, cut to the frames of `Content.phase`."""
        if phase is not None:
            log_mel = log_mel[:, : tf.shape(phase)[1]]
        return self.synthesis.synthesise(log_mel, phase)

    def objectives(
        self, batch: trainable.Batch, training: bool
    ) -> list[trainable.Objective]:
        """The losses of the autoencoder, and those of its adversaries."""
        truth = self.front.log_mel(batch["audio"])
        domain = stacks.merge(batch["domain"])
        encoder_input = self._encoder_input(truth, batch, training)
        mean = stacks.split(self.encoder(encoder_input), truth)
        code = self._with_noise(mean, batch, training, stream=0)
        generated = self.generator(stacks.merge(code), domain)
        terms = {
            "reconstruction": reconstruction.l1(generated, stacks.merge(truth)),
            "kl": objectives.kl(mean),
        }
        own = [trainable.Objective(("autoencoder",), terms)]
        if len(self.info.domains) == 1:
            return own
        # Row t of a rolled stack holds the content of domain t - shift.
        shift = tf.random.stateless_uniform(
            [], batch["seed"], 1, len(self.info.domains), tf.int32
        )
        if self.hparams.weights["latent"]:
            terms["latent"] = objectives.latent(replicas.batch_mean(mean), shift)
        if self.has_classifier:
            heard = stacks.merge(batch.get("encoder_domain", batch["domain"]))
            own.append(
                objectives.classifier_objective(
                    self.classifier, stacks.merge(mean), heard, terms
                )
            )
        if any(self.hparams.weights[term] for term in objectives.TRANSLATION_TERMS):
            own += self._of_translations(code, truth, shift, batch, training, terms)
        return own

    def _of_translations(
        self,
        code: tf.Tensor,
        truth: tf.Tensor,
        shift: tf.Tensor,
        batch: trainable.Batch,
        training: bool,
        terms: dict[str, tf.Tensor],
    ) -> list[trainable.Objective]:
        """Adds the terms of translations; returns the discriminators' objective."""
        domain, real = stacks.merge(batch["domain"]), stacks.merge(truth)
        moved = stacks.merge(tf.roll(code, shift, axis=1))
        translated = self.generator(moved, domain)
        if self.hparams.weights["paired"]:
            terms["paired"] = reconstruction.l1(translated, real)
        if self.hparams.weights["cycle"]:
            terms["cycle"], kl = objectives.cycle(
                self.encoder,
                self.generator,
                translated
                if self.hparams.cycle_gradient
                else tf.stop_gradient(translated),
                truth,
                domain,
                shift,
                functools.partial(
                    self._with_noise, batch=batch, training=training, stream=1
                ),
            )
            terms["kl"] += kl
        if not self.has_discriminators:
            return []
        share = tf.math.sigmoid(2.0 * replicas.normal(real[:, 0, 0], batch, stream=2))
        return [
            objectives.discriminator_objective(
                self.discriminators,
                self.hparams.objective,
                translated,
                real,
                domain,
                share,
                terms,
            )
        ]

    def _encoder_input(
        self, truth: tf.Tensor, batch: trainable.Batch, training: bool
    ) -> tf.Tensor:
        """Log-mel `[rows, frames, bands]` that the encoder reads; masked in training.

        Masks and noise draw other numbers for each row (streams 3 to 5).
        """
        log_mel = truth
        if "encoder_audio" in batch:
            log_mel = self.front.log_mel(batch["encoder_audio"])
        log_mel = stacks.merge(log_mel)
        if not training:
            return log_mel
        log_mel += DITHER * replicas.normal(log_mel, batch, stream=5)
        frames, bands = self.hparams.mask_frames, self.hparams.mask_bands
        if frames:
            seeds = replicas.example_seeds(log_mel, batch, stream=3)
            log_mel = masks.time_mask(log_mel, frames, seeds, spectrogram.SILENCE)
        if bands:
            seeds = replicas.example_seeds(log_mel, batch, stream=4)
            log_mel = masks.freq_mask(log_mel, bands, seeds, spectrogram.SILENCE)
        return log_mel

    def _with_noise(
        self, mean: tf.Tensor, batch: trainable.Batch, training: bool, stream: int
    ) -> tf.Tensor:
        if not training or not self.hparams.noise:
            return mean
        return mean + self.hparams.noise * replicas.normal(mean, batch, stream)
