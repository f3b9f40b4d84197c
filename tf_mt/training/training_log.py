"""Logs a training to TensorBoard: losses, speed, sound and spectrograms."""

import time
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import tensorflow as tf

from tf_mt.layers import spectrogram
from tf_mt.models import trainable


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

    def __init__(self, model: trainable.Trainable):
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
        self, model: trainable.Trainable, batch: trainable.Batch, step: int
    ) -> None:
        """Writes sound and spectrogram of what a model does.

        Args:
            model: Gives its `sounds`.
            batch: A stacked batch of the validation split.
            step: Steps done.
        """
        rate_hz = model.info.sample_rate_hz
        with self.writer.as_default(step):
            for name, sounds in model.sounds(batch).items():
                for kind, clip in sounds.items():
                    audio = clip[tf.newaxis, :, tf.newaxis]
                    tf.summary.audio(f"{name}/{kind}", audio, rate_hz)
                picture = [_picture(clip, rate_hz) for clip in sounds.values()]
                tf.summary.image(name, np.concatenate(picture)[np.newaxis])
        self.writer.flush()


def _picture(audio: tf.Tensor, rate_hz: int) -> np.ndarray:
    """Draws a log-mel spectrogram: float `[bands, frames, 3]`, low bands below."""
    front = spectrogram.LogMel(rate_hz, 1024, 256, 80, 40.0)
    whole = audio[: len(audio) // front.hop * front.hop]
    log_mel = front.log_mel(whole).numpy()
    colours = matplotlib.colormaps["magma"]((log_mel.T[::-1] + 1.0) / 2.0)
    return colours[..., :3]
