"""Cross-entropy of predicted sample codes."""

import tensorflow as tf


def cross_entropy(logits: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy of the classes of each clip, in nats.

    Args:
        logits: float32 `[batch, samples, classes]`.
        codes: int32 `[batch, samples]`, the right classes.

    Returns:
        float32 `[batch]`; ln(classes) if nothing is known.
    """
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=codes, logits=logits),
        axis=1,
    )
