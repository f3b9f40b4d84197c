"""Spectrograms of a recording and of its translation, one above the other, as PNG."""

from pathlib import Path

from matplotlib import figure

from tf_mt.audio import files
from tf_mt.evaluation.report import plots

SHOWN_SECONDS = 20


def draw(source: Path, translation: Path, sample_rate_hz: int, path: Path) -> None:
    """Draws the first `SHOWN_SECONDS` of both, on one scale.

    Args:
        source: An audio file.
        translation: Another, of the same length.
        sample_rate_hz: The rate at which both are drawn.
        path: PNG to write.

    Raises:
        FileNotFoundError: One is not there.
        ValueError: One is not audio.
    """
    page = figure.Figure(figsize=(9, 5.4), layout="constrained")
    axes = page.subplots(2, 1, sharex=True, sharey=True)
    for axis, name in zip(axes, (source, translation), strict=True):
        blocks = files.blocks(name, sample_rate_hz, SHOWN_SECONDS * sample_rate_hz)
        drawn = plots.draw(axis, next(blocks), sample_rate_hz)
        blocks.close()
        axis.set_title(Path(name).name, fontsize=10, parse_math=False)
        axis.set_ylabel("Hz")
    axes[-1].set_xlabel("seconds")
    page.colorbar(drawn, ax=axes, label="dB", aspect=40)
    plots.save(page, path)
