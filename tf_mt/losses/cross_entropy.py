"""How well the codes of samples are predicted."""

import tensorflow as tf


def cross_entropy(logits: tf.Tensor, codes: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy of classes, in nats.

    Args:
        logits: float32 `[..., classes]`.
        codes: int32 `[...]`, the right classes.

    Returns:
        A scalar; ln(classes) if nothing is known.
    """
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=codes, logits=logits)
    )
