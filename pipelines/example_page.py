"""Draws a PNG page of spectrograms: some excerpts of each domain."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import axes as plot_axes
from matplotlib import figure, image

from pipelines import survey
from tf_mt.evaluation.metrics import log_mel
from tf_mt.evaluation.report import plots

ROWS = 12
COLUMNS = 3
_TITLE_LETTERS = 44


def draw(
    rows: Mapping[str, Sequence[survey.Stretch]], sample_rate_hz: int, path: Path
) -> None:
    """Draws log-mel spectrograms, `COLUMNS` for each of the first `ROWS` domains.

    Args:
        rows: Stretches by the name of their domain, one or more of each.
        sample_rate_hz: The rate of their audio.
        path: PNG to write.
    """
    shown = {name: varied(rows[name]) for name in itertools.islice(rows, ROWS)}
    page = figure.Figure(figsize=(13, 0.6 + 1.9 * len(shown)), layout="constrained")
    grid = page.subplots(len(shown), COLUMNS, squeeze=False, sharex=True, sharey=True)
    for axes, (domain, stretches) in zip(grid, shown.items(), strict=True):
        axes[0].set_ylabel("Hz")
        for axis, stretch in itertools.zip_longest(axes, stretches):
            if stretch is None:
                axis.set_axis_off()
            else:
                drawn = _draw(axis, stretch, sample_rate_hz)
                title = _title(domain, stretch, sample_rate_hz)
                axis.set_title(title, fontsize=9, parse_math=False)
    longest = max(s.samples for stretches in shown.values() for s in stretches)
    for axis in grid[-1]:
        axis.set_xlabel("seconds")
        axis.set_xlim(0, longest / sample_rate_hz)
    page.colorbar(drawn, ax=grid, label="dB", aspect=15 * len(shown), pad=0.01)
    plots.save(page, path)


def varied(stretches: Sequence[survey.Stretch]) -> list[survey.Stretch]:
    """As many as there are columns, of different recordings if there are so many."""
    firsts = {stretch.recording: stretch for stretch in reversed(stretches)}
    return sorted(stretches, key=lambda s: firsts[s.recording] is not s)[:COLUMNS]


def _draw(
    axis: plot_axes.Axes, stretch: survey.Stretch, sample_rate_hz: int
) -> image.AxesImage:
    audio = plots.beginning(stretch.audio(), sample_rate_hz)
    frame, _ = log_mel.sizes(sample_rate_hz)
    whole = np.pad(audio, (0, max(frame - len(audio), 0)))
    return plots.draw(axis, whole, sample_rate_hz)


def _title(domain: str, stretch: survey.Stretch, sample_rate_hz: int) -> str:
    """The domain, what its recording's id says beyond it, and the time in it."""
    name = stretch.recording.removeprefix(f"{domain}/").removesuffix(f"/{domain}")
    letters = max(_TITLE_LETTERS - len(domain), 12)
    if len(name) > letters:
        name = f"…{name[-letters:]}"
    minutes, seconds = divmod(stretch.offset // sample_rate_hz, 60)
    at = f" at {minutes}:{seconds:02d}" if stretch.offset else ""
    return f"{domain}: {name}{at}"
