"""Pictures of translations."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import axes as plot_axes
from matplotlib import figure, image

from tf_mt import atomic
from tf_mt.evaluation import log_mel

SHOWN_SECONDS = 8.0


class Example(NamedTuple):
    """One translation to draw.

    Attributes:
        source: Name of the domain that played.
        target: Name of the domain that it was translated to.
        audio: What was played, `[samples]`.
        translated: Its translation.
        truth: The same music played by the target.
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
    page = figure.Figure(figsize=(12, 2.6 * len(chosen) + 0.6), layout="constrained")
    axes = page.subplots(len(chosen), 3, squeeze=False, sharex=True, sharey=True)
    for row, example in zip(axes, chosen, strict=True):
        titles = {
            f"source: {example.source}": example.audio,
            f"translation to {example.target}": example.translated,
            f"truth: {example.target}": example.truth,
        }
        for axis, (title, audio) in zip(row, titles.items(), strict=True):
            shown = audio[: int(SHOWN_SECONDS * sample_rate_hz)]
            drawn = _draw(axis, shown, sample_rate_hz)
            axis.set_title(title, fontsize=10)
        row[0].set_ylabel("mel band")
    for axis in axes[-1]:
        axis.set_xlabel("seconds")
    page.colorbar(drawn, ax=axes, label="dB", shrink=0.6)
    with atomic.path(path) as temporary:
        page.savefig(temporary, format="png", dpi=110)


def _draw(axis: plot_axes.Axes, audio: np.ndarray, rate_hz: int) -> image.AxesImage:
    return axis.imshow(
        log_mel.spectrogram(audio, rate_hz),
        origin="lower",
        aspect="auto",
        extent=(0.0, len(audio) / rate_hz, 0, log_mel.BANDS),
        vmin=log_mel.FLOOR_DB,
        vmax=20.0,
        cmap="magma",
    )
