"""A small made-up approach that uses everything that the contract has room for.

It is one file and one line in the table of approaches (`APPROACH`), as BUILD.md says of
any approach. A table has a content code for each training clip (form "indexed"), with
step sizes ten times the autoencoder's; an encoder learns to give those codes; timbre is
looked up by domain or measured on a reference; a discriminator is updated first, twice
on fresh batches, and sees a pool of earlier outputs; a classifier is updated in every
second step; and an average of the decoder's weights is kept.
"""

import dataclasses

import keras
import tensorflow as tf

from tf_mt import config, models
from tf_mt.layers import table
from tf_mt.losses import confusion, reconstruction
from tf_mt.models import (
    optimization,
    replicas,
    trainable,
    translator,
    translator_config,
)

POOL_ROWS = 5


@dataclasses.dataclass(frozen=True)
class Config(translator_config.Config):
    """Configuration of the made-up approach."""

    hop: int = config.field(128, "Samples of a frame.", minimum=1)
    frames: int = config.field(4, "Frames of a training clip.", minimum=1)
    latent: int = config.field(6, "Features of a frame's content.", minimum=1)
    average: float = config.field(0.9, "Share of the old average.", minimum=0.0)
    weights: dict = config.field(
        {
            "reconstruction": 1.0,
            "regression": 1.0,
            "adversarial": 0.1,
            "discriminator": 1.0,
            "classifier": 1.0,
        },
        "Weight of each loss term.",
    )
    warmup: dict = config.field(
        {"adversarial": 0.0}, "Steps over which a term's weight rises from zero."
    )


class MadeUp(translator.Translator):
    """The made-up approach behind the contract of `Translator`."""

    terms = (
        "reconstruction",
        "regression",
        "adversarial",
        "discriminator",
        "classifier",
    )
    capabilities = frozenset(translator.CAPABILITIES)
    batches = "indexed"

    def __init__(self, hparams, info):
        super().__init__(hparams, info)
        self.hop_samples = hparams.hop
        self.clip_samples = hparams.frames * hparams.hop
        self.window_samples = 2 * self.clip_samples
        self.overlap_samples = hparams.hop
        self.reference_samples = self.clip_samples
        size = hparams.frames * hparams.latent
        self.codes_of_clips = table.Table(max(1, info.indexed_clips), size)
        self.encoder = keras.layers.Dense(hparams.latent)
        self.domain_timbres = table.Table(len(info.domains), hparams.latent)
        self.timbre_encoder = keras.layers.Dense(hparams.latent)
        self.decoder = keras.layers.Dense(hparams.hop)
        self.discriminator = keras.layers.Dense(1)
        self.classifier = keras.layers.Dense(len(info.domains))
        for layer, features in (
            (self.encoder, hparams.hop),
            (self.timbre_encoder, hparams.hop),
            (self.decoder, hparams.latent),
            (self.discriminator, hparams.hop),
            (self.classifier, hparams.latent),
        ):
            layer.build((None, features))
        self.pool_of_outputs = self.add_state("pool", (POOL_ROWS, hparams.hop))
        self.averaged = self.add_state("averaged", self.decoder.kernel.shape)
        self.level = self.add_state("level", ())
        self.built = True

    def parts(self):
        return {
            "table": [self.codes_of_clips],
            "autoencoder": [
                self.encoder,
                self.domain_timbres,
                self.timbre_encoder,
                self.decoder,
            ],
            "discriminator": [self.discriminator],
            "classifier": [self.classifier],
        }

    def make_optimizers(self, training):
        longer = dataclasses.replace(
            training, learning_rate=10.0 * training.learning_rate
        )
        of_table = optimization.RowAdam(optimization.LinearSchedule(longer))
        return super().make_optimizers(training) | {"table": of_table}

    def updates(self):
        return (
            trainable.Update(("discriminator",), batches=2),
            trainable.Update(("table", "autoencoder")),
            trainable.Update(("classifier",), every=2),
        )

    def objectives(self, batch, training):
        frames = self._frames(batch["audio"])
        content = self.encoder(self._frames(batch.get("encoder_audio", batch["audio"])))
        stored = tf.reshape(
            self.codes_of_clips(tf.maximum(batch["clip"], 0)), tf.shape(content)
        )
        in_table = (batch["clip"] >= 0)[:, tf.newaxis, tf.newaxis]
        code = tf.where(in_table, stored, content)
        timbre = 0.5 * (self.timbre(batch["domain"]) + self.timbre_of(batch["audio"]))
        output = self.decoder(code + timbre[:, tf.newaxis])
        theirs = self._discriminate(frames, tf.stop_gradient(output))
        logits = self.classifier(tf.stop_gradient(tf.reduce_mean(content, axis=1)))
        return [
            trainable.Objective(
                ("table", "autoencoder"),
                {
                    "reconstruction": reconstruction.l1(output, frames),
                    "regression": reconstruction.l1(content, tf.stop_gradient(code)),
                    "adversarial": -tf.reduce_mean(self.discriminator(output)),
                },
                lambda: self._average(batch["audio"]),
            ),
            trainable.Objective(
                ("discriminator",),
                {"discriminator": theirs},
                lambda: self._remember(output[:, 0]),
            ),
            trainable.Objective(
                ("classifier",),
                {"classifier": confusion.classification(logits, batch["domain"])},
            ),
        ]

    def _discriminate(self, real, output):
        earlier = self.discriminator(tf.convert_to_tensor(self.pool_of_outputs))
        wrong = self.discriminator(output)
        return (
            tf.reduce_mean(tf.square(self.discriminator(real) - 1.0))
            + tf.reduce_mean(tf.square(wrong))
            + 0.1 * tf.reduce_mean(tf.square(earlier))
        )

    def _remember(self, outputs):
        """Puts the outputs of all replicas into the pool, the oldest out."""
        whole = replicas.whole_batch(outputs)
        pool = tf.concat([whole, tf.convert_to_tensor(self.pool_of_outputs)], axis=0)
        self.pool_of_outputs.assign(pool[:POOL_ROWS])

    def _average(self, audio):
        share = self.hparams.average
        kernel = tf.convert_to_tensor(self.decoder.kernel)
        old = tf.convert_to_tensor(self.averaged)
        self.averaged.assign(share * old + (1.0 - share) * kernel)
        self.level.assign(replicas.batch_sum(tf.reduce_mean(tf.square(audio), axis=1)))

    def encode(self, audio):
        return self.encoder(self._frames(audio))

    def timbre(self, domain):
        return self.domain_timbres(domain)

    def timbre_of(self, reference):
        frames = self._frames(reference)
        return tf.reduce_mean(self.timbre_encoder(tf.abs(frames)), axis=1)

    def decode(self, content, timbre):
        frames = self.decoder(content + timbre[:, tf.newaxis])
        return tf.reshape(frames, [tf.shape(frames)[0], -1])

    def round_trip(self, audio):
        return tf.reshape(self._frames(audio), tf.shape(audio))

    def pool(self, content):
        return tf.reduce_mean(content, axis=1)

    def _frames(self, audio):
        return tf.reshape(audio, [tf.shape(audio)[0], -1, self.hparams.hop])


APPROACH = models.Approach(
    Config,
    MadeUp,
    {
        "tiny": config.Preset(
            Config(),
            config.Training(steps=4, epoch_steps=2, batch_size=2, validation_batches=1),
        )
    },
)
