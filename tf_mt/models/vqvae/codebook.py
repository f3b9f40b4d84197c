"""A codebook that follows the averages of what is assigned to its codes.

Van den Oord et al. 2017, appendix A.1, with the restarts of Jukebox (Dhariwal et al.
2020, section 3.1): a code that hardly anything is assigned to is moved to a random one
of the features of the moment.
"""

import keras
import tensorflow as tf

from tf_mt.models import replicas, trainable

DECAY = 0.99
# Features assigned on average, below which a code is moved.
FEWEST = 1.0
# Jitter of the codes that are moved, so that no two are the same.
JITTER = 0.01
# Features that are compared with all codes at a time, so that memory stays small.
CHUNK = 2048


class Codebook:
    """Codes as state of a model.

    Args:
        codes: State `[codes, channels]`.
        counts: State `[codes]`: moving averages of the features assigned to each.
        sums: State `[codes, channels]`: of their sums.
        stream: Tells random numbers from others of the same step.
    """

    def __init__(
        self,
        codes: keras.Variable,
        counts: keras.Variable,
        sums: keras.Variable,
        stream: int,
    ):
        self.codes = codes
        self.counts = counts
        self.sums = sums
        self.stream = stream

    def nearest(
        self, features: tf.Tensor, allowed: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Numbers of the nearest codes.

        Args:
            features: float32 `[batch, frames, channels]`.
            allowed: Codes that may be taken, float32 `[batch, codes]` with ones for
                them; None allows all.

        Returns:
            int32 `[batch, frames]`.
        """
        codes = tf.convert_to_tensor(self.codes)
        # Without the square of the feature, which is the same for every code.
        offset = tf.reduce_sum(tf.square(codes), axis=1)[tf.newaxis]
        if allowed is not None:
            offset += tf.where(allowed > 0.5, 0.0, float("inf"))

        def of_chunk(chunk: tf.Tensor) -> tf.Tensor:
            distance = offset[:, tf.newaxis] - 2.0 * tf.matmul(
                chunk, codes, transpose_b=True
            )
            return tf.argmin(distance, axis=-1, output_type=tf.int32)

        frames = tf.shape(features)[1]
        padded = tf.pad(features, [[0, 0], [0, -frames % CHUNK], [0, 0]])
        shape = [tf.shape(features)[0], -1, CHUNK, codes.shape[1]]
        chunks = tf.transpose(tf.reshape(padded, shape), [1, 0, 2, 3])
        numbers = tf.map_fn(of_chunk, chunks, fn_output_signature=tf.int32)
        joined = tf.reshape(
            tf.transpose(numbers, [1, 0, 2]), [tf.shape(features)[0], -1]
        )
        return joined[:, :frames]

    def read(self, numbers: tf.Tensor) -> tf.Tensor:
        """The codes of int32 `[batch, frames]`: `[batch, frames, channels]`."""
        return tf.gather(tf.convert_to_tensor(self.codes), numbers)

    def used(self, numbers: tf.Tensor) -> tf.Tensor:
        """Which codes occur in each row of `[batch, frames]`: `[batch, codes]`."""
        batch, size = tf.shape(numbers)[0], self.codes.shape[0]
        places = numbers + size * tf.range(batch)[:, tf.newaxis]
        found = tf.math.unsorted_segment_sum(
            tf.ones_like(places, tf.float32), places, batch * size
        )
        return tf.cast(tf.reshape(found, [batch, size]) > 0.0, tf.float32)

    def update(
        self, features: tf.Tensor, numbers: tf.Tensor, batch: trainable.Batch
    ) -> None:
        """Moves every code towards the mean of what was assigned to it.

        Args:
            features: This replica's `[batch, frames, channels]`.
            numbers: Of their nearest codes.
            batch: Gives the step's seed.
        """
        size, channels = self.codes.shape
        flat = tf.reshape(features, [-1, channels])
        rows = tf.reshape(numbers, [-1])
        count, total = (
            replicas.batch_sum(
                tf.math.unsorted_segment_sum(values, rows, size)[tf.newaxis]
            )
            for values in (tf.ones_like(flat[:, 0]), flat)
        )
        drawn = self._drawn(replicas.whole_batch(flat), batch)
        counts, sums = (tf.convert_to_tensor(x) for x in (self.counts, self.sums))
        # Before the first step there are no codes yet.
        new = tf.equal(tf.reduce_sum(counts), 0.0)
        counts = tf.where(new, tf.ones_like(counts), counts)
        sums = tf.where(new, drawn, sums)
        counts = DECAY * counts + (1.0 - DECAY) * count
        sums = DECAY * sums + (1.0 - DECAY) * total
        kept = (counts >= FEWEST)[:, tf.newaxis]
        means = sums / tf.maximum(counts, FEWEST)[:, tf.newaxis]
        self.codes.assign(tf.where(kept & ~new, means, drawn))
        self.counts.assign(counts)
        self.sums.assign(sums)

    def _drawn(self, features: tf.Tensor, batch: trainable.Batch) -> tf.Tensor:
        size, channels = self.codes.shape
        seed = tf.random.experimental.stateless_fold_in(batch["seed"], self.stream)
        rows = tf.random.stateless_uniform(
            [size], seed, 0, tf.shape(features)[0], tf.int32
        )
        jitter = tf.random.stateless_normal(
            [size, channels], seed, stddev=JITTER / channels**0.5
        )
        return tf.gather(features, rows) + jitter
