"""The first stage of LORD behind the contract of `Translator`.

Latent optimisation (Gabbay and Hoshen 2020, "Demystifying Inter-Class Disentanglement")
on log-mel spectrograms: a content code for each training clip and a class code for each
domain are learned together with a generator. Noise and decay keep a content code from
holding what the class code can say. The generator is AdaIN-VC's, or LORD's own.
"""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from tf_mt import config, dataset
from tf_mt.layers import adain_vc, frame_windows, spectrogram, stacks, synthesis, table
from tf_mt.losses import reconstruction
from tf_mt.models import optimization, replicas, trainable, translator
from tf_mt.models.lord import configuration, inversion, network, perceptual
from tf_mt.models.vae_gan import decoding

# Where the steps end, as a share of where they begin: 3e-4 and 1e-5 in published code.
LAST_RATE = 1 / 30
_NOISE = 0


class Lord(translator.Translator):
    """Content codes, class codes and a generator.

    A clip that it was not trained on has no code; `encode` finds one by descent.

    Args:
        hparams: Its configuration.
        info: The dataset that it is trained on.
    """

    capabilities = frozenset({translator.DOMAINS, translator.POOLED_CONTENT})
    batches = "indexed"
    terms = ("mel", "l22", "vgg", "rho", "content_decay")

    def __init__(self, hparams: configuration.Config, info: dataset.DatasetInfo):
        super().__init__(hparams, info)
        self.hop_samples = hparams.hop
        self.clip_samples = hparams.clip_frames * hparams.hop
        self.window_samples = 4 * self.clip_samples
        self.overlap_samples = self.clip_samples
        self.front = spectrogram.LogMel(
            info.sample_rate_hz,
            hparams.n_fft,
            hparams.hop,
            hparams.bands,
            0.0,
            hparams.stft_window,
        )
        self.synthesis: synthesis.Synthesis = synthesis.SYNTHESES[hparams.phase](
            self.front, hparams.griffin_lim_iterations
        )
        self.perceptual: perceptual.Networks | None = None
        # Checkpoints name variables by these attributes and their order.
        self.generator = network.generator(hparams)
        self.make_codes()
        self.generator(tf.zeros([1, *self.code_shape]), tf.zeros([1, self.class_size]))
        self.built = True

    @property
    def code_shape(self) -> tuple[int, int]:
        """Frames and channels of the content code of a training clip."""
        return self.hparams.code_frames, self.hparams.content_channels

    @property
    def class_size(self) -> int:
        """Length of a class code."""
        return self.hparams.class_size

    def make_codes(self) -> None:
        """Makes the codes of the training clips and of the domains."""
        frames, channels = self.code_shape
        rows = max(1, self.info.indexed_clips)
        self.contents = table.Table(rows, frames * channels)
        self.classes = table.Table(len(self.info.domains), self.class_size)

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """The codes, and the generator."""
        return {"codes": [self.contents, self.classes], "generator": [self.generator]}

    def make_optimizers(
        self, training: config.Training
    ) -> dict[str, keras.optimizers.Optimizer]:
        """Adam with cosine schedules; codes take longer steps, rows of a batch only."""

        def schedule(scale: float) -> optimization.CosineSchedule:
            return optimization.CosineSchedule(training, scale, LAST_RATE)

        return {
            "codes": optimization.RowAdam(
                schedule(self.hparams.table_rate), beta_1=training.beta_1
            ),
            "generator": keras.optimizers.Adam(schedule(1.0), beta_1=training.beta_1),
        }

    def compile(
        self,
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        clip_norm: float = 0.0,
    ) -> None:
        """See `Trainable.compile`; makes the networks of the perceptual terms ready.

        Raises:
            ValueError: One of them cannot be had, see `perceptual.Networks`.
            FileNotFoundError: A file of one is not there.
        """
        super().compile(optimizers, clip_norm)
        self.perceptual = perceptual.Networks(self.hparams, self.front)

    def objectives(
        self, batch: trainable.Batch, training: bool
    ) -> list[trainable.Objective]:
        """Reconstruction from the codes, and the decay of content codes (eq. 2)."""
        truth = self.front.log_mel(batch["audio"])
        code = self.content_of_clips(batch["clip"])
        if not training:
            # Clips of the validation split have no code.
            heard = self.front.log_mel(batch.get("encoder_audio", batch["audio"]))
            found = self.encode_windows(heard)
            code = tf.where(
                (batch["clip"] >= 0)[:, tf.newaxis, tf.newaxis], code, found
            )
        decay = tf.reduce_mean(tf.reduce_sum(tf.square(code), axis=(1, 2)))
        if training and self.hparams.noise:
            code += self.hparams.noise * replicas.normal(code, batch, _NOISE)
        generated = self.generator(code, self.classes(batch["domain"]))
        terms = self.reconstruction_terms(generated, truth) | {"content_decay": decay}
        return [trainable.Objective(tuple(self.parts()), terms)]

    def reconstruction_terms(
        self, generated: tf.Tensor, truth: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        """The terms that hold log-mel spectrograms `[batch, frames, bands]` together.

        The perceptual ones are there once the model is compiled.
        """
        terms = {
            "mel": reconstruction.l1(generated, truth),
            "l22": tf.reduce_mean(tf.square(generated - truth)),
        }
        if self.perceptual is not None:
            terms |= self.perceptual.terms(generated, truth)
        return terms

    def content_of_clips(self, rows: tf.Tensor) -> tf.Tensor:
        """Content codes of training clips; of the first one where there is no row."""
        codes = self.contents(tf.maximum(rows, 0))
        return tf.reshape(codes, [-1, *self.code_shape])

    def encode_windows(self, log_mel: tf.Tensor) -> tf.Tensor:
        """Content codes of log-mel spectrograms as long as a training clip."""
        return inversion.find(
            self.generator,
            self.class_codes(),
            log_mel,
            self.code_shape,
            self.hparams.code_iterations,
        )

    def class_codes(self) -> tf.Tensor:
        """The class codes of all domains, float32 `[domains, size]`."""
        return self.timbre(tf.range(len(self.info.domains)))

    def encode(self, audio: tf.Tensor) -> decoding.Content:
        """Gives the content codes of windows that overlap by half, and the phase."""
        log_mel, phase = self.front.analyse(audio)
        code = decoding.encode(self.encode_windows, log_mel, self.hparams.clip_frames)
        return decoding.Content(code, phase)

    def timbre(self, domain: tf.Tensor) -> tf.Tensor:
        """Returns the class codes of domains."""
        return self.classes(domain)

    def decode(self, content: decoding.Content, timbre: tf.Tensor) -> tf.Tensor:
        """Generates window by window, cross-fades, and inverts the spectrogram."""
        code = content.code
        repeated = tf.repeat(timbre, tf.shape(code)[1], axis=0)
        generated = self.generate(stacks.merge(code), repeated)
        frames = tf.shape(content.phase)[1]
        log_mel = frame_windows.join(stacks.split(generated, code), frames)
        return self.synthesis.synthesise(
            tf.clip_by_value(log_mel, -1.0, 1.0), content.phase
        )

    def generate(self, code: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Generates log-mel spectrograms, with the weights that translate."""
        return self.generator(code, timbre)

    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """Inverts the log-mel of the audio itself, as `decode` does a generated one."""
        return self.synthesis.synthesise(*self.front.analyse(audio))

    def pool(self, content: decoding.Content) -> tf.Tensor:
        """Means and standard deviations over time of the content code."""
        if self.code_shape[0] == 1:
            code = content.code[:, :, 0]
        else:
            frames = -(-tf.shape(content.phase)[1] // adain_vc.REDUCTION)
            code = frame_windows.join(content.code, frames)
        mean, variance = tf.nn.moments(code, axes=[1])
        return tf.concat([mean, tf.sqrt(variance)], axis=-1)
