"""Transfer by optimising a waveform until its features have a style's Gram matrices.

Gatys et al. 2016, on the features of the VQ-VAE's encoders: the content recording is
changed by L-BFGS, not a network.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from scipy import optimize

from tf_mt.models.vqvae import model as vqvae

# Corrections that L-BFGS remembers.
_CORRECTIONS = 10
# It ends where an iteration gains less than so many rounding errors.
_TOLERANCE = 1e3

# From features `[frames, channels]` of the estimate and of the style to a distance.
Gram = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def time_averaged(features: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """Squared difference of Gram matrices that are means over frames.

    Args:
        features: float32 `[frames, channels]`.
        style: `[other frames, channels]`.

    Returns:
        `|G - G_style|**2 / channels**2`, a scalar.
    """
    grams = [
        tf.matmul(x, x, transpose_a=True) / tf.cast(tf.shape(x)[0], tf.float32)
        for x in (features, style)
    ]
    return tf.reduce_mean(tf.square(grams[0] - grams[1]))


def per_frame(features: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """Mean over frames of the squared difference of their outer products.

    Eq. 7 and 8 of the paper as printed: the clips are compared frame by frame, so that
    they have to be aligned; the longer one is cut off.

    Args:
        features: float32 `[frames, channels]`.
        style: `[other frames, channels]`.

    Returns:
        The mean of `|h h^T - g g^T|**2 / channels**2`, a scalar.
    """
    frames = tf.minimum(tf.shape(features)[0], tf.shape(style)[0])
    h, g = features[:frames], style[:frames]
    own, others, mixed = (
        tf.reduce_sum(a * b, axis=1) for a, b in ((h, h), (g, g), (h, g))
    )
    difference = tf.square(own) + tf.square(others) - 2.0 * tf.square(mixed)
    return tf.reduce_mean(difference) / float(features.shape[-1]) ** 2


GRAMS: dict[str, Gram] = {"time_averaged": time_averaged, "per_frame": per_frame}


def optimise(
    model: vqvae.VqVae,
    content: np.ndarray,
    style: np.ndarray,
    levels: Sequence[int],
    gram: Gram,
    content_weight: float,
    iterations: int,
    after_each: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Changes a recording until its features have the Gram matrices of a style.

    Args:
        model: Its encoders give the features, before they are quantised.
        content: What is begun with, float32 `[samples]` at the model's rate.
        style: float32 `[other samples]`.
        levels: Numbers of the levels whose features count.
        gram: One of `GRAMS`.
        content_weight: Weight of the mean squared difference of the features from
            those of `content`.
        iterations: The most iterations of L-BFGS.
        after_each: Called after each of them.

    Returns:
        float32 `[samples]` in [-1, 1], of zero mean and as loud as `content`.
    """

    def features(audio: tf.Tensor) -> list[tf.Tensor]:
        padded = model.padded(audio[tf.newaxis])
        return [model.features(padded, level)[0] for level in levels]

    wanted = features(tf.constant(style, tf.float32))
    begun = features(tf.constant(content, tf.float32))

    @tf.function
    def loss_and_gradient(audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(audio)
            loss = tf.constant(0.0)
            for found, target, first in zip(
                features(audio), wanted, begun, strict=True
            ):
                kept = tf.reduce_mean(tf.square(found - first))
                loss += gram(found, target) + content_weight * kept
        return loss, tape.gradient(loss, audio)

    begins = float(loss_and_gradient(tf.constant(content, tf.float32))[0])
    # L-BFGS stops where a loss falls by little in comparison with one.
    scale = 1.0 / begins if begins else 0.0

    def evaluated(audio: np.ndarray) -> tuple[float, np.ndarray]:
        loss, gradient = loss_and_gradient(tf.constant(audio, tf.float32))
        return scale * float(loss), scale * gradient.numpy().astype(np.float64)

    found, _, _ = optimize.fmin_l_bfgs_b(
        evaluated,
        content.astype(np.float64),
        m=_CORRECTIONS,
        maxiter=iterations,
        factr=_TOLERANCE,
        pgtol=0.0,
        callback=lambda _: after_each(),
    )
    power = model.loudness.power(tf.constant(content[np.newaxis], tf.float32))
    estimate = tf.constant(found[np.newaxis] - np.mean(found), tf.float32)
    matched = model.loudness.matched(estimate, power)
    return tf.clip_by_value(matched, -1.0, 1.0)[0].numpy()
