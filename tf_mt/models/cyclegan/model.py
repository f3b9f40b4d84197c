"""CycleGAN behind the contract of `Translator`.

Gupta and Naik, "Instrumental Music Translation", after Zhu et al. 2017: two generators
translate magnitude spectrograms between two domains that have no pairs. Each has to
deceive a discriminator, to leave its own domain as it is, and to be undone by the
other. The phase is the source's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_mt import dataset, names
from tf_mt.audio import griffin_lim, pghi
from tf_mt.layers import frame_windows, linear_spectrogram
from tf_mt.losses import adversarial, reconstruction
from tf_mt.models import replicas, trainable, translator
from tf_mt.models.cyclegan import configuration, fake_pool, network

# Half a decibel; see `vae_gan.model.DITHER`.
DITHER = 0.01
# What stands for silence on the scale of `linear_spectrogram`.
_SILENCE = -1.0

_GENERATORS = ("generator_ab", "generator_ba")
_DISCRIMINATORS = ("discriminator_a", "discriminator_b")
# Random numbers of a step: the pools of a and b, the gradient penalties, the dither.
_POOL_A, _POOL_B, _PENALTY_A, _PENALTY_B, _DITHER_A, _DITHER_B = range(6)


class Content(NamedTuple):
    """The content of a batch of recordings.

    Attributes:
        magnitude: Compressed magnitudes of the source, `[batch, frames, bins]`.
        phase: Its phase in radians, `[batch, frames, bins]`.
    """

    magnitude: tf.Tensor
    phase: tf.Tensor


class CycleGan(translator.Translator):
    """The CycleGAN between domains a and b.

    Args:
        hparams: Its configuration.
        info: The dataset that it is trained on.

    Raises:
        ValueError: The dataset does not have the two domains of `hparams.pair`, or has
            not two where no pair is given.
    """

    capabilities = frozenset({translator.DOMAINS})
    batches = "stacked"
    terms = (
        "adversarial",
        "forward_cycle",
        "backward_cycle",
        "identity",
        "discriminator_real",
        "discriminator_fake",
        "gradient_penalty",
    )

    def __init__(self, hparams: configuration.Config, info: dataset.DatasetInfo):
        super().__init__(hparams, _of_pair(info, hparams))
        self.hop_samples = hparams.hop
        self.clip_samples = hparams.clip_frames * hparams.hop
        self.window_samples = 4 * self.clip_samples
        self.overlap_samples = self.clip_samples // 2
        self.front = linear_spectrogram.LinearSpectrogram(
            hparams.n_fft, hparams.hop, hparams.stft_window
        )
        # Checkpoints name variables by these attributes and their order.
        self.generator_ab = network.generator(hparams)
        self.generator_ba = network.generator(hparams)
        self.discriminator_a = network.discriminator(hparams)
        self.discriminator_b = network.discriminator(hparams)
        if hparams.pool:
            self.pool_a = self._pool("a", _POOL_A)
            self.pool_b = self._pool("b", _POOL_B)
        self.built = True

    def _pool(self, domain: str, stream: int) -> fake_pool.FakePool:
        shape = self.hparams.pool, self.hparams.clip_frames, self.front.framing.bins
        return fake_pool.FakePool(
            self.add_state(f"pool_{domain}", shape),
            self.add_state(f"pool_{domain}_count", ()),
            stream,
        )

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """Two generators and two discriminators."""
        return {name: [getattr(self, name)] for name in _GENERATORS + _DISCRIMINATORS}

    def updates(self) -> Sequence[trainable.Update]:
        """The order that the configuration says."""
        update = trainable.Update
        real = ("discriminator_real", "gradient_penalty")
        return {
            "paper": (
                update(_DISCRIMINATORS, terms=real),
                update(_DISCRIMINATORS, terms=("discriminator_fake",)),
                update(("generator_ab",)),
                update(("generator_ba",)),
            ),
            "reference": (
                update(("generator_ab",)),
                update(("discriminator_b",)),
                update(("generator_ba",)),
                update(("discriminator_a",)),
            ),
            "joint": (update(_GENERATORS + _DISCRIMINATORS),),
        }[self.hparams.order]

    def encode(self, audio: tf.Tensor) -> Content:
        """Returns the compressed spectrogram of the audio."""
        return Content(*self.front.analyse(audio))

    def timbre(self, domain: tf.Tensor) -> tf.Tensor:
        """Returns the domain number, which chooses the generator."""
        return domain

    def decode(self, content: Content, timbre: tf.Tensor) -> tf.Tensor:
        """Translates windows as long as training clips, and cross-fades them."""
        windows = frame_windows.cut(
            content.magnitude, self.hparams.clip_frames, _SILENCE
        )

        def translated(inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            of_recording, number = inputs
            return tf.cond(
                number == 0,
                lambda: self.generator_ba(of_recording),
                lambda: self.generator_ab(of_recording),
            )

        generated = tf.map_fn(
            translated, (windows, timbre), fn_output_signature=tf.float32
        )
        generated = tf.ensure_shape(generated, windows.shape)
        frames = tf.shape(content.magnitude)[1]
        return self._synthesise(frame_windows.join(generated, frames), content.phase)

    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """Compresses the magnitudes and puts them together with the phase again."""
        return self._synthesise(*self.front.analyse(audio))

    def _synthesise(self, compressed: tf.Tensor, phase: tf.Tensor) -> tf.Tensor:
        magnitude, framing = self.front.magnitude(compressed), self.front.framing
        iterations = self.hparams.griffin_lim_iterations
        if self.hparams.phase == "pghi":
            phase = pghi.phase(magnitude, framing)
        elif self.hparams.phase == "source":
            iterations = 0
        return griffin_lim.griffin_lim(
            magnitude,
            framing.n_fft,
            framing.hop,
            iterations,
            phase=phase,
            window=framing.window,
        )

    def objectives(
        self, batch: trainable.Batch, training: bool
    ) -> list[trainable.Objective]:
        """The losses of both generators, and those of both discriminators."""
        real_a, real_b = self._magnitudes(batch["audio"])
        a, b = self._magnitudes(batch.get("encoder_audio", batch["audio"]))
        if training:
            a += DITHER * replicas.normal(a, batch, _DITHER_A)
            b += DITHER * replicas.normal(b, batch, _DITHER_B)
        fake_b, fake_a = self.generator_ab(a), self.generator_ba(b)
        terms = {
            "adversarial": adversarial.generator(
                self.hparams.objective, self.discriminator_b(fake_b)
            )
            + adversarial.generator(
                self.hparams.objective, self.discriminator_a(fake_a)
            ),
            "forward_cycle": reconstruction.l1(self.generator_ba(fake_b), real_a),
            "backward_cycle": reconstruction.l1(self.generator_ab(fake_a), real_b),
        }
        if self.hparams.weights["identity"]:
            terms["identity"] = reconstruction.l1(
                self.generator_ab(b), real_b
            ) + reconstruction.l1(self.generator_ba(a), real_a)
        return [
            trainable.Objective(_GENERATORS, terms),
            self._of_discriminators(
                (real_a, real_b),
                (tf.stop_gradient(fake_a), tf.stop_gradient(fake_b)),
                batch,
                training,
            ),
        ]

    def _of_discriminators(
        self,
        real: tuple[tf.Tensor, tf.Tensor],
        fake: tuple[tf.Tensor, tf.Tensor],
        batch: trainable.Batch,
        training: bool,
    ) -> trainable.Objective:
        """The objective of the discriminators, on real and generated clips."""
        pools = [self.pool_a, self.pool_b] if self.hparams.pool and training else []
        shown = fake
        if pools:
            shown = [p.query(f, batch) for p, f in zip(pools, fake, strict=True)]
        form = self.hparams.objective
        layers = self.discriminator_a, self.discriminator_b
        rows = list(zip(layers, real, shown, strict=True))
        terms = {
            "discriminator_real": tf.add_n(
                [adversarial.of_real(form, layer(clips)) for layer, clips, _ in rows]
            ),
            "discriminator_fake": tf.add_n(
                [adversarial.of_fake(form, layer(clips)) for layer, _, clips in rows]
            ),
        }
        if form == "wgan_gp":
            terms["gradient_penalty"] = tf.add_n(
                [
                    adversarial.gradient_penalty(
                        *row,
                        tf.math.sigmoid(
                            2.0 * replicas.normal(row[1][:, 0, 0], batch, stream)
                        ),
                    )
                    for row, stream in zip(rows, (_PENALTY_A, _PENALTY_B), strict=True)
                ]
            )

        def remember() -> None:
            for pool, fakes in zip(pools, fake, strict=True):
                pool.update(fakes, batch)

        update_state = remember if pools else None
        return trainable.Objective(_DISCRIMINATORS, terms, update_state)

    def _magnitudes(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Compressed magnitudes of a batch's clips of a and of b."""
        magnitudes, _ = self.front.analyse(audio)
        return magnitudes[:, 0], magnitudes[:, 1]


def _of_pair(
    info: dataset.DatasetInfo, hparams: configuration.Config
) -> dataset.DatasetInfo:
    """The dataset with the two domains only that are translated between."""
    pair = hparams.domains
    if not pair:
        if len(info.domains) != 2:
            raise ValueError(
                f"pair must name two of the domains of {info.name}: "
                f"{', '.join(info.domains)}; this approach translates between two."
            )
        pair = info.domains
    for domain in pair:
        if domain not in info.domains:
            raise ValueError(names.unknown("pair", domain, info.domains))
    return dataset.DatasetInfo(info.name, info.sample_rate_hz, tuple(pair))
