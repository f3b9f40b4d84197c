"""The second stage of LORD: encoders that give the codes of the first.

Gabbay and Hoshen 2020, section 3.3: encoders of content and of class learn to give the
codes that the first stage found for its clips, and the generator goes on learning, from
what the encoders give. A discriminator (WGAN-GP, with GANSynth's network) makes what it
generates sharper, and averaged weights of the generator translate.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_mt import config, dataset
from tf_mt.layers import frame_windows, gansynth, stacks
from tf_mt.losses import adversarial
from tf_mt.models import averages, optimization, replicas, trainable, translator
from tf_mt.models.lord import configuration, model, network

# Of GANSynth (Engel et al. 2019, appendix): the decays of the discriminator's Adam, and
# the frames and bands that its last block sees.
_BETA_1, _BETA_2 = 0.0, 0.99
_START = 4
_FORM = "wgan_gp"
_SHARE = 0


class LordAmortised(model.Lord):
    """Encoders, generator and discriminator.

    Args:
        hparams: Its configuration.
        info: The dataset that it is trained on.
    """

    capabilities = frozenset(translator.CAPABILITIES)
    begins_from = "lord"
    terms = (
        "mel",
        "l22",
        "vgg",
        "rho",
        "content_code",
        "class_code",
        "adversarial",
        "discriminator",
        "gradient_penalty",
        "drift",
    )

    def __init__(
        self, hparams: configuration.AmortisedConfig, info: dataset.DatasetInfo
    ):
        super().__init__(hparams, info)
        self.reference_samples = 4 * self.clip_samples
        # Checkpoints name variables by these attributes and their order.
        self.content_encoder = network.content_encoder(hparams)
        self.class_encoder = network.class_encoder(hparams)
        clip = tf.zeros([1, hparams.clip_frames, hparams.bands])
        self.content_encoder(clip)
        self.class_encoder(clip)
        if self.hparams.weights["adversarial"]:
            self.discriminator = discriminator(hparams)
            self.discriminator.build(clip.shape)
        self.averages = averages.Averages(
            self, self.generator.trainable_variables, hparams.average
        )

    def make_codes(self) -> None:
        """Makes room for the codes of the first stage, which no longer change."""
        super().make_codes()
        for layer in (self.contents, self.classes):
            layer.trainable = False

    def initialise_from(self, other: translator.Translator) -> None:
        """Takes over the codes and the generator of a first stage.

        See `Translator.initialise_from`.
        """
        if type(other) is not model.Lord:
            return super().initialise_from(other)
        if other.info.domains != self.info.domains:
            raise ValueError(
                f"init_from: the domains there, {', '.join(other.info.domains)}, must "
                f"be those of this dataset, {', '.join(self.info.domains)}."
            )
        for name in ("generator", "contents", "classes"):
            ours, theirs = getattr(self, name).weights, getattr(other, name).weights
            if [v.shape for v in ours] != [v.shape for v in theirs]:
                raise ValueError(
                    f"init_from: the {name} there have other sizes; give the same "
                    "dataset and the same values for its network."
                )
            for own, its in zip(ours, theirs, strict=True):
                own.assign(its)
        self.averages.begin()

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """Encoders, generator, and the discriminator if its term has a weight."""
        parts = {
            "encoders": [self.content_encoder, self.class_encoder],
            "generator": [self.generator],
        }
        if self.hparams.weights["adversarial"]:
            parts["discriminator"] = [self.discriminator]
        return parts

    def make_optimizers(
        self, training: config.Training
    ) -> dict[str, keras.optimizers.Optimizer]:
        """Adam with cosine schedules; the discriminator's as GANSynth's."""
        made = {}
        for part in self.parts():
            schedule = optimization.CosineSchedule(training, 1.0, model.LAST_RATE)
            decays = (training.beta_1, 0.999)
            if part == "discriminator":
                decays = (_BETA_1, _BETA_2)
            made[part] = keras.optimizers.Adam(schedule, *decays)
        return made

    def objectives(
        self, batch: trainable.Batch, training: bool
    ) -> list[trainable.Objective]:
        """The losses of encoders and generator, and those of the discriminator."""
        truth = self.front.log_mel(batch["audio"])
        heard = self.front.log_mel(batch.get("encoder_audio", batch["audio"]))
        content, of_class = self.content_encoder(heard), self.class_encoder(heard)
        generated = self.generator(content, of_class)
        targets = self.content_of_clips(batch["clip"]), self.classes(batch["domain"])
        # Clips of the validation split have no code.
        known = tf.cast(batch["clip"] >= 0, tf.float32)
        error = tf.reduce_mean(tf.square(content - targets[0]), axis=(1, 2))
        terms = self.reconstruction_terms(generated, truth) | {
            "content_code": tf.reduce_mean(error * known),
            "class_code": tf.reduce_mean(tf.square(of_class - targets[1])),
        }
        learning = ("encoders", "generator")
        if not self.hparams.weights["adversarial"]:
            return [trainable.Objective(learning, terms, self.averages.update)]
        of_generated = self.discriminator(generated)
        terms["adversarial"] = adversarial.generator(_FORM, of_generated)
        return [
            trainable.Objective(learning, terms, self.averages.update),
            self._of_discriminator(truth, tf.stop_gradient(generated), batch),
        ]

    def _of_discriminator(
        self, truth: tf.Tensor, generated: tf.Tensor, batch: trainable.Batch
    ) -> trainable.Objective:
        of_real = self.discriminator(truth)
        of_generated = self.discriminator(generated)
        share = tf.math.sigmoid(2.0 * replicas.normal(truth[:, 0, 0], batch, _SHARE))
        terms = {
            "discriminator": adversarial.discriminator(_FORM, of_real, of_generated),
            "gradient_penalty": adversarial.gradient_penalty(
                self.discriminator, truth, generated, share
            ),
            "drift": tf.reduce_mean(tf.square(of_real)),
        }
        return trainable.Objective(("discriminator",), terms)

    def encode_windows(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Content codes of log-mel spectrograms as long as a training clip."""
        return self.content_encoder(log_mel)

    def timbre_of(self, reference: tf.Tensor) -> tf.Tensor:
        """The mean class code of the windows of each reference."""
        windows = frame_windows.cut(
            self.front.log_mel(reference), self.hparams.clip_frames, -1.0
        )
        codes = self.class_encoder(stacks.merge(windows))
        return tf.reduce_mean(stacks.split(codes, windows), axis=1)

    def generate(self, code: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Generates log-mel spectrograms, with the averaged weights."""
        with self.averages.applied():
            return self.generator(code, timbre)


def discriminator(hparams: configuration.AmortisedConfig) -> gansynth.Discriminator:
    """Makes the discriminator, with as many halvings as lead to 4 frames or bands."""
    shorter = min(hparams.clip_frames, hparams.bands)
    halvings = (shorter // _START).bit_length() - 1
    start = hparams.clip_frames >> halvings, hparams.bands >> halvings
    most = hparams.discriminator_channels
    return gansynth.Discriminator(
        halvings + 1, 16 * most, most, start, replicas.batch_mean
    )
