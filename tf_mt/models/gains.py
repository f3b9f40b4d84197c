"""Translation by a filter that a network finds for each moment: gains of an STFT.

No paper's approach. A translation of notes that stay where they are is, bin by bin, its
source's spectrum times something. So the network says only what (`layers.gains`), and
the phase and the fine structure of the spectrum are the source's: what is not learned
well stays as it was, any number of voices at once, in whatever room. It learns from
pairs: the same music by every domain.
"""

import dataclasses
from collections.abc import Sequence

import keras
import tensorflow as tf

from tf_mt import config, dataset
from tf_mt.audio import mel, stft
from tf_mt.layers import gains, spectrogram, stacks
from tf_mt.losses import reconstruction, spectra
from tf_mt.models import trainable, translator, translator_config

WINDOW_SECONDS = 4.0
_LOWEST_BAND_HZ = 40.0
# Magnitudes below count as equal; a full-scale sine has some hundreds.
_FLOOR = 1e-3
# Natural logarithms of the gains: -78 and 61 dB.
_LOWEST, _HIGHEST = -9.0, 7.0


@dataclasses.dataclass(frozen=True)
class Config(translator_config.Config):
    """Configuration of the network."""

    n_fft: int = config.field(2048, "Samples in a frame of the STFT.", minimum=4)
    hop: int = config.field(256, "Samples from one frame to the next.", minimum=1)
    channels: int = config.field(256, "Channels of the ConvNeXt blocks.", minimum=1)
    blocks: int = config.field(6, "How many blocks.", minimum=1)
    expansion: int = config.field(
        3, "How many times as many channels a block has inside.", minimum=1
    )
    kernel: int = config.field(7, "Frames of a block's convolution.", minimum=1)
    bands: int = config.field(128, "Mel bands of the loss term `mel`.", minimum=8)
    clip_frames: int = config.field(64, "Frames in a training clip.", minimum=16)
    weights: dict = config.field(
        {"magnitude": 1.0, "convergence": 1.0, "mel": 10.0},
        "Weight of each loss term.",
    )
    warmup: dict = config.field({}, "Steps over which a term's weight rises from zero.")


class Gains(translator.Translator):
    """The network behind the contract of `Translator`.

    Args:
        hparams: Its configuration.
        info: The dataset that it is trained on.
    """

    capabilities = frozenset({translator.DOMAINS})
    batches = "paired"
    terms = ("magnitude", "convergence", "mel")

    def __init__(self, hparams: Config, info: dataset.DatasetInfo):
        super().__init__(hparams, info)
        self.hop_samples = hparams.hop
        self.clip_samples = hparams.clip_frames * hparams.hop
        self.window_samples = self.whole_hops(WINDOW_SECONDS)
        self.overlap_samples = self.whole_hops(WINDOW_SECONDS / 8)
        # Its bands are those that the term `mel` is of.
        self.front = spectrogram.LogMel(
            info.sample_rate_hz,
            hparams.n_fft,
            hparams.hop,
            hparams.bands,
            _LOWEST_BAND_HZ,
        )
        self.network = gains.GainNetwork(
            self.front.framing.bins,
            len(info.domains),
            hparams.channels,
            hparams.blocks,
            hparams.expansion,
            hparams.kernel,
        )
        bins = tf.zeros([1, 1, self.front.framing.bins])
        self.network(bins, tf.zeros([1], tf.int32))
        self.built = True

    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """The network."""
        return {"network": [self.network]}

    def objectives(
        self, batch: trainable.Batch, training: bool
    ) -> list[trainable.Objective]:
        """Distances of translations from what the target plays.

        The source of domain t is domain t - shift, in a slot's row of domains.
        """
        shift = tf.random.stateless_uniform(
            [], batch["seed"], 0, len(self.info.domains), tf.int32
        )
        heard = tf.roll(batch.get("encoder_audio", batch["audio"]), shift, axis=1)
        source, truth = (
            tf.abs(self._spectrum(stacks.merge(audio)))
            for audio in (heard, batch["audio"])
        )
        gain = self._gain(source, stacks.merge(batch["domain"]))
        made = tf.maximum(source, _FLOOR) * gain
        made_mel, true_mel = (
            mel.to_log(mel.from_magnitude(magnitude, self.front.matrix))
            for magnitude in (made, truth)
        )
        terms = {
            "magnitude": spectra.log_distance(made, truth, _FLOOR),
            "convergence": spectra.convergence(made, truth),
            "mel": reconstruction.l1(made_mel, true_mel),
        }
        return [trainable.Objective(tuple(self.parts()), terms)]

    def timbre(self, domain: tf.Tensor) -> tf.Tensor:
        """Returns the domain number, which the network looks up itself."""
        return domain

    def encode(self, audio: tf.Tensor) -> tf.Tensor:
        """The audio itself."""
        return tf.identity(audio)

    def decode(self, content: tf.Tensor, timbre: tf.Tensor) -> tf.Tensor:
        """Multiplies the spectrum of the content by the gains of the domain."""
        samples = tf.shape(content)[1]
        padded = tf.pad(content, [[0, 0], [0, -samples % self.hop_samples]])
        spectrum = self._spectrum(padded)
        gain = tf.cast(self._gain(tf.abs(spectrum), timbre), tf.complex64)
        changed = stft.istft(spectrum * gain, self.hparams.n_fft, self.hparams.hop)
        return changed[:, :samples]

    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """The audio itself: the STFT is inverted exactly."""
        return tf.identity(audio)

    def _spectrum(self, audio: tf.Tensor) -> tf.Tensor:
        return stft.stft(audio, self.hparams.n_fft, self.hparams.hop)

    def _gain(self, magnitude: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
        log_magnitude = tf.math.log(tf.maximum(magnitude, _FLOOR))
        gain = self.network(log_magnitude, domain)
        return tf.exp(tf.clip_by_value(gain, _LOWEST, _HIGHEST))


_TRAINING = config.Training(
    steps=3000,
    epoch_steps=500,
    batch_size=4,
    learning_rate=1.5e-3,
    warmup_steps=100,
    decay_from=0.2,
    clip_norm=1.0,
    precision="auto",
    gain_db=12.0,
    equaliser_db=8.0,
    room_seconds=0.2,
    coloured_noise_db=-50.0,
    sampled_epochs=3,
)

PRESETS = {
    "small": config.Preset(Config(), _TRAINING),
    # The frames last as long as those of `small` at 16 kHz.
    "small_32khz": config.Preset(Config(n_fft=4096, hop=512), _TRAINING),
    "tiny": config.Preset(
        Config(n_fft=256, hop=64, channels=32, blocks=1, bands=16, clip_frames=32),
        config.Training(steps=4, epoch_steps=2, batch_size=2, validation_batches=1),
    ),
}
