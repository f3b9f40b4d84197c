"""The VQ-VAE behind the contract of `Translator`.

Autoencoders of raw audio with codebooks (Dhariwal et al. 2020, appendix B.1), each of a
level of its own. Nothing in their training knows of instruments: timbre is a statistic
of the features of a reference clip, and the features of a recording are given it, by
one of the methods that a configuration names.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_mt import dataset
from tf_mt.layers import harmonics, jukebox
from tf_mt.losses import waveform
from tf_mt.models import (
    averages,
    replicas,
    trainable,
    translator,
    translator_config,
)
from tf_mt.models.vqvae import codebook, configuration, statistics

# Of training clips, whose power and magnitudes loss terms are shares of.
MEASURED_SECONDS = 600.0
# The longest reference clip that is measured.
REFERENCE_SECONDS = 20.0
WINDOW_SECONDS = 6.0
_SMALLEST_BANDWIDTH = 1e-8

_OF = {
    configuration.ADAIN: (
        statistics.adain_size,
        statistics.adain_of,
        statistics.adain,
    ),
    configuration.WCT: (statistics.wct_size, statistics.wct_of, statistics.wct),
}


class Level(keras.layers.Layer):
    """Encoder and decoder of a level.

    Args:
        halvings: How often each block halves the number of samples.
        width: Channels within a block.
        depth: Residual layers after each halving.
    """

    def __init__(self, halvings: Sequence[int], width: int, depth: int):
        super().__init__()
        self.encoder = jukebox.encoder(halvings, width, depth)
        self.decoder = jukebox.decoder(halvings, width, depth)
        self.built = True

    def encode(self, audio: tf.Tensor) -> tf.Tensor:
        """Features `[batch, samples / hop, 64]` of float32 `[batch, samples]`."""
        return jukebox.apply(self.encoder, audio[..., tf.newaxis])

    def decode(self, features: tf.Tensor) -> tf.Tensor:
        """Audio `[batch, samples]` of `[batch, samples / hop, 64]`."""
        return jukebox.apply(self.decoder, features)[..., 0]


class VqVae(translator.Translator):
    """Levels, codebooks, and the method that changes features.

    Args:
        hparams: Its configuration.
        info: The dataset that it is trained on.
    """

    capabilities = frozenset({translator.TRANSFER, translator.POOLED_CONTENT})
    batches = "mixed"
    terms = ("waveform", "peaks", "spectral", "commitment")

    def __init__(self, hparams: configuration.Config, info: dataset.DatasetInfo):
        super().__init__(hparams, info)
        self.hop_samples = hparams.hop(hparams.levels - 1)
        self.clip_samples = hparams.clip_samples
        rate_hz = info.sample_rate_hz
        self.window_samples = self.whole_hops(WINDOW_SECONDS)
        self.overlap_samples = self.whole_hops(WINDOW_SECONDS / 12)
        self.reference_samples = self.whole_hops(REFERENCE_SECONDS)
        self.harmonics = harmonics.Harmonics(rate_hz)
        self.measured_clips = MEASURED_SECONDS * rate_hz / hparams.clip_samples
        # Checkpoints name variables by these attributes and their order.
        numbers = range(hparams.levels)
        self.levels = [
            Level(hparams.halvings(level), *hparams.sizes(level)) for level in numbers
        ]
        self.codebooks = [self._make_codebook(level) for level in numbers]
        learned = [v for level in self.levels for v in level.trainable_variables]
        self.averages = averages.Averages(self, learned, hparams.average)
        # How many clips were measured, the sum of their power, that of their norms.
        self.measured = self.add_state("measured", (3,))
        self.built = True

    def _make_codebook(self, level: int) -> codebook.Codebook:
        size, channels = self.hparams.codes, jukebox.EMBEDDING
        return codebook.Codebook(
            self.add_state(f"codes_{level}", (size, channels), "random_normal"),
            self.add_state(f"counts_{level}", (size,)),
            self.add_state(f"sums_{level}", (size, channels)),
            stream=level,
        )

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """The autoencoders."""
        return {"autoencoders": self.levels}

    def objectives(
        self, batch: trainable.Batch, training: bool
    ) -> list[trainable.Objective]:
        """Sums over the levels of reconstruction and commitment."""
        audio = batch["audio"]
        heard = batch.get("encoder_audio", audio)
        count, power, norm = self._measure(audio)
        terms = dict.fromkeys(self.terms, 0.0)
        found = []
        for level, codes in zip(self.levels, self.codebooks, strict=True):
            features = level.encode(heard)
            numbers = codes.nearest(tf.stop_gradient(features))
            nearest = codes.read(numbers)
            quantised = features + tf.stop_gradient(nearest - features)
            output = level.decode(quantised)
            squares = tf.square(features - tf.stop_gradient(nearest))
            for name, values in {
                "waveform": waveform.squared(output, audio) / (power / count),
                "peaks": waveform.peaks(output, audio) / (power / count),
                "spectral": waveform.spectral(output, audio) / (norm / count),
                "commitment": squares,
            }.items():
                terms[name] += tf.reduce_mean(values)
            found.append((codes, tf.stop_gradient(features), numbers))

        def update_state() -> None:
            self.measured.assign(tf.stack([count, power, norm]))
            for codes, features, numbers in found:
                codes.update(features, numbers, batch)
            self.averages.update()

        return [trainable.Objective(tuple(self.parts()), terms, update_state)]

    def _measure(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The state `measured` with a batch of all replicas, while there is room."""
        _, variance = tf.nn.moments(audio, axes=[1])
        rows = tf.ones_like(variance)
        of_batch = replicas.batch_sum(
            tf.stack([rows, variance, waveform.spectral_norm(audio)], axis=1)
        )
        state = tf.convert_to_tensor(self.measured)
        state = tf.where(state[0] < self.measured_clips, state + of_batch, state)
        count, power, norm = tf.unstack(tf.stop_gradient(state))
        smallest = _SMALLEST_BANDWIDTH * count
        return count, tf.maximum(power, smallest), tf.maximum(norm, smallest)

    def features(self, audio: tf.Tensor, level: int) -> tf.Tensor:
        """Features of a level, with its averaged weights, before they are quantised.

        Args:
            audio: float32 `[batch, samples]`, a multiple of the level's hop.
            level: Its number.

        Returns:
            float32 `[batch, samples / hop, 64]`.
        """
        with self.averages.applied():
            return self.levels[level].encode(audio)

    def encode(self, audio: tf.Tensor) -> tf.Tensor:
        """Features of the level that is heard, before they are quantised."""
        return self.features(audio, self.hparams.level)

    def timbre_of(self, reference: tf.Tensor) -> tf.Tensor:
        """What the method takes of a reference: `[batch, numbers]`."""
        method, number = self.hparams.method, self.hparams.level
        if method == configuration.NONE:
            return tf.zeros([tf.shape(reference)[0], 1])
        if method == configuration.HARMONICS:
            return self.harmonics.measure(reference)
        codes, layers = self.codebooks[number], self.levels[number].decoder
        numbers = codes.nearest(self.features(reference, number))
        if method == configuration.CODEBOOK:
            return codes.used(numbers)
        x, found = codes.read(numbers), []
        _, measure, _ = _OF[method]
        splits = self.hparams.chosen_splits(len(layers))
        with self.averages.applied():
            for split, layer in enumerate(layers[: splits[-1] + 1]):
                x = layer(x)
                if split in splits:
                    found.append(measure(tf.cast(x, tf.float32)))
        return tf.concat(found, axis=-1)

    def decode(self, content: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Quantises and decodes, and gives the statistics on the way or afterwards."""
        codes = self.codebooks[self.hparams.level]
        allowed = timbre if self.hparams.method == configuration.CODEBOOK else None
        quantised = codes.read(codes.nearest(content, allowed))
        audio = self._decode(quantised, timbre)
        if self.hparams.method == configuration.HARMONICS:
            audio = self.harmonics.give(audio, timbre)
        if self.hparams.loudness == translator_config.SOURCE:
            # As the paper does before it compares loudness.
            audio -= tf.reduce_mean(audio, axis=1, keepdims=True)
        return audio

    def _decode(self, x: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        level, first = self.levels[self.hparams.level], 0
        with self.averages.applied():
            if self.hparams.method not in _OF:
                return level.decode(x)
            size, _, change = _OF[self.hparams.method]
            splits = self.hparams.chosen_splits(len(level.decoder))
            for split, layer in enumerate(level.decoder):
                x = layer(x)
                if split in splits:
                    last = first + size(x.shape[-1])
                    changed = change(tf.cast(x, tf.float32), timbre[:, first:last])
                    x += self.hparams.strength * (tf.cast(changed, x.dtype) - x)
                    first = last
        return tf.cast(x[..., 0], tf.float32)

    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """The audio itself: nothing but what is learned stands between."""
        return tf.identity(audio)

    def pool(self, content: tf.Tensor) -> tf.Tensor:
        """Means and standard deviations over time of the features."""
        return statistics.adain_of(content)
