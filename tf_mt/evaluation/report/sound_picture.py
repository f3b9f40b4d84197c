"""Spectrogram and chromagram of a recording, as PNG."""

import numpy as np
from matplotlib import figure

from tf_mt.evaluation.metrics import chroma, pitch
from tf_mt.evaluation.report import plots, score_plots

# Readable on white and on black.
_INK = "#7d838b"
_PITCH_CLASSES = {0: "C", 4: "E", 7: "G", 11: "B"}


def draw(audio: np.ndarray, sample_rate_hz: int) -> bytes:
    """Draws a sound's first `plots.SHOWN_SECONDS`, on one scale for all sounds.

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.

    Returns:
        A PNG on a transparent ground.
    """
    page = figure.Figure(figsize=(2.6, 2.3))
    page.subplots_adjust(left=0.17, right=0.96, top=0.98, bottom=0.16, hspace=0.08)
    above, below = page.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    shown = plots.beginning(audio, sample_rate_hz)
    plots.draw(above, shown, sample_rate_hz)
    # In rests the strongest class is a trace of what sounded before or after.
    sounding = pitch.sounding(shown, sample_rate_hz)
    below.imshow(
        sounding * chroma.chromagram(shown, sample_rate_hz),
        origin="lower",
        aspect="auto",
        extent=(0.0, len(shown) / sample_rate_hz, -0.5, 11.5),
        vmin=0.0,
        vmax=1.0,
        cmap="magma",
    )
    below.set_yticks(list(_PITCH_CLASSES), list(_PITCH_CLASSES.values()))
    below.set_xlabel("seconds", fontsize=7, color=_INK, labelpad=1)
    for axis in (above, below):
        axis.tick_params(labelsize=7, colors=_INK, length=2)
        axis.spines[:].set_visible(False)
    above.tick_params(labelbottom=False)
    return score_plots.png(page)
