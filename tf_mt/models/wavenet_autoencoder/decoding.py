"""Inference of the WaveNet autoencoders, on recordings of any length.

Recordings are analysed piece by piece, and decoded in segments: a segment is a stream
of samples of its own, and all streams of a group are decoded in parallel.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from tf_mt.audio import emphasis, mu_law, segments
from tf_mt.layers import stacks, wavenet, wavenet_sampling
from tf_mt.models.wavenet_autoencoder import configuration

# A segment is moved by up to half a period of this to be in phase with the last.
LOWEST_HZ = 55.0

# A frame whose samples are all below this is silent, and is not decoded.
SILENCE = 1e-4


class Content(NamedTuple):
    """The content of a batch of recordings.

    Attributes:
        code: float32 `[batch, frames, latent]`.
        audible: bool `[batch, frames]`, which frames of the source are not silent.
    """

    code: tf.Tensor
    audible: tf.Tensor


def audible(audio: tf.Tensor, hop: int) -> tf.Tensor:
    """Whether each frame of `[batch, frames * hop]` is not silent; bool."""
    frames = tf.reshape(tf.abs(audio), [tf.shape(audio)[0], -1, hop])
    return tf.reduce_max(frames, axis=2) > SILENCE


def analyse_in_pieces(
    analyse: Callable[[tf.Tensor], tf.Tensor],
    signal: tf.Tensor,
    piece_samples: int,
    reach: int,
    hop: int,
) -> tf.Tensor:
    """Analyses a signal piece by piece: equal to at once, and needs less memory.

    Args:
        analyse: From `[batch, samples, 1]` to `[batch, frames, channels]`.
        signal: float32 `[batch, frames * hop, 1]`.
        piece_samples: Length of a piece, a multiple of `hop`.
        reach: How many samples to either side of a frame `analyse` looks at.
        hop: Samples of a frame.

    Returns:
        float32 `[batch, frames, channels]`, of unknown static shape.
    """
    samples = tf.shape(signal)[1]
    margin = -(-reach // hop) * hop
    pieces = -(-samples // piece_samples)

    def piece(number: tf.Tensor, found: tf.TensorArray) -> tuple:
        first = number * piece_samples
        begin, end = tf.maximum(0, first - margin), first + piece_samples
        frames = analyse(signal[:, begin : end + margin])
        own = (tf.minimum(end, samples) - first) // hop
        frames = frames[:, (first - begin) // hop :][:, :own]
        return number + 1, found.write(number, tf.transpose(frames, [1, 0, 2]))

    found = tf.TensorArray(tf.float32, pieces, infer_shape=False)
    _, found = tf.while_loop(
        lambda number, _: number < pieces, piece, (0, found), parallel_iterations=1
    )
    return tf.transpose(found.concat(), [1, 0, 2])


class SegmentDecoder:
    """Decodes content: cuts it into segments, decodes them at once, and joins them.

    Every segment decodes some samples before its own, a warm-up that is cut off.
    Neighbours are joined in phase (`segments.join`).

    Args:
        decoders: One for each domain, of the same sizes.
        hparams: Config of the model.
        sample_rate_hz: Of the audio.
    """

    def __init__(
        self,
        decoders: Sequence[wavenet.Decoder],
        hparams: configuration.Config,
        sample_rate_hz: int,
    ):
        self.decoders = decoders
        self.hparams = hparams
        # How far a segment may be moved, either way; it is faded over four times that.
        self._most_lag_samples = min(
            int(sample_rate_hz / (2 * LOWEST_HZ)), hparams.hop // 4
        )
        # Samples that a segment decodes before its own, and after them.
        half = 2 * self._most_lag_samples
        self._margins_samples = max(hparams.warmup_samples, half), half

    def __call__(self, content: Content, domain: tf.Tensor) -> tf.Tensor:
        """Decodes each recording in a domain.

        Args:
            content: Of the recordings.
            domain: int32 `[batch]`.

        Returns:
            float32 `[batch, frames * hop]`.
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
        not_silent = tf.reduce_any(tf.gather(content.audible, places, axis=1), axis=2)
        samples = lead + own * hop + tail
        sound = self._decode_segments(
            cut, not_silent, domain, before * hop - lead, samples
        )
        sound = tf.reshape(sound, [clips, count, samples])
        joined = segments.join(sound, own * hop, lead, 4 * lag, lag)
        return joined[:, : frames * hop]

    def segment_frames(self, frames: int | tf.Tensor) -> tf.Tensor:
        """How many frames of a recording a segment stands for: an int32 scalar."""
        needed = sum(-(-margin // self.hparams.hop) for margin in self._margins_samples)
        return tf.maximum(-(-frames // self.hparams.segments), needed)

    # A graph, also where the rest is not: a step of a loop is a sample.
    @tf.function(reduce_retracing=True)
    def _decode_segments(
        self,
        code: tf.Tensor,
        not_silent: tf.Tensor,
        domain: tf.Tensor,
        skipped: int,
        samples: tf.Tensor,
    ) -> tf.Tensor:
        """Decodes segments, domain by domain, in groups of `hparams.segments`.

        Args:
            code: float32 `[batch, segments, frames, latent]`.
            not_silent: bool `[batch, segments]`; the others give zeros.
            domain: int32 `[batch]`.
            skipped: Samples of the first frame that are not decoded.
            samples: How many are, of each segment; int32 scalar.

        Returns:
            float32 `[batch * segments, samples]`.
        """
        clips, count = tf.unstack(tf.shape(code)[:2])
        # The draws of a segment do not depend on what else is decoded with it.
        uniform_draws = tf.random.stateless_uniform(
            [count, samples], [self.hparams.sampling_seed, 0]
        )
        code = stacks.merge(code)
        number = tf.tile(tf.range(count), [clips])
        domain = tf.where(tf.reshape(not_silent, [-1]), tf.repeat(domain, count), -1)
        sound = tf.zeros([clips * count, samples])

        def decode_domain(place: tf.Tensor, sound: tf.Tensor) -> tuple:
            rows = tf.where(domain == place)[:, 0]
            weights = tf.switch_case(place, [self._weights(d) for d in self.decoders])

            def decode_group(first: tf.Tensor, sound: tf.Tensor) -> tuple:
                chosen = rows[first : first + self.hparams.segments]
                audio = self._decode_in_lanes(
                    weights,
                    tf.gather(code, chosen),
                    tf.gather(uniform_draws, tf.gather(number, chosen)),
                    skipped,
                )
                sound = tf.tensor_scatter_nd_update(sound, chosen[:, tf.newaxis], audio)
                return first + self.hparams.segments, sound

            _, sound = tf.while_loop(
                lambda first, _: first < tf.size(rows),
                decode_group,
                (0, sound),
                parallel_iterations=1,
            )
            return place + 1, sound

        _, sound = tf.while_loop(
            lambda place, _: place < len(self.decoders),
            decode_domain,
            (0, sound),
            parallel_iterations=1,
        )
        return sound

    def _weights(
        self, decoder: wavenet.Decoder
    ) -> Callable[[], wavenet_sampling.Weights]:
        dtype = tf.as_dtype(self.hparams.arithmetic)
        return lambda: wavenet_sampling.weights(decoder, dtype)

    def _decode_in_lanes(
        self,
        weights: wavenet_sampling.Weights,
        code: tf.Tensor,
        uniform_draws: tf.Tensor,
        skipped: int,
    ) -> tf.Tensor:
        """Decodes streams in `hparams.lanes` loops, without pre-emphasis.

        Args:
            weights: The decoder's.
            code: float32 `[streams, frames, latent]`.
            uniform_draws: float32 `[streams, samples]`, in [0, 1).
            skipped: Samples of the first frame that are not decoded.

        Returns:
            float32 `[streams, samples]`.
        """
        lanes = self.hparams.lanes
        # Loops that do not wait for each other, for cores that do not either.
        share = -(-tf.shape(code)[0] // lanes)
        audio = [
            self._decode_lane(
                weights,
                code[lane * share :][:share],
                uniform_draws[lane * share :][:share],
                skipped,
            )
            for lane in range(lanes)
        ]
        return emphasis.de_emphasise(
            tf.concat(audio, axis=0), self.hparams.pre_emphasis
        )

    def _decode_lane(
        self,
        weights: wavenet_sampling.Weights,
        code: tf.Tensor,
        uniform_draws: tf.Tensor,
        skipped: int,
    ) -> tf.Tensor:
        """Decodes the streams of one loop; see `_decode_in_lanes`."""
        hparams, uniform_draws = self.hparams, tf.transpose(uniform_draws)
        amplitudes = mu_law.decode(tf.range(mu_law.LEVELS), hparams.biased_decode)

        def choose(number: tf.Tensor, logits: tf.Tensor) -> tuple:
            codes = wavenet_sampling.draw(
                logits, uniform_draws[number], hparams.temperature, hparams.top_k
            )
            if hparams.output == "mean":
                mean = tf.linalg.matvec(tf.nn.softmax(logits), amplitudes)
                warm = number >= hparams.warmup_samples
                return tf.where(warm, mu_law.encode(mean), codes), mean
            return codes, tf.gather(amplitudes, codes)

        samples = wavenet_sampling.run(
            weights,
            self.decoders[0].dilations,
            tf.transpose(code, [1, 0, 2]),
            hparams.hop,
            choose,
            tf.TensorSpec([None], tf.float32),
            tf.shape(uniform_draws)[0],
            skipped,
        )
        return tf.transpose(samples)
