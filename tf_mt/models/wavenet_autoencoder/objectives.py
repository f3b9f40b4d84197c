"""Loss terms of the WaveNet autoencoders, and the objective of the classifier.

Codes and spectrograms of a batch are stacks `[batch, domains, ...]`. With pairs, the
decoders of odd rows are given the content of another domain at the same time.
"""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from tf_mt.layers import spectrogram
from tf_mt.losses import confusion, cross_entropy, reconstruction
from tf_mt.models import trainable


def exchange(
    code: tf.Tensor, odd: tf.Tensor, domains: int, seed: tf.Tensor
) -> tf.Tensor:
    """Gives odd rows the codes of other domains.

    Args:
        code: float32 `[batch, domains, frames, latent]`.
        odd: bool `[batch]`.
        domains: How many the model has; the domains are shifted by 1 to one less.
        seed: Of the batch; int32 `[2]`.

    Returns:
        float32 of the same shape.
    """
    shift = tf.random.stateless_uniform([], seed, 1, max(2, domains), tf.int32)
    return tf.where(
        odd[:, tf.newaxis, tf.newaxis, tf.newaxis], tf.roll(code, shift, axis=1), code
    )


def prediction(
    decoders: Sequence[keras.layers.Layer],
    signal: tf.Tensor,
    content: tf.Tensor,
    codes: tf.Tensor,
) -> tf.Tensor:
    """Cross-entropy of every decoder on the clips of its own domain.

    Args:
        decoders: Those of the domains of the batch, in their order.
        signal: Input samples of the decoders, float32 `[batch, domains, samples]`.
        content: Codes of the encoder, float32 `[batch, domains, frames, latent]`.
        codes: Mu-law codes to predict, int32 `[batch, domains, samples]`.

    Returns:
        float32 `[batch]`, means over domains and samples.
    """
    losses = []
    for place, decoder in enumerate(decoders):
        logits = decoder(signal[:, place, :, tf.newaxis], content[:, place])
        losses.append(cross_entropy.cross_entropy(logits, codes[:, place]))
    return tf.add_n(losses) / len(losses)


def prediction_terms(by_row: tf.Tensor, odd: tf.Tensor | None) -> dict[str, tf.Tensor]:
    """Means of what `prediction` gives; with pairs, of even and of odd rows.

    Args:
        by_row: float32 `[batch]`.
        odd: bool `[batch]`; None without pairs.

    Returns:
        The term `reconstruction`, and with pairs `paired`.
    """
    if odd is None:
        return {"reconstruction": tf.reduce_mean(by_row)}
    # Sums over half of the rows, however they fall on the replicas.
    return {
        "reconstruction": 2.0 * tf.reduce_mean(tf.where(odd, 0.0, by_row)),
        "paired": 2.0 * tf.reduce_mean(tf.where(odd, by_row, 0.0)),
    }


def after_pretraining(
    predict: Callable[[], dict[str, tf.Tensor]],
    names: Sequence[str],
    step: tf.Tensor,
    pretraining_steps: int,
) -> dict[str, tf.Tensor]:
    """The terms of `predict`, which have these names; zeros in the first steps."""
    return tf.cond(
        step < pretraining_steps,
        lambda: dict.fromkeys(names, tf.zeros([])),
        predict,
    )


def spectrum(
    heads: Sequence[keras.layers.Layer],
    front: spectrogram.LogMel,
    audio: tf.Tensor,
    content: tf.Tensor,
) -> tf.Tensor:
    """L1 distance of the log-mels that the heads predict from those of the targets.

    Args:
        heads: Those of the domains of the batch, in their order.
        front: Whose frames are those of the code.
        audio: Targets, float32 `[batch, domains, samples]`.
        content: float32 `[batch, domains, frames, latent]`.

    Returns:
        A scalar.
    """
    losses = [
        reconstruction.l1(head(content[:, place]), front.log_mel(audio[:, place]))
        for place, head in enumerate(heads)
    ]
    return tf.add_n(losses) / len(losses)


def classifier_objective(
    classifier: keras.layers.Layer,
    form: str,
    code: tf.Tensor,
    domain: tf.Tensor,
    terms: dict[str, tf.Tensor],
) -> trainable.Objective:
    """Adds the term `confusion` of the encoder; returns the classifier's objective.

    Args:
        classifier: From rows of codes to logits `[rows, domains]`.
        form: The loss of the encoder, of `configuration.CONFUSIONS`.
        code: float32 `[rows, frames, latent]`.
        domain: int32 `[rows]`, of what the encoder hears; see `confusion`.
        terms: Those of the autoencoder, to be added to.

    Returns:
        The classifier's objective.
    """
    # One evaluation serves both: a part learns from its own objective only.
    logits = classifier(code)
    if form == "uniform":
        terms["confusion"] = confusion.confusion(logits)
    else:
        terms["confusion"] = -confusion.classification(logits, domain)
    return trainable.Objective(
        ("classifier",), {"classifier": confusion.classification(logits, domain)}
    )
