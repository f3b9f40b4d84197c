"""WaveNet autoencoders: a shared encoder, and a WaveNet decoder for each domain.

What Universal Music Translation (Mor et al. 2019) and its relatives share. The encoder
is to hear what is played and not who plays it: a classifier of domains is played
against its codes, and what it hears may be locally out of tune (`--pitch_semitones`).
Every decoder predicts the samples of its own domain from those before them and the
codes. One batch has clips of every domain, and each decoder sees its own.
"""

import abc
import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf
from absl import logging

from tf_mt import config, dataset
from tf_mt.audio import emphasis, mu_law, segments
from tf_mt.layers import (
    domain_classifier,
    spectrogram,
    spectrum_head,
    stacks,
    wavenet,
    wavenet_sampling,
)
from tf_mt.losses import confusion, cross_entropy, reconstruction
from tf_mt.models import translator

# Half a period of it is as far as a segment is moved to go on in phase.
LOWEST_HZ = 55.0

# A frame that has nothing above is silent, and is not decoded.
SILENCE = 1e-4

# Of the spectrogram that a code is to tell, about.
FRAME_SAMPLES = 1600
BANDS = 128
HEAD_CHANNELS = 128

WINDOW_SECONDS = 20.0
OVERLAP_SECONDS = 0.5
# A long recording is analysed so much at a time.
ANALYSED_SECONDS = 10.0

CONFUSIONS = ("ascent", "uniform")
OUTPUTS = ("drawn", "mean")
# What an encoder may learn from before the decoders begin.
ENCODER_TERMS = ("spectrum", "info_nce")
ARITHMETICS = ("float32", "bfloat16")


