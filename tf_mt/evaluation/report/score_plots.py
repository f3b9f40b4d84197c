"""A chart of one metric: means and intervals of all systems."""

import io
import warnings

from matplotlib import figure

from tf_mt.evaluation.protocol import baselines
from tf_mt.evaluation.report import discrimination, score_text

_MODEL, _BASELINE = "#1f6feb", "#7a828c"
_NAME_LETTERS = 20


def draw(scorecard: dict, metric: dict) -> bytes:
    """Draws the means of a metric with their 95 % intervals.

    Models are blue, baselines grey. A dashed line stands at what copying the source
    scores.

    Args:
        scorecard: As `tf_mt.evaluation.protocol.scorecard` makes it.
        metric: One of its metrics.

    Returns:
        A PNG, dark on a transparent ground.
    """
    systems = discrimination.ordered(scorecard)
    scores = scorecard["scores"]
    page = figure.Figure(figsize=(3.2, 0.55 + 0.24 * len(systems)))
    page.subplots_adjust(
        left=0.42, right=0.97, top=0.98, bottom=0.42 / page.get_figheight()
    )
    axis = page.subplots()
    for row, system in enumerate(systems):
        score = scores.get(system["name"], {}).get(metric["name"])
        if score is not None:
            color = _MODEL if system["kind"] == "model" else _BASELINE
            axis.plot([score["low"], score["high"]], [row, row], color=color, lw=2)
            axis.plot(score["mean"], row, "o", color=color, ms=5)
    copied = scores.get(baselines.COPY, {}).get(metric["name"])
    if copied is not None:
        axis.axvline(copied["mean"], color=_BASELINE, lw=0.8, ls="--", zorder=0)
    names = [_short(system["name"]) for system in systems]
    axis.set_yticks(range(len(systems)), names, fontsize=8, parse_math=False)
    axis.set_ylim(len(systems) - 0.5, -0.5)
    axis.locator_params(axis="x", nbins=5)
    axis.tick_params(axis="x", labelsize=8)
    axis.set_xlabel(score_text.meaning(metric), fontsize=8, parse_math=False)
    axis.grid(axis="x", alpha=0.25)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
    return png(page)


def png(page: figure.Figure) -> bytes:
    """Renders a figure on a transparent ground."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Names may be in any script, and a box in a label is no reason to complain.
        warnings.filterwarnings("ignore", message="Glyph")
        page.savefig(buffer, format="png", dpi=160, transparent=True)
    return buffer.getvalue()


def _short(name: str) -> str:
    whole = len(name) <= _NAME_LETTERS
    return name if whole else f"{name[: _NAME_LETTERS - 1]}\N{HORIZONTAL ELLIPSIS}"
