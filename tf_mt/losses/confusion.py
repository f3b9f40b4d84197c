"""Adversarial losses of an encoder and a classifier of the domains of its codes."""

import tensorflow as tf


def classification(logits: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of a domain classifier, which it minimises.

    Args:
        logits: float32 `[batch, domains]`.
        domain: int32 `[batch]`.

    Returns:
        A scalar; ln(domains) if nothing is known.
    """
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=domain, logits=logits)
    )


def confusion(logits: tf.Tensor) -> tf.Tensor:
    """Cross-entropy to equal odds, which an encoder minimises.

    Bounded below by ln(domains), unlike the negated loss of the classifier.

    Args:
        logits: float32 `[batch, domains]`.

    Returns:
        A scalar.
    """
    return -tf.reduce_mean(tf.nn.log_softmax(logits))
