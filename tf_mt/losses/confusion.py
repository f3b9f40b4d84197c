"""Domain confusion: losses of a domain classifier and of the encoder against it."""

import tensorflow as tf


def classification(logits: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of a domain classifier, which it minimises.

    Args:
        logits: float32 `[batch, domains]`.
        domain: int32 `[batch]`; rows of a negative one are of none, and count as
            without loss.

    Returns:
        A scalar; ln(domains) if nothing is known and all rows are of a domain.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=tf.maximum(domain, 0), logits=logits
    )
    return tf.reduce_mean(tf.where(domain >= 0, losses, 0.0))


def confusion(logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy to equal odds, which an encoder minimises.

    Bounded below by ln(domains), unlike the negated loss of the classifier.

    Args:
        logits: float32 `[batch, domains]`.

    Returns:
        A scalar.
    """
    return -tf.reduce_mean(tf.nn.log_softmax(logits))
