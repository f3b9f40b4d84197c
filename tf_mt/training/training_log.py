"""Logs a training to TensorBoard: losses, speed, sound and spectrograms."""

import time
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import tensorflow as tf

from tf_mt.layers import spectrogram
from tf_mt.models import trainable, translator

SAMPLED_DOMAINS = 3


class Speed(NamedTuple):
    """How fast an epoch went.

    Attributes:
        clips_per_second: Clips trained on, over the time of the epoch's steps.
        data_wait: Share of that time spent waiting for data, in [0, 1].
    """

    clips_per_second: float
    data_wait: float


class Clock:
    """Times an epoch from when it is made.

    Args:
        model: Counts the seconds that its steps wait for data.
    """

    def __init__(self, model: translator.Translator):
        self.model = model
        self.began = time.perf_counter()
        self.waited = model.waited_seconds

    def read(self, clips: int) -> Speed:
        """Returns the speed at which so many clips were trained on."""
        seconds = time.perf_counter() - self.began
        waited = self.model.waited_seconds - self.waited
        return Speed(clips / seconds, waited / seconds)


def is_sampled(epoch: int, epochs: int, samples: int) -> bool:
    """Tells whether an epoch is one of so many spread evenly, the last among them."""
    return (epoch + 1) * samples // epochs > epoch * samples // epochs


class TrainingLog:
    """Writes the event files of one run.

    Args:
        folder: Where they go.
    """

    def __init__(self, folder: Path):
        self.writer = tf.summary.create_file_writer(str(folder))

    def scalars(self, entry: dict, speed: Speed) -> None:
        """Writes an epoch's losses by term, and its speed.

        Args:
            entry: `step`, and the losses `train` and `validation` by term.
            speed: Of the epoch.
        """
        with self.writer.as_default(entry["step"]):
            for split in ("train", "validation"):
                for term, value in entry[split].items():
                    tf.summary.scalar(f"{split}/{term}", value)
            tf.summary.scalar("speed/clips_per_second", speed.clips_per_second)
            tf.summary.scalar("speed/data_wait", speed.data_wait)
        self.writer.flush()

    def samples(
        self, model: translator.Translator, batch: trainable.Batch, step: int
    ) -> None:
        """Writes sound and spectrogram of source, translation and reconstruction.

        Args:
            model: Translates a clip of each of the first domains to the next one.
            batch: A stacked batch of the validation split.
            step: Steps done.
        """
        rate_hz, domains = model.info.sample_rate_hz, model.info.domains
        audio = batch["audio"][0, :SAMPLED_DOMAINS]
        domain = batch["domain"][0, :SAMPLED_DOMAINS]
        target = (domain + 1) % len(domains)
        if translator.DOMAINS in model.capabilities:
            translation = model.translate(audio, target)
            reconstruction = model.translate(audio, domain)
        else:
            translation = model.transfer(audio, tf.roll(audio, -1, axis=0))
            reconstruction = model.transfer(audio, audio)
        sounds = {
            "source": audio,
            "translation": translation,
            "reconstruction": reconstruction,
        }
        with self.writer.as_default(step):
            for row, (source, other) in enumerate(zip(domain, target, strict=True)):
                name = f"{domains[source]}_to_{domains[other]}"
                for kind, clips in sounds.items():
                    clip = clips[row : row + 1, :, tf.newaxis]
                    tf.summary.audio(f"{name}/{kind}", clip, rate_hz)
                picture = [_picture(clips[row], rate_hz) for clips in sounds.values()]
                tf.summary.image(name, np.concatenate(picture)[np.newaxis])
        self.writer.flush()


def _picture(audio: tf.Tensor, rate_hz: int) -> np.ndarray:
    """Draws a log-mel spectrogram: float `[bands, frames, 3]`, low bands below."""
    front = spectrogram.LogMel(rate_hz, 1024, 256, 80, 40.0)
    whole = audio[: len(audio) // front.hop * front.hop]
    log_mel = front.log_mel(whole).numpy()
    colours = matplotlib.colormaps["magma"]((log_mel.T[::-1] + 1.0) / 2.0)
    return colours[..., :3]
