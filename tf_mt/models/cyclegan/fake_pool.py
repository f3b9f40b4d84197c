"""The pool of earlier translations that a discriminator learns from.

Shrivastava et al. 2017, section 2.3, as in Zhu et al. 2017, section 4: until the pool
is full it keeps every translation; afterwards half of them are exchanged for earlier
ones, at random.
"""

import keras
import tensorflow as tf

from tf_mt.models import replicas, trainable


class FakePool:
    """Earlier translations to one domain.

    Args:
        stored: State `[size, frames, bins]` of the model: the translations.
        count: Scalar state of the model: how many were kept so far.
        stream: Tells this pool's random numbers from others of the same step.
    """

    def __init__(self, stored: keras.Variable, count: keras.Variable, stream: int):
        self.stored = stored
        self.count = count
        self.stream = stream

    def query(self, fakes: tf.Tensor, batch: trainable.Batch) -> tf.Tensor:
        """Exchanges some translations for earlier ones.

        Args:
            fakes: This replica's translations `[batch, frames, bins]`.
            batch: Gives the step's seed.

        Returns:
            float32, of the shape of `fakes`: in each row the translation itself or an
            earlier one.
        """
        whole = replicas.row_numbers(fakes)
        slots, exchanged = self._plan(batch)
        rows = tf.minimum(whole, tf.size(slots) - 1)
        earlier = tf.gather(tf.convert_to_tensor(self.stored), tf.gather(slots, rows))
        taken = tf.gather(exchanged, rows) & (whole < tf.size(slots))
        return tf.where(taken[:, tf.newaxis, tf.newaxis], earlier, fakes)

    def update(self, fakes: tf.Tensor, batch: trainable.Batch) -> None:
        """Keeps the translations that `query` took earlier ones for, or all at first.

        Args:
            fakes: As for `query`.
            batch: As for `query`.
        """
        whole = replicas.whole_batch(fakes)
        slots, exchanged = self._plan(batch)
        rows = tf.minimum(tf.shape(whole)[0], tf.size(slots))
        kept = tf.where(exchanged | self._filling())[:, 0]
        kept = tf.boolean_mask(kept, kept < tf.cast(rows, tf.int64))
        stored = tf.convert_to_tensor(self.stored)
        indices = tf.gather(slots, kept)[:, tf.newaxis]
        self.stored.assign(
            tf.tensor_scatter_nd_update(stored, indices, tf.gather(whole, kept))
        )
        self.count.assign_add(tf.cast(rows, tf.float32))

    def _filling(self) -> tf.Tensor:
        size = float(self.stored.shape[0])
        return tf.convert_to_tensor(self.count) < size

    def _plan(self, batch: trainable.Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws for the rows of the whole batch, up to as many as the pool holds.

        Returns:
            The slot of each row, no two the same, int32 `[size]`, and whether the row
            is exchanged for what is in it, bool `[size]`.
        """
        size = self.stored.shape[0]
        seed = tf.random.experimental.stateless_fold_in(batch["seed"], self.stream)
        drawn = tf.random.stateless_uniform([2, size], seed)
        count = tf.cast(tf.convert_to_tensor(self.count), tf.int32)
        filling = self._filling()
        slots = tf.where(filling, (count + tf.range(size)) % size, tf.argsort(drawn[0]))
        return slots, (drawn[1] < 0.5) & ~filling
