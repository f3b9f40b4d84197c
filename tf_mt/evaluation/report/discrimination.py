"""What the numbers of a scorecard say: which model is best, which beat copying.

A scorecard is the JSON-able dictionary of `tf_mt.evaluation.protocol.scorecard`.
"""

from typing import NamedTuple

from tf_mt.evaluation.protocol import baselines

UNTOLD = "\N{DAGGER}"


class Verdict(NamedTuple):
    """A model held against copying the source.

    Attributes:
        better: Titles of the metrics on which the model's whole interval lies on the
            better side of copying's.
        worse: Titles of those on which it lies on the worse side.
        open: Titles of those on which the intervals overlap.
    """

    better: tuple[str, ...]
    worse: tuple[str, ...]
    open: tuple[str, ...]

    def sentence(self, model: str) -> str:
        """The verdict in words."""
        total = len(self.better) + len(self.worse) + len(self.open)
        if not total:
            return f"For {model} no metric ranks copying the source below the truth."
        text = f"{model} beats copying the source on {len(self.better)} of the {total}"
        text += f" metrics that rank it below the truth{_listed(self.better)}"
        if self.worse:
            text += f"; it loses on {len(self.worse)}{_listed(self.worse)}"
        if self.open:
            text += f"; {len(self.open)} undecided{_listed(self.open)}"
        return text + "."


def against_copying(scorecard: dict, model: str) -> Verdict:
    """Holds a model against copying, on the metrics that rank it below the truth.

    Metrics that do not tell the two apart are left out, and so are those that are held
    against the source itself: copying is perfect on them.

    Args:
        scorecard: Whose scores are read.
        model: The name of one of its systems.

    Returns:
        The metrics by outcome, in the scorecard's order.
    """
    outcomes = {"better": [], "worse": [], "open": []}
    for metric in scorecard["metrics"]:
        name = metric["name"]
        mine = scorecard["scores"].get(model, {}).get(name)
        copied = scorecard["scores"].get(baselines.COPY, {}).get(name)
        true = scorecard["scores"].get(baselines.TRUTH, {}).get(name)
        if None in (mine, copied, true) or not tells(scorecard, name):
            continue
        gap = copied["mean"] - true["mean"]
        if (gap if metric["better"] == "lower" else -gap) > 0.0:
            outcomes[_outcome(mine, copied, metric["better"])].append(metric["title"])
    return Verdict(**{key: tuple(titles) for key, titles in outcomes.items()})


def tells(scorecard: dict, metric: str) -> bool:
    """Whether a metric tells the truth from a copy of the source."""
    return scorecard["separates"][metric]


def best(scorecard: dict, metric: dict) -> set[str]:
    """The models with the best mean of a metric.

    Args:
        scorecard: Whose scores are read.
        metric: One of its metrics.

    Returns:
        Names of systems, more than one if they tie; empty for a metric that does not
        tell the truth from a copy, and where fewer than two models have a score.
    """
    means = {
        system["name"]: scorecard["scores"][system["name"]][metric["name"]]["mean"]
        for system in scorecard["systems"]
        if system["kind"] == "model"
        and metric["name"] in scorecard["scores"].get(system["name"], {})
    }
    if len(means) < 2 or not tells(scorecard, metric["name"]):
        return set()
    top = min(means.values()) if metric["better"] == "lower" else max(means.values())
    return {name for name, mean in means.items() if mean == top}


def notes(scorecard: dict) -> list[str]:
    """What a reader of the table has to know of its marks, in sentences."""
    told = [tells(scorecard, metric["name"]) for metric in scorecard["metrics"]]
    said = []
    if any(best(scorecard, metric) for metric in scorecard["metrics"]):
        said.append("Bold: the best model.")
    if baselines.TRUTH not in scorecard["scores"]:
        said.append(
            f"{UNTOLD} The truth is not known, so nothing shows that it judges."
        )
    elif not all(told):
        said.append(
            f"{UNTOLD} Does not tell the truth from a copy of the source on this "
            "dataset, so it judges no model."
        )
    return said


def ordered(scorecard: dict) -> list[dict]:
    """The systems, models before baselines."""
    return sorted(scorecard["systems"], key=lambda system: system["kind"] != "model")


def _outcome(mine: dict, copied: dict, better: str) -> str:
    low, high = (copied, mine) if better == "higher" else (mine, copied)
    if low["high"] < high["low"]:
        return "better"
    return "worse" if low["low"] > high["high"] else "open"


def _listed(titles: tuple[str, ...]) -> str:
    return f" ({', '.join(titles)})" if titles else ""
