"""Random draws and statistics of a whole batch, whatever number of replicas share it.

Called in a replica's context, on that replica's rows of the batch.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf


def row_numbers(like: tf.Tensor) -> tf.Tensor:
    """Numbers this replica's rows as those of the whole batch.

    Args:
        like: Tensor `[batch, ...]`.

    Returns:
        int32 `[batch]`.
    """
    rows = tf.shape(like)[0]
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return rows * replica + tf.range(rows)


def normal(like: tf.Tensor, batch: Mapping[str, tf.Tensor], stream: int) -> tf.Tensor:
    """Draws standard normal noise that does not depend on the replicas' number.

    Args:
        like: Tensor `[batch, ...]` whose shape the noise has.
        batch: The replica's batch; gives the step's seed.
        stream: Tells draws of the same step apart.

    Returns:
        float32, of the shape of `like`: this replica's rows of one draw for the
        whole batch.
    """
    drawn = _drawn(tf.random.stateless_normal, tf.shape(like), batch, stream)
    return tf.ensure_shape(drawn, like.shape)


def example_seeds(
    like: tf.Tensor, batch: Mapping[str, tf.Tensor], stream: int
) -> tf.Tensor:
    """Draws a seed for each example that does not depend on the replicas' number.

    Args:
        like: Tensor `[batch, ...]`.
        batch: The replica's batch; gives the step's seed.
        stream: Tells draws of the same step apart.

    Returns:
        int32 `[batch, 2]`.
    """

    def bits(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, seed, None, None, tf.int32)

    return _drawn(bits, tf.stack([tf.shape(like)[0], 2]), batch, stream)


def batch_mean(values: tf.Tensor) -> tf.Tensor:
    """Averages `[batch, ...]` over the batches of all replicas."""
    replicas = tf.distribute.get_replica_context()
    mean = tf.reduce_mean(values, axis=0)
    return replicas.all_reduce(tf.distribute.ReduceOp.MEAN, mean)


def batch_sum(values: tf.Tensor) -> tf.Tensor:
    """Sums `[batch, ...]` over the batches of all replicas."""
    replicas = tf.distribute.get_replica_context()
    total = tf.reduce_sum(values, axis=0)
    return replicas.all_reduce(tf.distribute.ReduceOp.SUM, total)


def whole_batch(values: tf.Tensor) -> tf.Tensor:
    """Gathers `[batch, ...]` of all replicas, in the order of the whole batch."""
    return tf.distribute.get_replica_context().all_gather(values, axis=0)


def _drawn(
    draw: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    shape: tf.Tensor,
    batch: Mapping[str, tf.Tensor],
    stream: int,
) -> tf.Tensor:
    """Draws `shape`: this replica's rows of one draw for the whole batch."""
    replicas = tf.distribute.get_replica_context()
    rows = shape[0]
    whole = tf.concat([[rows * replicas.num_replicas_in_sync], shape[1:]], axis=0)
    seed = tf.random.experimental.stateless_fold_in(batch["seed"], stream)
    first = rows * replicas.replica_id_in_sync_group
    return draw(whole, seed)[first : first + rows]
