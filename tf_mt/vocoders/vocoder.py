"""A trained inverse of log-mel spectrograms."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_mt import config, dataset
from tf_mt.audio import mel, stft
from tf_mt.layers import spectrogram, synthesis, vocoder
from tf_mt.losses import adversarial, reconstruction, spectra
from tf_mt.models import trainable

# Griffin-Lim's, which make the integrated phase agree with all magnitudes.
ITERATIONS = 4


class Vocoder(trainable.Trainable):
    """Finds the magnitudes of a log-mel spectrogram; their phase is integrated.

    In the manner of Vocos (Siuzdak 2023): a network at frame rate and an inverse STFT.
    Its network says magnitudes only. A phase that agrees with them follows from them
    (`tf_mt.audio.pghi`), or is that of a translation's source, so that there is none to
    be learned, which takes Vocos days on a GPU.

    Args:
        hparams: Its configuration.
        front: What the spectrograms are of.
        info: The dataset that it is trained on.
    """

    terms = (
        "magnitude",
        "convergence",
        "mel",
        "adversarial",
        "discriminator",
    )
    batches = "mixed"

    def __init__(
        self,
        hparams: config.Config,
        front: spectrogram.LogMel,
        info: dataset.DatasetInfo,
    ):
        super().__init__(hparams, info)
        self.front = front
        self.clip_samples = hparams.clip_frames * front.hop
        # Checkpoints name variables by these attributes and their order.
        self.network = vocoder.MagnitudeNetwork(
            front, hparams.channels, hparams.blocks, hparams.expansion, hparams.kernel
        )
        generated = self.network(tf.zeros([1, 1, front.settings["bands"]]))
        self.has_discriminator = bool(hparams.weights["adversarial"])
        if self.has_discriminator:
            self.discriminator = vocoder.MagnitudeDiscriminator(
                hparams.discriminator_channels
            )
            self.discriminator(generated)
        self.built = True

    def magnitudes(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Gives the magnitudes of `[batch, frames, bands]`: `synthesis.Magnitudes`."""
        return tf.exp(self.network(log_mel))

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """The network, and the discriminator if its term has a weight."""
        parts = {"network": [self.network]}
        if self.has_discriminator:
            parts["discriminator"] = [self.discriminator]
        return parts

    def objectives(
        self, batch: trainable.Batch, training: bool
    ) -> list[trainable.Objective]:
        """The losses of the network, and that of its discriminator.

        What augmentation makes of a clip is what is to be resynthesised.
        """
        sizes, audio = self.front.framing, batch.get("encoder_audio", batch["audio"])
        truth = tf.abs(stft.analyse(stft.to_blocks(audio, sizes), sizes))
        log_mel = mel.to_log(mel.from_magnitude(truth, self.front.matrix))
        log_magnitude = self.network(log_mel)
        magnitude = tf.exp(log_magnitude)
        found = mel.to_log(mel.from_magnitude(magnitude, self.front.matrix))
        terms = {
            "magnitude": spectra.log_distance(magnitude, truth),
            "convergence": spectra.convergence(magnitude, truth),
            "mel": reconstruction.l1(found, log_mel),
        }
        own = [trainable.Objective(("network",), terms)]
        if self.has_discriminator:
            real = tf.math.log(tf.maximum(truth, spectra.FLOOR))
            own.append(self._adversaries(log_magnitude, real, terms))
        return own

    def _adversaries(
        self, found: tf.Tensor, real: tf.Tensor, terms: dict[str, tf.Tensor]
    ) -> trainable.Objective:
        """Adds the term `adversarial`; returns the discriminator's objective."""
        found = tf.maximum(found, tf.math.log(spectra.FLOOR))
        terms["adversarial"] = adversarial.generator("lsgan", self.discriminator(found))
        loss = adversarial.discriminator(
            "lsgan",
            self.discriminator(real),
            self.discriminator(tf.stop_gradient(found)),
        )
        return trainable.Objective(("discriminator",), {"discriminator": loss})

    def sounds(self, batch: trainable.Batch) -> dict[str, dict[str, tf.Tensor]]:
        """Clips of the first domains, as they are and resynthesised."""
        audio = batch["audio"][0, : trainable.LOGGED_CLIPS]
        made = self.resynthesise(audio)
        names = self.info.domains[: trainable.LOGGED_CLIPS]
        return {
            name: {"truth": audio[row], "resynthesis": made[row]}
            for row, name in enumerate(names)
        }

    def resynthesise(self, audio: tf.Tensor) -> tf.Tensor:
        """Takes clips apart and puts them together.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1]; samples is a multiple of the
                front's hop.

        Returns:
            float32 of the same shape, with an integrated phase.
        """
        made = synthesis.Pghi(self.front, ITERATIONS, self.magnitudes)
        return made.synthesise(self.front.log_mel(audio), None)
