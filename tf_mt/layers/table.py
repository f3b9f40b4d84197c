"""A table of learned vectors, read by row number."""

import keras
import tensorflow as tf


class Table(keras.layers.Layer):
    """Learned vectors, one for each of a fixed number of rows.

    Only the rows that are asked for are read, and their gradient is sparse
    (`tf.IndexedSlices`), so that neither costs more in a larger table.

    Args:
        rows: How many vectors.
        features: Length of each.
        stddev: Standard deviation of the normal distribution that they begin from.
    """

    def __init__(self, rows: int, features: int, stddev: float = 0.05):
        super().__init__()
        self.vectors = self.add_weight(
            shape=(rows, features),
            initializer=keras.initializers.RandomNormal(stddev=stddev),
            dtype="float32",
            autocast=False,
            name="vectors",
        )
        self.built = True

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        """Returns float32 `[batch, features]` of int32 `[batch]`."""
        # Not `convert_to_tensor`, which would read, and after an update copy, it all.
        return tf.gather(self.vectors.value, rows)
