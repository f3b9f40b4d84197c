"""Translation by the mean spectra of each domain at multiples of the pitch.

No paper's approach: what one can have of an instrument without a network, by the method
`harmonics` of the VQ-VAE on recordings as they are. A domain's timbre is a table of
levels, for each pitch, that is fitted to its training clips, and of the mean rates at
which its held notes fade; another recording's timbre is its own means. It is for one
voice at a time, hears any source, and has any rate.
"""

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_mt import config, dataset
from tf_mt.layers import harmonics
from tf_mt.models import replicas, trainable, translator, translator_config

WINDOW_SECONDS = 6.0
REFERENCE_SECONDS = 20.0
# Levels are held in hundreds of decibels, the size that steps of Adam are for.
_SCALE_DB = 100.0
_INITIAL_DB = -60.0


@dataclasses.dataclass(frozen=True)
class Config(translator_config.Config):
    """Configuration of the tables of levels."""

    clip_samples: int = config.field(
        65_536, "Length of a training clip in samples.", minimum=1024
    )
    weights: dict = config.field({"levels": 1.0}, "Weight of each loss term.")
    warmup: dict = config.field({}, "Steps over which a term's weight rises from zero.")


class Table(keras.layers.Layer):
    """Levels of each domain, for each pitch, at multiples of it.

    Args:
        domains: How many.
    """

    def __init__(self, domains: int):
        super().__init__()
        self.levels = self.add_weight(
            name="levels",
            shape=(domains, len(harmonics.PITCHES), harmonics.POINTS),
            initializer=keras.initializers.Constant(_INITIAL_DB / _SCALE_DB),
        )
        self.built = True

    def call(self, domain: tf.Tensor) -> tf.Tensor:
        """Decibels `[batch, pitches, points]` of int32 `[batch]`."""
        levels = tf.gather(tf.convert_to_tensor(self.levels), domain)
        return _SCALE_DB * tf.cast(levels, tf.float32)


class HarmonicMeans(translator.Translator):
    """Tables of levels behind the contract of `Translator`.

    Args:
        hparams: The configuration.
        info: The dataset that it is trained on.
    """

    capabilities = frozenset({translator.DOMAINS, translator.TRANSFER})
    batches = "mixed"
    terms = ("levels",)

    def __init__(self, hparams: Config, info: dataset.DatasetInfo):
        super().__init__(hparams, info)
        self.harmonics = harmonics.Harmonics(info.sample_rate_hz)
        self.hop_samples = self.harmonics.framing.hop
        self.clip_samples = hparams.clip_samples
        self.window_samples = self.whole_hops(WINDOW_SECONDS)
        self.overlap_samples = self.whole_hops(WINDOW_SECONDS / 12)
        self.reference_samples = self.whole_hops(REFERENCE_SECONDS)
        self.table = Table(len(info.domains))
        # Of each domain at each pitch: frames that were heard, those of held notes, and
        # the sum of the rates at which these get louder.
        shape = len(info.domains), len(harmonics.PITCHES)
        self.counts = self.add_state("counts", shape)
        self.held = self.add_state("held", shape)
        self.rates = self.add_state("rates", shape)
        self.built = True

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """The table."""
        return {"table": [self.table]}

    def objectives(
        self, batch: trainable.Batch, training: bool
    ) -> list[trainable.Objective]:
        """Squared differences between the levels of frames and those of the table.

        The pitch is that of the encoder's input, where it has one of its own.
        """
        frames = content = self.harmonics.analyse(batch["audio"])
        if "encoder_audio" in batch:
            content = self.harmonics.analyse(batch["encoder_audio"])
        weights = harmonics.heard(frames) * (1.0 - content.unpitched)
        levels = self.harmonics.at_bins(self.table(batch["domain"]), content.pitch_hz)
        relative = frames.decibels - frames.power_db
        errors = tf.reduce_mean(tf.square((levels - relative) / _SCALE_DB), axis=-1)
        # The same mean on every replica, however much of its share is heard.
        share = tf.reduce_sum(weights * errors, axis=1) / tf.cast(
            tf.shape(weights)[1], tf.float32
        )
        rows = tf.cast(tf.round(harmonics.rows(content.pitch_hz)), tf.int32)
        rate, held = self.harmonics.rates(frames)
        summed = (self.counts, weights), (self.held, held), (self.rates, held * rate)

        def update_state() -> None:
            for state, of_frames in summed:
                found = self._summed(batch["domain"], rows, tf.stop_gradient(of_frames))
                state.assign_add(replicas.batch_sum(found[tf.newaxis]))

        terms = {"levels": tf.reduce_mean(share)}
        return [trainable.Objective(tuple(self.parts()), terms, update_state)]

    def _summed(
        self, domain: tf.Tensor, rows: tf.Tensor, of_frames: tf.Tensor
    ) -> tf.Tensor:
        """Numbers `[batch, frames]` summed by domain and row: `[domains, pitches]`."""
        domains, pitches = self.counts.shape
        places = domain[:, tf.newaxis] * pitches + rows
        sums = tf.math.unsorted_segment_sum(of_frames, places, domains * pitches)
        return tf.reshape(sums, [domains, pitches])

    def timbre(self, domain: tf.Tensor) -> tf.Tensor:
        """The tables of domains; pitches that were not heard have those of others."""
        counts, held, rates = (
            tf.gather(tf.convert_to_tensor(state), domain)
            for state in (self.counts, self.held, self.rates)
        )
        levels = _near(counts, self.table(domain))
        rate = rates / tf.maximum(held, 1.0)
        return harmonics.joined(levels, _near(held, rate[..., tf.newaxis])[..., 0])

    def timbre_of(self, reference: tf.Tensor) -> tf.Tensor:
        """The means of a reference."""
        return self.harmonics.measure(reference)

    def encode(self, audio: tf.Tensor) -> tf.Tensor:
        """The audio itself."""
        return tf.identity(audio)

    def decode(self, content: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Gives every frame the levels of the timbre at its pitch."""
        return self.harmonics.give(content, timbre)

    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """The audio itself: the STFT is inverted exactly."""
        return tf.identity(audio)


def _near(counts: tf.Tensor, means: tf.Tensor) -> tf.Tensor:
    """Means over the pitches about each one, by how often each was counted.

    Args:
        counts: `[batch, pitches]`.
        means: Of each pitch, `[batch, pitches, any]`.

    Returns:
        The shape of `means`.
    """
    pitches = tf.constant(harmonics.PITCHES[None], tf.float32)
    weights = harmonics.nearness(pitches) * (counts[:, tf.newaxis] + 1e-6)
    return tf.matmul(weights, means) / tf.reduce_sum(weights, axis=-1, keepdims=True)


_TRAINING = config.Training(
    steps=800,
    epoch_steps=200,
    batch_size=16,
    learning_rate=1e-2,
    decay_from=0.5,
    validation_batches=4,
)

PRESETS = {
    "small": config.Preset(Config(), _TRAINING),
    "tiny": config.Preset(
        Config(clip_samples=4096),
        config.Training(steps=4, epoch_steps=2, batch_size=2, validation_batches=1),
    ),
}