@dataclasses.dataclass(frozen=True)
class Config(config.Config):
    """Config of what all have; the defaults are those of the published decoders."""

    latent: int = config.field(64, "Channels of the code.", minimum=1)
    hop: int = config.field(
        800, "Samples that a frame of the code stands for.", minimum=1
    )
    decoder_channels: int = config.field(128, "Channels of a decoder.", minimum=1)
    decoder_blocks: int = config.field(4, "Blocks of a decoder.", minimum=1)
    decoder_layers: int = config.field(14, "Layers in each of them.", minimum=1)
    classifier_channels: int = config.field(
        100, "Channels of the classifier of domains.", minimum=1
    )
    clip_frames: int = config.field(15, "Frames in a training clip.", minimum=1)
    pre_emphasis: float = config.field(
        0.0, "Coefficient of the filter before the codes; 0 has none.", minimum=0.0
    )
    decoder_noise: float = config.field(
        0.0,
        "Largest standard deviation, of codes in [-0.5, 0.5], of the noise on the "
        "samples that a decoder sees in training.",
        minimum=0.0,
    )
    encoder_pretraining_steps: int = config.field(
        0,
        "Steps at first that leave the decoders out; the encoder learns from what else "
        f"there is, {' and '.join(ENCODER_TERMS)}. They take a tenth of the time.",
        minimum=0,
    )
    confusion: str = config.field(
        "ascent",
        "How the encoder plays against the classifier: ascent on its loss, as "
        "published, or uniform odds, which are bounded.",
        choices=CONFUSIONS,
    )
    biased_decode: bool = config.field(
        False, "Whether codes become sound as in the published code, 11 dB noisier."
    )
    segments: int = config.field(
        128,
        "Segments that a recording is cut into to be decoded at once.",
        minimum=1,
        inference=True,
    )
    lanes: int = config.field(
        2,
        "Loops that share the segments and run side by side; as many as there are "
        "cores is fastest where an operation has one of them.",
        minimum=1,
        inference=True,
    )
    warmup_samples: int = config.field(
        800, "Samples that a segment decodes before its own.", minimum=0, inference=True
    )
    temperature: float = config.field(
        1.0,
        "What logits are divided by before a code is drawn; 0 takes the likeliest.",
        minimum=0.0,
        inference=True,
    )
    top_k: int = config.field(
        0,
        "Codes are drawn from so many likeliest ones; 0 takes all.",
        minimum=0,
        inference=True,
    )
    output: str = config.field(
        "drawn",
        "What is heard of a sample: the code that is drawn, as published, or the mean "
        "of all by their odds, which has less of the noise of drawing and rounding; "
        "after the warm-up, its code is what the next samples follow.",
        choices=OUTPUTS,
        inference=True,
    )
    sampling_seed: int = config.field(
        0, "Seed of the codes that are drawn.", minimum=0, inference=True
    )
    arithmetic: str = config.field(
        "float32", "Arithmetic of the decoding.", choices=ARITHMETICS, inference=True
    )
    weights: dict = config.field(
        {
            "reconstruction": 1.0,
            "paired": 0.0,
            "spectrum": 0.0,
            "confusion": 0.01,
            "classifier": 0.01,
        },
        "Weight of each loss term.",
    )
    warmup: dict = config.field(
        {"confusion": 0.0}, "Steps over which a term's weight rises from zero."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pre_emphasis >= 1.0:
            raise ValueError(f"pre_emphasis={self.pre_emphasis} must be below 1.")
        if self.top_k > mu_law.LEVELS:
            raise ValueError(f"top_k={self.top_k} must be at most {mu_law.LEVELS}.")
        if self.encoder_pretraining_steps and not any(
            map(self.weights.get, ENCODER_TERMS)
        ):
            raise ValueError(
                f"encoder_pretraining_steps={self.encoder_pretraining_steps} needs a "
                "term that the encoder learns from without decoders; give "
                "--weights=spectrum:50."
            )


class Content(NamedTuple):
    """What survives a translation.

    Attributes:
        code: float32 `[batch, frames, latent]`.
        audible: bool `[batch, frames]`, which frames of the source are not silent.
    """

    code: tf.Tensor
    audible: tf.Tensor


class WaveNetAutoencoder(translator.Translator):
    """The family behind the contract of `Translator`.

    An approach makes its encoder in `make_encoder`, which is in two halves: `analyse`
    looks at some samples for each frame, and `gather` at frames.

    Args:
        hparams: Its configuration.
        info: The dataset that it is trained on.

    Attributes:
        reach: How many samples to either side of a frame `analyse` looks at.
    """

    capabilities = frozenset({translator.DOMAINS, translator.POOLED_CONTENT})
    terms = ("reconstruction", "paired", "spectrum", "confusion", "classifier")
    reach: int

    def __init__(self, hparams: Config, info: dataset.DatasetInfo):
        super().__init__(hparams, info)
        self.batches = "paired" if hparams.weights["paired"] else "stacked"
        self.hop_samples = hparams.hop
        self.clip_samples = hparams.clip_frames * hparams.hop
        self.window_samples = self._frames(WINDOW_SECONDS) * hparams.hop
        self.overlap_samples = self._frames(OVERLAP_SECONDS) * hparams.hop
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
            LOWEST_HZ,
        )
        self.heads = [
            spectrum_head.SpectrumHead(HEAD_CHANNELS, BANDS)
            for _ in (info.domains if hparams.weights["spectrum"] else ())
        ]
        self.confuses = bool(hparams.weights["confusion"]) and len(info.domains) > 1
        if self.confuses:
            self.classifier = domain_classifier.DomainClassifier(
                1, len(info.domains), hparams.classifier_channels
            )
        self._make_variables()

    @abc.abstractmethod
    def make_encoder(self) -> list[keras.Layer]:
        """Makes the layers of the encoder."""

    @abc.abstractmethod
    def analyse(self, signal: tf.Tensor, step: tf.Tensor | None = None) -> tf.Tensor:
        """Looks at scaled codes `[batch, samples, 1]`: `[batch, frames, any]`.

        In training, `step` is the number of the step, an integer scalar.
        """

    def gather(self, frames: tf.Tensor) -> tf.Tensor:
        """Makes the code `[batch, frames, latent]` of what `analyse` found."""
        return frames

    def further_terms(
        self, frames: tf.Tensor, code: tf.Tensor, batch: translator.Batch
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
        if self.confuses:
            self.classifier(code)
        self.initialised_domains: frozenset[str] = frozenset()
        self.heads_initialised = False
        self.built = True

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """Encoder and decoders, and the classifier if it is played against."""
        parts = {"autoencoder": [*self.encoder, *self.decoders, *self.heads]}
        if self.confuses:
            parts["classifier"] = [self.classifier]
        return parts

    def initialise_from(self, other: translator.Translator) -> None:
        """Takes over decoders, by domain, and the encoder if it is of the same kind.

        See `Translator.initialise_from`.
        """
        if not isinstance(other, WaveNetAutoencoder):
            return super().initialise_from(other)
        places = {name: place for place, name in enumerate(other.info.domains)}
        self.initialised_domains = frozenset(places)
        self.heads_initialised = bool(self.heads and other.heads)
        for place, name in enumerate(self.info.domains):
            if name in places:
                _take_over(
                    self.decoders[place], other.decoders[places[name]], "decoder"
                )
                if self.heads_initialised:
                    _take_over(self.heads[place], other.heads[places[name]], "latent")
        if type(self) is type(other):
            for own, its in zip(self.encoder, other.encoder, strict=True):
                _take_over(own, its, "encoder")

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
        """See `Translator.compile`; warns of clips that are too short to learn from."""
        field = self.decoders[0].receptive_field
        if self.clip_samples < field:
            logging.warning(
                "clip_frames=%d: a clip of %d samples is shorter than the receptive "
                "field of a decoder, %d; the layers that reach farther see silence.",
                self.hparams.clip_frames,
                self.clip_samples,
                field,
            )
        super().compile(optimizers, clip_norm)

    def objectives(
        self, batch: translator.Batch, training: bool
    ) -> list[translator.Objective]:
        """How well samples are predicted, and the game between code and classifier."""
        codes = self._codes(batch["audio"])
        heard = stacks.merge(self._codes(batch.get("encoder_audio", batch["audio"])))
        step = batch["step"] if training else None
        frames = self.analyse(mu_law.scale(heard)[..., tf.newaxis], step)
        code = self.gather(frames)
        content = self._exchanged(stacks.split(code, codes), batch)
        predict = functools.partial(self._predict, codes, content, batch, training)
        terms = self._after_pretraining(predict, step) if training else predict()
        if self.heads:
            terms["spectrum"] = self._read(batch["audio"], content)
        terms |= self.further_terms(frames, code, batch)
        objectives = [translator.Objective(("autoencoder",), terms)]
        if self.confuses:
            domain = stacks.merge(batch["domain"])
            objectives.append(self._confuse(code, domain, terms))
        return objectives

    def _exchanged(self, code: tf.Tensor, batch: translator.Batch) -> tf.Tensor:
        """What the decoders hear, `[batch, domains, frames, latent]`.

        With pairs, odd rows have what another domain plays at the time.
        """
        if not self.hparams.weights["paired"]:
            return code
        others = tf.random.stateless_uniform(
            [], batch["seed"], 1, max(2, len(self.decoders)), tf.int32
        )
        return tf.where(
            self._odd(code)[:, tf.newaxis, tf.newaxis, tf.newaxis],
            tf.roll(code, others, axis=1),
            code,
        )

    def _after_pretraining(
        self, predict: Callable[[], dict[str, tf.Tensor]], step: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """What `predict` gives; zeros while only the encoder learns."""
        frozen = self.trained_domains != self.info.domains
        if frozen or not self.hparams.encoder_pretraining_steps:
            return predict()
        names = [
            "reconstruction",
            *(["paired"] if self.hparams.weights["paired"] else []),
        ]
        return tf.cond(
            step < self.hparams.encoder_pretraining_steps,
            lambda: dict.fromkeys(names, tf.zeros([])),
            predict,
        )

    def _predict(
        self,
        codes: tf.Tensor,
        content: tf.Tensor,
        batch: translator.Batch,
        training: bool,
    ) -> dict[str, tf.Tensor]:
        """The loss of every decoder on the clips of its own domain."""
        signal = mu_law.scale(codes)
        if training and self.hparams.decoder_noise:
            signal += self._noise(signal, batch)
        losses = []
        for place, decoder in enumerate(self._learned(self.decoders)):
            logits = decoder(signal[:, place, :, tf.newaxis], content[:, place])
            losses.append(cross_entropy.cross_entropy(logits, codes[:, place]))
        by_row = tf.add_n(losses) / len(losses)
        if not self.hparams.weights["paired"]:
            return {"reconstruction": tf.reduce_mean(by_row)}
        # Sums over half of the rows, however they fall on the replicas.
        odd = self._odd(by_row)
        return {
            "reconstruction": 2.0 * tf.reduce_mean(tf.where(odd, 0.0, by_row)),
            "paired": 2.0 * tf.reduce_mean(tf.where(odd, by_row, 0.0)),
        }

    def _odd(self, like: tf.Tensor) -> tf.Tensor:
        """Which rows have odd numbers in the whole batch: bool `[batch]`."""
        return self.row_numbers(like) % 2 == 1

    def _read(self, audio: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
        """How well the spectrograms that are to be played are read off the codes."""
        losses = [
            reconstruction.l1(
                head(content[:, place]), self.front.log_mel(audio[:, place])
            )
            for place, head in enumerate(self._learned(self.heads))
        ]
        return tf.add_n(losses) / len(losses)

    def _learned(self, layers: Sequence[keras.Layer]) -> list[keras.Layer]:
        """Those of the domains that are trained on, in their order."""
        return [layers[self.info.domains.index(d)] for d in self.trained_domains]

    def _noise(self, signal: tf.Tensor, batch: translator.Batch) -> tf.Tensor:
        """Normal noise, of each clip at a level of its own."""
        chance = tf.abs(self.normal(signal[..., :1], batch, stream=1))
        # Uniform in [0, 1).
        level = tf.math.erf(chance / math.sqrt(2.0))
        return self.hparams.decoder_noise * level * self.normal(signal, batch, stream=0)

    def _confuse(
        self, code: tf.Tensor, domain: tf.Tensor, terms: dict[str, tf.Tensor]
    ) -> translator.Objective:
        """Adds the encoder's share of the game; returns the classifier's."""
        logits = self.classifier(code)
        if self.hparams.confusion == "uniform":
            terms["confusion"] = confusion.confusion(logits)
        else:
            terms["confusion"] = -confusion.classification(logits, domain)
        seen = self.classifier(tf.stop_gradient(code))
        return translator.Objective(
            ("classifier",), {"classifier": confusion.classification(seen, domain)}
        )

    def _codes(self, audio: tf.Tensor) -> tf.Tensor:
        return mu_law.encode(emphasis.emphasise(audio, self.hparams.pre_emphasis))

    def encode(self, audio: tf.Tensor) -> Content:
        """Looks at it piece by piece: the same as at once, and needs less memory."""
        hop = self.hparams.hop
        signal = mu_law.scale(self._codes(audio))[..., tf.newaxis]
        clips, samples = tf.shape(audio)[0], tf.shape(audio)[1]
        step = self._frames(ANALYSED_SECONDS) * hop
        margin = -(-self.reach // hop) * hop
        pieces = -(-samples // step)

        def piece(number: tf.Tensor, found: tf.TensorArray) -> tuple:
            first = number * step
            begin, end = tf.maximum(0, first - margin), first + step
            frames = self.analyse(signal[:, begin : end + margin])
            own = (tf.minimum(end, samples) - first) // hop
            frames = frames[:, (first - begin) // hop :][:, :own]
            return number + 1, found.write(number, tf.transpose(frames, [1, 0, 2]))

        found = tf.TensorArray(tf.float32, pieces, infer_shape=False)
        _, found = tf.while_loop(
            lambda number, _: number < pieces, piece, (0, found), parallel_iterations=1
        )
        frames = tf.transpose(found.concat(), [1, 0, 2])
        frames = tf.ensure_shape(frames, [None, None, self.analysed])
        peaks = tf.reduce_max(tf.reshape(tf.abs(audio), [clips, -1, hop]), axis=2)
        return Content(self.gather(frames), peaks > SILENCE)

    def timbre(self, domain: tf.Tensor) -> tf.Tensor:
        """The number of the decoder."""
        return domain

    def decode(self, content: Content, timbre: tf.Tensor) -> tf.Tensor:
        """Cuts recordings into segments, decodes them at once, and joins them.

        Every segment decodes some samples before its own, so that it has found its
        sound where it is heard. Neighbours are joined in phase (`segments.join`).
        """
        hop, lag = self.hparams.hop, self._most_lag_samples
        lead, tail = self._margins_samples
        before, after = -(-lead // hop), -(-tail // hop)
        clips, frames = tf.shape(content.code)[0], tf.shape(content.code)[1]
        own = self.segment_frames(frames)
        count = -(-frames // own)
        places = own * tf.range(count)[:, tf.newaxis] + tf.range(-before, own + after)
        places = tf.clip_by_value(places, 0, frames - 1)
        cut = tf.gather(content.code, places, axis=1)
        audible = tf.reduce_any(tf.gather(content.audible, places, axis=1), axis=2)
        samples = lead + own * hop + tail
        sound = self._play(cut, audible, timbre, before * hop - lead, samples)
        sound = tf.reshape(sound, [clips, count, samples])
        joined = segments.join(sound, own * hop, lead, 4 * lag, lag)
        return joined[:, : frames * hop]

    def segment_frames(self, frames: int | tf.Tensor) -> tf.Tensor:
        """How many frames of a recording a segment stands for: an int32 scalar."""
        needed = sum(-(-margin // self.hparams.hop) for margin in self._margins_samples)
        return tf.maximum(-(-frames // self.hparams.segments), needed)

    @property
    def _most_lag_samples(self) -> int:
        """How far a segment may be moved, either way; is faded over four times that."""
        return min(
            int(self.info.sample_rate_hz / (2 * LOWEST_HZ)), self.hparams.hop // 4
        )

    @property
    def _margins_samples(self) -> tuple[int, int]:
        """Samples that a segment decodes before its own, and after them."""
        half = 2 * self._most_lag_samples
        return max(self.hparams.warmup_samples, half), half

    # A graph, also where the rest is not: a step of a loop is a sample.
    @tf.function(reduce_retracing=True)
    def _play(
        self,
        code: tf.Tensor,
        audible: tf.Tensor,
        domain: tf.Tensor,
        skipped: int,
        samples: tf.Tensor,
    ) -> tf.Tensor:
        """Decodes segments, domain by domain, and so many at a time.

        Args:
            code: float32 `[batch, segments, frames, latent]`.
            audible: bool `[batch, segments]`; the others stay silent.
            domain: int32 `[batch]`.
            skipped: Samples of the first frame that are not decoded.
            samples: How many are, of each segment; int32 scalar.

        Returns:
            float32 `[batch * segments, samples]`.
        """
        hparams = self.hparams
        clips, count = tf.unstack(tf.shape(code)[:2])
        # A segment draws what it draws, whatever else is decoded with it.
        chance = tf.random.stateless_uniform(
            [count, samples], [hparams.sampling_seed, 0]
        )
        code = stacks.merge(code)
        number = tf.tile(tf.range(count), [clips])
        domain = tf.where(tf.reshape(audible, [-1]), tf.repeat(domain, count), -1)
        sound = tf.zeros([clips * count, samples])

        def of_domain(played: tf.Tensor, sound: tf.Tensor) -> tuple:
            rows = tf.where(domain == played)[:, 0]
            weights = tf.switch_case(played, [self._weights(d) for d in self.decoders])

            def group(first: tf.Tensor, sound: tf.Tensor) -> tuple:
                chosen = rows[first : first + hparams.segments]
                # Loops that do not wait for each other, for cores that do not either.
                share = -(-tf.size(chosen) // hparams.lanes)
                lanes = [
                    chosen[lane * share :][:share] for lane in range(hparams.lanes)
                ]
                audio = [
                    self._sample(
                        weights,
                        tf.gather(code, lane),
                        tf.gather(chance, tf.gather(number, lane)),
                        skipped,
                    )
                    for lane in lanes
                ]
                audio = emphasis.de_emphasise(
                    tf.concat(audio, axis=0), hparams.pre_emphasis
                )
                sound = tf.tensor_scatter_nd_update(sound, chosen[:, tf.newaxis], audio)
                return first + hparams.segments, sound

            _, sound = tf.while_loop(
                lambda first, _: first < tf.size(rows),
                group,
                (0, sound),
                parallel_iterations=1,
            )
            return played + 1, sound

        _, sound = tf.while_loop(
            lambda played, _: played < len(self.decoders),
            of_domain,
            (0, sound),
            parallel_iterations=1,
        )
        return sound

    def _weights(self, decoder: wavenet.Decoder):
        dtype = tf.as_dtype(self.hparams.arithmetic)
        return lambda: wavenet_sampling.weights(decoder, dtype)

    def _sample(
        self,
        weights: wavenet_sampling.Weights,
        code: tf.Tensor,
        chance: tf.Tensor,
        skipped: int,
    ) -> tf.Tensor:
        """Decodes streams: float32 `[streams, samples]`, as many as `chance` has."""
        hparams, chance = self.hparams, tf.transpose(chance)
        amplitudes = mu_law.decode(tf.range(mu_law.LEVELS), hparams.biased_decode)

        def choose(number: tf.Tensor, logits: tf.Tensor) -> tuple:
            codes = wavenet_sampling.draw(
                logits, chance[number], hparams.temperature, hparams.top_k
            )
            if hparams.output == "mean":
                mean = tf.linalg.matvec(tf.nn.softmax(logits), amplitudes)
                warm = number >= hparams.warmup_samples
                return tf.where(warm, mu_law.encode(mean), codes), mean
            return codes, tf.gather(amplitudes, codes)

        played = wavenet_sampling.run(
            weights,
            self.decoders[0].dilations,
            tf.transpose(code, [1, 0, 2]),
            hparams.hop,
            choose,
            tf.TensorSpec([None], tf.float32),
            tf.shape(chance)[0],
            skipped,
        )
        return tf.transpose(played)

    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """Rounds every sample to its mu-law code."""
        rounded = mu_law.decode(self._codes(audio), self.hparams.biased_decode)
        return emphasis.de_emphasise(rounded, self.hparams.pre_emphasis)

    def pool(self, content: Content) -> tf.Tensor:
        """Mean and standard deviation over time of each channel."""
        mean, variance = tf.nn.moments(content.code, [1])
        return tf.concat([mean, tf.sqrt(variance)], axis=1)


def _take_over(own: keras.Layer, its: keras.Layer, what: str) -> None:
    """Copies weights, if they are of the same shapes."""
    shapes = [[tuple(v.shape) for v in layer.variables] for layer in (own, its)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"init_from: the {what} there has other sizes; give the same values for "
            "latent and for the config fields that begin with that word."
        )
    own.set_weights(its.get_weights())
