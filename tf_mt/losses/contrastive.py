"""InfoNCE (contrastive predictive coding), with negatives of the same clip."""

from collections.abc import Sequence

import tensorflow as tf


def info_nce(
    latents: tf.Tensor,
    predictions: Sequence[tf.Tensor],
    start: tf.Tensor,
    negatives: tf.Tensor,
) -> tf.Tensor:
    """Mean over steps ahead, draws and clips of the loss of picking the right frame.

    Van den Oord et al. 2018, equation 4, as in the CPC paper's Algorithm 1: scores are
    dot products, and the wrong frames are of the same clip.

    Args:
        latents: float32 `[batch, frames, channels]`.
        predictions: For each step ahead, from 1 on, what the context at `start` says of
            it: float32 `[batch, channels]`.
        start: int32 `[batch]`; `start + len(predictions)` is a frame.
        negatives: int32 `[batch, steps ahead, draws, wrong ones]` in [0, frames - 1);
            numbers of frames, counted without the right one.

    Returns:
        A scalar; about ln(wrong ones + 1) if nothing is known.
    """
    losses = []
    for step, prediction in enumerate(predictions):
        right = start + step + 1
        drawn = negatives[:, step]
        wrong = drawn + tf.cast(drawn >= right[:, tf.newaxis, tf.newaxis], tf.int32)
        scores = tf.einsum("bfc,bc->bf", latents, prediction)
        positive = tf.gather(scores, right[:, tf.newaxis], batch_dims=1)
        positive = tf.broadcast_to(
            positive[:, tf.newaxis], tf.concat([tf.shape(wrong)[:2], [1]], axis=0)
        )
        logits = tf.concat([positive, tf.gather(scores, wrong, batch_dims=1)], axis=-1)
        losses.append(-tf.reduce_mean(tf.nn.log_softmax(logits)[..., 0]))
    return tf.add_n(losses) / len(losses)
