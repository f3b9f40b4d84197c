"""Reconstruction losses of spectrograms."""

import tensorflow as tf


def l1(estimate: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
    """Mean absolute difference of two tensors of one shape."""
    return tf.reduce_mean(tf.abs(estimate - truth))
