"""Loss terms of the VAE-GAN between domains, and the objectives of its adversaries.

Spectrograms and codes of a batch are stacks `[clips, domains, ...]`, or rows
`[clips * domains, ...]` of such a stack. A translation is the content of domain
`t - shift` generated in domain t.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from tf_mt.layers import spectrogram_vae, stacks
from tf_mt.losses import adversarial, confusion, reconstruction
from tf_mt.models import trainable

# Terms that need translations.
TRANSLATION_TERMS = ("adversarial", "cycle", "paired")


def latent(mean_code: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
    """Distance between the mean codes of domains.

    Args:
        mean_code: float32 `[domains, ...]`, means over the batch.
        shift: Which two domains are compared; int32 scalar.

    Returns:
        A scalar.
    """
    return reconstruction.l1(mean_code, tf.roll(mean_code, shift, axis=0))


def classifier_objective(
    classifier: keras.layers.Layer,
    code: tf.Tensor,
    domain: tf.Tensor,
    terms: dict[str, tf.Tensor],
) -> trainable.Objective:
    """Adds the term `confusion` of the encoder; returns the classifier's objective.

    Args:
        classifier: From rows of codes to logits `[rows, domains]`.
        code: float32 `[rows, ...]`.
        domain: int32 `[rows]`, of what the encoder hears; see `confusion`.
        terms: Those of the autoencoder, to be added to.

    Returns:
        The classifier's objective.
    """
    # One evaluation serves both: a part learns from its own objective only.
    logits = classifier(code)
    terms["confusion"] = confusion.confusion(logits)
    return trainable.Objective(
        ("classifier",), {"classifier": confusion.classification(logits, domain)}
    )


def cycle(
    encoder: keras.layers.Layer,
    generator: keras.layers.Layer,
    translated: tf.Tensor,
    truth: tf.Tensor,
    domain: tf.Tensor,
    shift: tf.Tensor,
    with_noise: Callable[[tf.Tensor], tf.Tensor],
) -> tuple[tf.Tensor, tf.Tensor]:
    """Translates translations back to the domain that they come from.

    Args:
        encoder: From rows of log-mel spectrograms to rows of codes.
        generator: From such rows and their domains to log-mel spectrograms.
        translated: Log-mel spectrograms of translations, rows.
        truth: Log-mel spectrograms of the batch, a stack.
        domain: int32 `[rows]`.
        shift: Of the translations; int32 scalar.
        with_noise: Adds the noise of training to a stack of codes.

    Returns:
        Two scalars: the distance of what comes back from `truth`, and the KL term of
        the codes of the translations.
    """
    mean = stacks.split(encoder(translated), truth)
    code = tf.roll(with_noise(mean), -shift, axis=1)
    returned = generator(stacks.merge(code), domain)
    return reconstruction.l1(returned, stacks.merge(truth)), kl(mean)


def kl(mean: tf.Tensor) -> tf.Tensor:
    """Divergence of codes of unit variance from the standard normal, times two."""
    return tf.reduce_mean(tf.square(mean))


def discriminator_objective(
    discriminators: list[spectrogram_vae.Discriminator],
    form: str,
    translated: tf.Tensor,
    real: tf.Tensor,
    domain: tf.Tensor,
    share: tf.Tensor,
    terms: dict[str, tf.Tensor],
) -> trainable.Objective:
    """Adds the term `adversarial` of the generators; returns the discriminators'.

    Args:
        discriminators: One for each domain.
        form: The adversarial loss, of `adversarial.OBJECTIVES`.
        translated: Log-mel spectrograms of translations, rows.
        real: Those of the batch, rows of the same domains.
        domain: int32 `[rows]`.
        share: Where on the way from real to translated the gradient penalty of
            "wgan_gp" is taken, in [0, 1], float32 `[rows]`.
        terms: Those of the autoencoder, to be added to.

    Returns:
        The objective of the discriminators.
    """

    def logits(clips: tf.Tensor) -> tf.Tensor:
        return spectrogram_vae.routed(discriminators, clips, domain)

    # One evaluation serves both: a part learns from its own objective only.
    of_translated = logits(translated)
    terms["adversarial"] = adversarial.generator(form, of_translated)
    own = {
        "discriminator": adversarial.discriminator(form, logits(real), of_translated)
    }
    if form == "wgan_gp":
        own["gradient_penalty"] = adversarial.gradient_penalty(
            logits, real, tf.stop_gradient(translated), share
        )
    return trainable.Objective(("discriminators",), own)
