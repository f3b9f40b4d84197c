"""Merges the two leading axes of a tensor into one, and splits them again."""

import tensorflow as tf


def merge(stacked: tf.Tensor) -> tf.Tensor:
    """Merges the first two axes: `[a, b, ...]` to `[a * b, ...]`."""
    merged = tf.reshape(stacked, tf.concat([[-1], tf.shape(stacked)[2:]], axis=0))
    return tf.ensure_shape(merged, [None, *stacked.shape[2:]])


def split(rows: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Splits the first axis into the first two of `like`: the inverse of `merge`."""
    shape = tf.concat([tf.shape(like)[:2], tf.shape(rows)[1:]], axis=0)
    return tf.ensure_shape(tf.reshape(rows, shape), [*like.shape[:2], *rows.shape[1:]])
