"""WaveNet autoencoders behind the contract of `Translator`.

Universal Music Translation (Mor et al. 2019) and its relatives. One encoder is shared
by all domains, and each domain has a WaveNet decoder, which predicts the samples of its
domain from those before them and from the encoder's codes. Two things remove the domain
from the codes: an adversarial classifier of domains, and detuned encoder inputs
(`--pitch_semitones`). A batch has clips of every domain.
"""

import abc
import math
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf
from absl import logging

from tf_mt import dataset
from tf_mt.audio import emphasis, mu_law
from tf_mt.layers import (
    domain_classifier,
    spectrogram,
    spectrum_head,
    stacks,
    wavenet,
)
from tf_mt.models import replicas, trainable, translator
from tf_mt.models.wavenet_autoencoder import configuration, decoding, objectives

# About the length of the spectrogram's frames that are predicted from the codes.
FRAME_SAMPLES = 1600
BANDS = 128
HEAD_CHANNELS = 128

WINDOW_SECONDS = 20.0
OVERLAP_SECONDS = 0.5
# Length of the pieces that a recording is analysed in.
ANALYSED_SECONDS = 10.0


class WaveNetAutoencoder(translator.Translator):
    """The family behind the contract of `Translator`.

    An approach makes its encoder in `make_encoder`. The encoder has two stages:
    `analyse` maps samples to frames, each from samples near it, and `gather` maps
    frames to codes.

    Args:
        hparams: Its configuration.
        info: The dataset that it is trained on.

    Attributes:
        reach: How many samples to either side of a frame `analyse` looks at.
    """

    capabilities = frozenset({translator.DOMAINS, translator.POOLED_CONTENT})
    terms = ("reconstruction", "paired", "spectrum", "confusion", "classifier")
    reach: int

    def __init__(self, hparams: configuration.Config, info: dataset.DatasetInfo):
        super().__init__(hparams, info)
        self.batches = "paired" if hparams.weights["paired"] else "stacked"
        self.hop_samples = hparams.hop
        self.clip_samples = hparams.clip_frames * hparams.hop
        self.window_samples = self._frames(WINDOW_SECONDS) * hparams.hop
        self.overlap_samples = self._frames(OVERLAP_SECONDS) * hparams.hop
        # Checkpoints name variables by these attributes and their order.
        self.encoder = self.make_encoder()
        self.decoders = [
            wavenet.Decoder(
                hparams.decoder_channels,
                hparams.latent,
                hparams.decoder_blocks,
                hparams.decoder_layers,
                hparams.hop,
            )
            for _ in info.domains
        ]
        # Frames of the spectrogram are those of the code.
        self.front = spectrogram.LogMel(
            info.sample_rate_hz,
            2 * hparams.hop * max(1, round(FRAME_SAMPLES / (2 * hparams.hop))),
            hparams.hop,
            BANDS,
            decoding.LOWEST_HZ,
        )
        self.heads = [
            spectrum_head.SpectrumHead(HEAD_CHANNELS, BANDS)
            for _ in (info.domains if hparams.weights["spectrum"] else ())
        ]
        self.has_classifier = (
            bool(hparams.weights["confusion"]) and len(info.domains) > 1
        )
        if self.has_classifier:
            self.classifier = domain_classifier.DomainClassifier(
                1, len(info.domains), hparams.classifier_channels
            )
        self.segment_decoder = decoding.SegmentDecoder(
            self.decoders, hparams, info.sample_rate_hz
        )
        self._make_variables()

    @abc.abstractmethod
    def make_encoder(self) -> list[keras.Layer]:
        """Makes the layers of the encoder."""

    @abc.abstractmethod
    def analyse(self, signal: tf.Tensor, step: tf.Tensor | None = None) -> tf.Tensor:
        """Maps scaled codes `[batch, samples, 1]` to `[batch, frames, channels]`.

        In training, `step` is the number of the step, an integer scalar.
        """

    def gather(self, frames: tf.Tensor) -> tf.Tensor:
        """Maps the result of `analyse` to the code `[batch, frames, latent]`."""
        return frames

    def further_terms(
        self, frames: tf.Tensor, code: tf.Tensor, batch: trainable.Batch
    ) -> dict[str, tf.Tensor]:
        """Losses of the encoder that only this approach has."""
        del frames, code, batch
        return {}

    def _frames(self, seconds: float) -> int:
        """The frames nearest to a time, one or more."""
        return max(1, round(seconds * self.info.sample_rate_hz / self.hparams.hop))

    def _make_variables(self) -> None:
        frames = self.analyse(tf.zeros([1, self.clip_samples, 1]))
        self.analysed = frames.shape[-1]
        code = self.gather(frames)
        for decoder in self.decoders:
            decoder.make_variables()
        for head in self.heads:
            head(code)
        if self.has_classifier:
            self.classifier(code)
        self.initialised_domains: frozenset[str] = frozenset()
        self.heads_initialised = False
        self.built = True

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """Encoder and decoders, and the classifier if its term has a weight."""
        parts = {"autoencoder": [*self.encoder, *self.decoders, *self.heads]}
        if self.has_classifier:
            parts["classifier"] = [self.classifier]
        return parts

    def initialise_from(self, other: translator.Translator) -> None:
        """Copies decoders, by domain, and the encoder if it is of the same approach.

        See `Translator.initialise_from`.
        """
        if not isinstance(other, WaveNetAutoencoder):
            return super().initialise_from(other)
        places = {name: place for place, name in enumerate(other.info.domains)}
        self.initialised_domains = frozenset(places)
        self.heads_initialised = bool(self.heads and other.heads)
        for place, name in enumerate(self.info.domains):
            if name in places:
                _copy_weights(
                    self.decoders[place], other.decoders[places[name]], "decoder"
                )
                if self.heads_initialised:
                    _copy_weights(
                        self.heads[place], other.heads[places[name]], "latent"
                    )
        if type(self) is type(other):
            for own, its in zip(self.encoder, other.encoder, strict=True):
                _copy_weights(own, its, "encoder")

    def freeze_all_but(self, domain: str) -> None:
        """Freezes the encoder and the other decoders; see `Translator`."""
        self.trained_domains = (domain,)
        for layer in self.encoder:
            layer.trainable = False
        for layers in filter(None, (self.decoders, self.heads)):
            for name, layer in zip(self.info.domains, layers, strict=True):
                layer.trainable = name == domain

    def compile(
        self,
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        clip_norm: float = 0.0,
    ) -> None:
        """See `Translator.compile`; warns of clips shorter than the receptive field."""
        field = self.decoders[0].receptive_field
        if self.clip_samples < field:
            logging.warning(
                "clip_frames=%d: a clip of %d samples is shorter than the receptive "
                "field of a decoder, %d; layers that reach farther are given zeros.",
                self.hparams.clip_frames,
                self.clip_samples,
                field,
            )
        super().compile(optimizers, clip_norm)

    def objectives(
        self, batch: trainable.Batch, training: bool
    ) -> list[trainable.Objective]:
        """The loss of predicted samples, and those of code and classifier."""
        codes = self._codes(batch["audio"])
        encoder_input = stacks.merge(
            self._codes(batch.get("encoder_audio", batch["audio"]))
        )
        step = batch["step"] if training else None
        frames = self.analyse(mu_law.scale(encoder_input)[..., tf.newaxis], step)
        code = self.gather(frames)
        content, odd = stacks.split(code, codes), None
        if self.hparams.weights["paired"]:
            odd = replicas.row_numbers(codes) % 2 == 1
            content = objectives.exchange(
                content, odd, len(self.decoders), batch["seed"]
            )
        terms = self._prediction_terms(codes, content, odd, batch, training)
        if self.heads:
            terms["spectrum"] = objectives.spectrum(
                self._trained(self.heads), self.front, batch["audio"], content
            )
        terms |= self.further_terms(frames, code, batch)
        own = [trainable.Objective(("autoencoder",), terms)]
        if self.has_classifier:
            own.append(
                objectives.classifier_objective(
                    self.classifier,
                    self.hparams.confusion,
                    code,
                    stacks.merge(batch.get("encoder_domain", batch["domain"])),
                    terms,
                )
            )
        return own

    def _prediction_terms(
        self,
        codes: tf.Tensor,
        content: tf.Tensor,
        odd: tf.Tensor | None,
        batch: trainable.Batch,
        training: bool,
    ) -> dict[str, tf.Tensor]:
        """The terms of the decoders; zeros while only the encoder is trained."""

        def predict() -> dict[str, tf.Tensor]:
            signal = mu_law.scale(codes)
            if training and self.hparams.decoder_noise:
                signal += self._noise(signal, batch)
            by_row = objectives.prediction(
                self._trained(self.decoders), signal, content, codes
            )
            return objectives.prediction_terms(by_row, odd)

        pretraining_steps = self.hparams.encoder_pretraining_steps
        frozen = self.trained_domains != self.info.domains
        if not training or frozen or not pretraining_steps:
            return predict()
        names = ["reconstruction", *([] if odd is None else ["paired"])]
        return objectives.after_pretraining(
            predict, names, batch["step"], pretraining_steps
        )

    def _trained(self, layers: Sequence[keras.Layer]) -> list[keras.Layer]:
        """Those of the domains that are trained on, in their order."""
        return [layers[self.info.domains.index(d)] for d in self.trained_domains]

    def _noise(self, signal: tf.Tensor, batch: trainable.Batch) -> tf.Tensor:
        """Normal noise, of each clip at a level of its own."""
        magnitude = tf.abs(replicas.normal(signal[..., :1], batch, stream=1))
        # Uniform in [0, 1).
        level = tf.math.erf(magnitude / math.sqrt(2.0))
        return (
            self.hparams.decoder_noise
            * level
            * replicas.normal(signal, batch, stream=0)
        )

    def _codes(self, audio: tf.Tensor) -> tf.Tensor:
        return mu_law.encode(emphasis.emphasise(audio, self.hparams.pre_emphasis))

    def encode(self, audio: tf.Tensor) -> decoding.Content:
        """Encodes piece by piece; see `decoding.analyse_in_pieces`."""
        hop = self.hparams.hop
        frames = decoding.analyse_in_pieces(
            self.analyse,
            mu_law.scale(self._codes(audio))[..., tf.newaxis],
            self._frames(ANALYSED_SECONDS) * hop,
            self.reach,
            hop,
        )
        frames = tf.ensure_shape(frames, [None, None, self.analysed])
        return decoding.Content(self.gather(frames), decoding.audible(audio, hop))

    def timbre(self, domain: tf.Tensor) -> tf.Tensor:
        """The number of the decoder."""
        return domain

    def decode(self, content: decoding.Content, timbre: tf.Tensor) -> tf.Tensor:
        """Decodes in segments; see `decoding.SegmentDecoder`."""
        return self.segment_decoder(content, timbre)

    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """Rounds every sample to its mu-law code."""
        rounded = mu_law.decode(self._codes(audio), self.hparams.biased_decode)
        return emphasis.de_emphasise(rounded, self.hparams.pre_emphasis)

    def pool(self, content: decoding.Content) -> tf.Tensor:
        """Mean and standard deviation over time of each channel."""
        mean, variance = tf.nn.moments(content.code, [1])
        return tf.concat([mean, tf.sqrt(variance)], axis=1)


def _copy_weights(own: keras.Layer, its: keras.Layer, what: str) -> None:
    """Copies weights between layers whose weights have the same shapes."""
    shapes = [[tuple(v.shape) for v in layer.variables] for layer in (own, its)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"init_from: the {what} there has other sizes; give the same values for "
            "latent and for the config fields that begin with that word."
        )
    own.set_weights(its.get_weights())
