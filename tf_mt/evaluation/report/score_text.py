"""Formatting of scores, units and settings as text."""

import math
import statistics

ARROWS = {"lower": "\N{DOWNWARDS ARROW}", "higher": "\N{UPWARDS ARROW}"}


def places(scorecard: dict, metric: str) -> int:
    """Decimal places that suit a metric: three digits of its typical mean, two of a 1.

    One count for a whole column, by the median, so that no single system sets it.
    """
    means = [
        abs(scores[metric]["mean"])
        for scores in scorecard["scores"].values()
        if metric in scores
    ]
    typical = statistics.median([mean for mean in means if mean] or [1.0])
    power = math.floor(math.log10(typical))
    return min(max(2 - power if power >= 0 else 1 - power, 0), 6)


def number(value: float, decimals: int) -> str:
    """A value with so many decimal places, and no minus before a zero."""
    return f"{value:z.{decimals}f}"


def interval(score: dict, decimals: int) -> str:
    """The ends of a score's interval, "0.55-0.61"."""
    low, high = (number(score[end], decimals) for end in ("low", "high"))
    return f"{low} to {high}" if "-" in low + high else f"{low}-{high}"


def unit(metric: dict) -> str:
    """The unit of a metric and the arrow to its better side."""
    return f"{metric['unit']} {ARROWS[metric['better']]}".strip()


def meaning(metric: dict) -> str:
    """The unit and the better side of a metric, in words."""
    unit = f"{metric['unit']}, " if metric["unit"] else ""
    return f"{unit}{metric['better']} is better"


def setting(scorecard: dict) -> str:
    """What was scored and how, in one line."""
    parts = [
        f"Dataset {scorecard['dataset']}",
        f"n = {scorecard['n']} clips of {scorecard['clip_seconds']:g} s",
        "means with 95 % bootstrap intervals",
        _embedder(scorecard["embedder"]),
        f"machine: {scorecard['machine']}",
    ]
    return "; ".join(parts) + "."


def _embedder(embedder: dict | None) -> str:
    if embedder is None:
        return "no embedder"
    return (
        f"embedder {embedder['name']} with reference set {embedder['reference']} "
        f"(n = {embedder['n']})"
    )
