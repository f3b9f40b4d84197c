"""GAN losses of generator and discriminator: LSGAN, BCE, hinge and WGAN-GP.

Logits are a discriminator's outputs before any sigmoid, of any shape; every loss is
their mean.
"""

from collections.abc import Callable

import tensorflow as tf

OBJECTIVES = ("lsgan", "bce", "hinge", "wgan_gp")


def generator(objective: str, fake: tf.Tensor) -> tf.Tensor:
    """Loss of a generator, from the logits of a discriminator.

    Args:
        objective: "lsgan" (Mao et al. 2017), "bce" (Goodfellow et al. 2014, the
            non-saturating form), "hinge" (Lim and Ye 2017) or "wgan_gp" (Gulrajani et
            al. 2017).
        fake: Logits of generated examples.

    Returns:
        A scalar.
    """
    if objective == "lsgan":
        return tf.reduce_mean(tf.square(fake - 1.0))
    if objective == "bce":
        return tf.reduce_mean(tf.nn.softplus(-fake))
    return -tf.reduce_mean(fake)


def discriminator(objective: str, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Loss of a discriminator, without the gradient penalty of "wgan_gp".

    Args:
        objective: As for `generator`.
        real: Logits of real examples.
        fake: Logits of generated examples.

    Returns:
        A scalar: `of_real` and `of_fake`.
    """
    return of_real(objective, real) + of_fake(objective, fake)


def of_real(objective: str, real: tf.Tensor) -> tf.Tensor:
    """The part that real examples have; see `discriminator`."""
    if objective == "lsgan":
        return tf.reduce_mean(tf.square(real - 1.0))
    if objective == "bce":
        return tf.reduce_mean(tf.nn.softplus(-real))
    if objective == "hinge":
        return tf.reduce_mean(tf.nn.relu(1.0 - real))
    return -tf.reduce_mean(real)


def of_fake(objective: str, fake: tf.Tensor) -> tf.Tensor:
    """The part that generated examples have; see `discriminator`."""
    if objective == "lsgan":
        return tf.reduce_mean(tf.square(fake))
    if objective == "bce":
        return tf.reduce_mean(tf.nn.softplus(fake))
    if objective == "hinge":
        return tf.reduce_mean(tf.nn.relu(1.0 + fake))
    return tf.reduce_mean(fake)


def gradient_penalty(
    critic: Callable[[tf.Tensor], tf.Tensor],
    real: tf.Tensor,
    fake: tf.Tensor,
    share: tf.Tensor,
) -> tf.Tensor:
    """Mean squared distance from 1 of the gradient's norm (Gulrajani et al., eq. 3).

    Args:
        critic: The discriminator, from examples to logits.
        real: Real examples `[batch, ...]`, float32.
        fake: Generated examples of the same shape.
        share: How far each point lies from real to fake, in [0, 1], `[batch]`.

    Returns:
        A scalar, to be weighted (by 10 in the paper).
    """
    share = tf.reshape(share, [-1] + [1] * (real.shape.rank - 1))
    between = real + share * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        logits = tf.cast(critic(between), tf.float32)
    gradient = tape.gradient(logits, between)
    axes = list(range(1, real.shape.rank))
    norm = tf.sqrt(tf.reduce_sum(tf.square(gradient), axes) + 1e-12)
    return tf.reduce_mean(tf.square(norm - 1.0))
