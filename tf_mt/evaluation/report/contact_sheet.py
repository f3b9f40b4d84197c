"""A grid of log-mel spectrograms as one PNG."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib import figure

from tf_mt import atomic
from tf_mt.evaluation.report import plots

SHOWN_COLUMNS = 9


def draw(
    rows: Mapping[str, Mapping[str, np.ndarray]], sample_rate_hz: int, path: Path
) -> None:
    """Draws a row of log-mel spectrograms for each group of sounds.

    Args:
        rows: Sounds `[samples]` by their title, by the title of their row; as many in
            every row. Of more than `SHOWN_COLUMNS`, so many are shown, spread evenly.
        sample_rate_hz: The rate of all sounds.
        path: PNG to write.
    """
    count = max(len(sounds) for sounds in rows.values())
    shown = np.linspace(0, count - 1, min(count, SHOWN_COLUMNS)).round().astype(int)
    page = figure.Figure(
        figsize=(1.2 + 2.0 * len(shown), 0.6 + 2.2 * len(rows)), layout="constrained"
    )
    grid = page.subplots(len(rows), len(shown), squeeze=False, sharex=True, sharey=True)
    for axes, (name, sounds) in zip(grid, rows.items(), strict=True):
        titles = list(sounds)
        for axis, column in zip(axes, shown, strict=True):
            beginning = plots.beginning(sounds[titles[column]], sample_rate_hz)
            drawn = plots.draw(axis, beginning, sample_rate_hz)
            axis.set_title(titles[column], fontsize=10)
        axes[0].set_ylabel(f"{name}\nHz")
    for axis in grid[-1]:
        axis.set_xlabel("seconds")
    page.colorbar(drawn, ax=grid, label="dB", shrink=0.8)
    with atomic.path(path) as temporary:
        page.savefig(temporary, format="png", dpi=110)
