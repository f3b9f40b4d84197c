"""Log-mel spectrograms of source, translation and truth, as PNG."""

import warnings
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
from matplotlib import axes as plot_axes
from matplotlib import figure, image

from tf_mt import atomic
from tf_mt.evaluation.metrics import log_mel

SHOWN_SECONDS = 8.0
LOUDEST_DB = 10.0
LABELLED_HZ = (250, 500, 1000, 2000, 4000, 8000, 16_000)


class Example(NamedTuple):
    """One translation to draw.

    Attributes:
        source: Name of the domain of the source.
        target: Name of the domain that it was translated to.
        audio: The source, `[samples]`.
        translated: Its translation.
        truth: The same music by the target.
    """

    source: str
    target: str
    audio: np.ndarray
    translated: np.ndarray
    truth: np.ndarray


def examples(chosen: list[Example], sample_rate_hz: int, path: Path) -> None:
    """Draws log-mel spectrograms of source, translation and truth side by side.

    Args:
        chosen: A row for each.
        sample_rate_hz: The rate of all audio.
        path: PNG to write.
    """
    page = figure.Figure(figsize=(11, 2.3 * len(chosen) + 0.4), layout="constrained")
    axes = page.subplots(len(chosen), 3, squeeze=False, sharex=True, sharey=True)
    for row, example in zip(axes, chosen, strict=True):
        for axis, (title, audio) in zip(
            row, _panels(example, sample_rate_hz), strict=True
        ):
            drawn = draw(axis, beginning(audio, sample_rate_hz), sample_rate_hz)
            axis.set_title(title.replace("_", " "), fontsize=9)
        row[0].set_ylabel("Hz")
    for axis in axes[-1]:
        axis.set_xlabel("seconds")
    page.colorbar(drawn, ax=axes, label="dB", aspect=40)
    with atomic.path(path) as temporary:
        page.savefig(temporary, format="png", dpi=110)


def _panels(example: Example, sample_rate_hz: int) -> list[tuple[str, np.ndarray]]:
    """The titles and recordings of a row."""

    def far(audio: np.ndarray) -> str:
        distance_db = log_mel.distance(example.truth, audio, sample_rate_hz)
        return f"{distance_db:.1f} dB from the truth"

    return [
        (f"{example.source}: {far(example.audio)}", example.audio),
        (f"to {example.target}: {far(example.translated)}", example.translated),
        (f"{example.target}: the truth", example.truth),
    ]


def beginning(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """Returns the first `SHOWN_SECONDS` of a sound `[samples]`."""
    return audio[: int(SHOWN_SECONDS * rate_hz)]


def draw(axis: plot_axes.Axes, audio: np.ndarray, rate_hz: int) -> image.AxesImage:
    """Draws the log-mel spectrogram of a sound.

    Args:
        axis: Where to draw.
        audio: `[samples]`.
        rate_hz: Its sample rate.

    Returns:
        What a colour bar is made for.
    """
    edges_hz = librosa.mel_frequencies(
        log_mel.BANDS + 2, fmin=log_mel.LOW_HZ, fmax=rate_hz / 2
    )
    labelled_hz = [hz for hz in LABELLED_HZ if hz < edges_hz[-1]]
    axis.set_yticks(np.interp(labelled_hz, edges_hz[1:-1], np.arange(log_mel.BANDS)))
    axis.set_yticklabels(labelled_hz)
    return axis.imshow(
        log_mel.spectrogram(audio, rate_hz),
        origin="lower",
        aspect="auto",
        extent=(0.0, len(audio) / rate_hz, -0.5, log_mel.BANDS - 0.5),
        vmin=log_mel.FLOOR_DB,
        vmax=LOUDEST_DB,
        cmap="magma",
    )


def save(page: figure.Figure, path: Path) -> None:
    """Writes a figure as a PNG, whole or not at all."""
    with atomic.path(path) as temporary, warnings.catch_warnings():
        # Names may be in any script, and a box in a title is no reason to complain.
        warnings.filterwarnings("ignore", message="Glyph")
        page.savefig(temporary, format="png", dpi=110)
