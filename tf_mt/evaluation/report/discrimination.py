"""Discriminative power of metrics, the best models, and models compared with copying.

A scorecard is the JSON-able dictionary of `tf_mt.evaluation.protocol.scorecard`.
"""

from typing import NamedTuple

from tf_mt.evaluation.protocol import baselines

MARK = "\N{DAGGER}"


class Comparison(NamedTuple):
    """A model compared with copying the source.

    Attributes:
        better: Titles of the metrics on which the model's whole interval lies on the
            better side of copying's.
        worse: Titles of those on which it lies on the worse side.
        undecided: Titles of those on which the intervals overlap.
    """

    better: tuple[str, ...]
    worse: tuple[str, ...]
    undecided: tuple[str, ...]

    def sentence(self, model: str) -> str:
        """The comparison in words."""
        total = len(self.better) + len(self.worse) + len(self.undecided)
        if not total:
            return f"For {model} no metric ranks copying the source below the truth."
        text = f"{model} beats copying the source on {len(self.better)} of the {total}"
        text += f" metrics that rank it below the truth{_listed(self.better)}"
        if self.worse:
            text += f"; it loses on {len(self.worse)}{_listed(self.worse)}"
        if self.undecided:
            text += f"; {len(self.undecided)} undecided{_listed(self.undecided)}"
        return text + "."


def compare_with_copy(scorecard: dict, model: str) -> Comparison:
    """Compares a model with copying, on the metrics that rank copying below the truth.

    Metrics that do not discriminate the two are left out, and so are those that compare
    with the source itself: copying is perfect on them.

    Args:
        scorecard: Whose scores are read.
        model: The name of one of its systems.

    Returns:
        The metrics by outcome, in the scorecard's order.
    """
    outcomes = {"better": [], "worse": [], "undecided": []}
    for metric in scorecard["metrics"]:
        name = metric["name"]
        mine = scorecard["scores"].get(model, {}).get(name)
        copied = scorecard["scores"].get(baselines.COPY, {}).get(name)
        true = scorecard["scores"].get(baselines.TRUTH, {}).get(name)
        if None in (mine, copied, true) or not discriminates(scorecard, name):
            continue
        gap = copied["mean"] - true["mean"]
        if (gap if metric["better"] == "lower" else -gap) > 0.0:
            outcomes[_outcome(mine, copied, metric["better"])].append(metric["title"])
    return Comparison(**{key: tuple(titles) for key, titles in outcomes.items()})


def discriminates(scorecard: dict, metric: str) -> bool:
    """Whether a metric discriminates the truth from a copy of the source."""
    return scorecard["separates"][metric]


def best(scorecard: dict, metric: dict) -> set[str]:
    """The models with the best mean of a metric.

    Args:
        scorecard: Whose scores are read.
        metric: One of its metrics.

    Returns:
        Names of systems, more than one if they tie; empty for a metric that does not
        discriminate the truth from a copy, and for fewer than two models with a score.
    """
    means = {
        system["name"]: scorecard["scores"][system["name"]][metric["name"]]["mean"]
        for system in scorecard["systems"]
        if system["kind"] == "model"
        and metric["name"] in scorecard["scores"].get(system["name"], {})
    }
    if len(means) < 2 or not discriminates(scorecard, metric["name"]):
        return set()
    top = min(means.values()) if metric["better"] == "lower" else max(means.values())
    return {name for name, mean in means.items() if mean == top}


def notes(scorecard: dict) -> list[str]:
    """Explains the marks of the table, and warns where needed, in sentences."""
    discriminative = [
        discriminates(scorecard, metric["name"]) for metric in scorecard["metrics"]
    ]
    sentences = []
    if any(best(scorecard, metric) for metric in scorecard["metrics"]):
        sentences.append("Bold: the best model.")
    if baselines.TRUTH not in scorecard["scores"]:
        sentences.append(
            f"{MARK} The truth is not known, so neither is the metric's discriminative "
            "power."
        )
    elif not all(discriminative):
        sentences.append(
            f"{MARK} Does not discriminate the truth from a copy of the source on this "
            "dataset, so it says nothing of a model."
        )
    return sentences + scorecard["warnings"]


def ordered(scorecard: dict) -> list[dict]:
    """The systems, models before baselines."""
    return sorted(scorecard["systems"], key=lambda system: system["kind"] != "model")


def _outcome(mine: dict, copied: dict, better: str) -> str:
    low, high = (copied, mine) if better == "higher" else (mine, copied)
    if low["high"] < high["low"]:
        return "better"
    return "worse" if low["low"] > high["high"] else "undecided"


def _listed(titles: tuple[str, ...]) -> str:
    return f" ({', '.join(titles)})" if titles else ""
