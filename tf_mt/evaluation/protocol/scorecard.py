"""The scorecard: every metric of every row, with intervals and discriminative power."""

import concurrent.futures
import functools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import threadpoolctl

from tf_mt import atomic, progress
from tf_mt.evaluation.metrics import frechet
from tf_mt.evaluation.protocol import (
    analysis,
    audio_cache,
    baselines,
    cases,
    clip_scores,
    intervals,
    reference_set,
)

EMBEDDED = (
    clip_scores.Metric(
        *("timbre", "timbre", "", "lower", "clips of the target"),
        "Cosine distance of the mean embedding to that of clips of the target.",
    ),
    clip_scores.Metric(
        *("domain", "domain", "", "higher", "the target"),
        "Share of translations that a classifier of domains takes for the target.",
    ),
    clip_scores.Metric(
        *("fad", "FAD", "", "lower", "clips of the target"),
        "Frechet distance of embeddings to clips of the target (Kilgour et al. 2019), "
        "the mean over targets.",
    ),
)
_FAD_RESAMPLES = 100


class Evaluation(NamedTuple):
    """What a scorecard is made from.

    Attributes:
        audio: Has the audio files.
        rows: The systems and baselines.
        cases: The cases that all of them are scored on.
        sample_rate_hz: The rate of all audio.
        embedder: Turns audio into vectors.
        targets: The embeddings `[windows, dimensions]` of clips of each domain.
        scores_folder: Where the scores of single clips are cached.
    """

    audio: audio_cache.AudioCache
    rows: Sequence[baselines.Row]
    cases: Sequence[cases.Case]
    sample_rate_hz: int
    embedder: Any
    targets: dict[str, np.ndarray]
    scores_folder: Path


def measure(evaluation: Evaluation) -> dict[str, list[dict[str, Any]]]:
    """Scores every row on every case, on all cores; cached scores are read again.

    Returns:
        For each row its scores of each case: the name of each metric and its value,
        and `windows`, the embeddings.
    """
    clips = len(evaluation.cases) * len(evaluation.rows)
    found: dict[str, list] = {row.name: [] for row in evaluation.rows}
    with (
        # One thread per case: within a matrix product, threads wait for each other.
        threadpoolctl.threadpool_limits(1),
        concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as executor,
        progress.bar(total=clips, desc="scores", unit="clip") as bar,
    ):
        one = functools.partial(_measure_case, evaluation)
        for rows in executor.map(one, evaluation.cases):
            for name, scores in rows.items():
                found[name].append(scores)
                bar.update()
    return found


def _measure_case(
    evaluation: Evaluation, case: cases.Case
) -> dict[str, dict[str, Any]]:
    """Scores every row, by its name; clips that they share are analysed once."""
    read = baselines.reader(evaluation.audio, case, evaluation.sample_rate_hz)
    return {
        row.name: _measure_one(evaluation, row, case, read) for row in evaluation.rows
    }


def _measure_one(
    evaluation: Evaluation,
    row: baselines.Row,
    case: cases.Case,
    read: Callable[[Path], analysis.Analysis],
) -> dict[str, Any]:
    path = evaluation.scores_folder / row.name / f"{case.name}.npz"
    if not path.exists():
        clips = baselines.clips(evaluation.audio, row, case, read)
        scores = clip_scores.measure(clips)
        estimate, rate = clips.estimate.audio, evaluation.sample_rate_hz
        windows = evaluation.embedder.embed(estimate, rate)
        scores |= reference_set.scores(
            evaluation.embedder,
            estimate,
            rate,
            case.target,
            windows,
            evaluation.targets[case.target],
        )
        with atomic.path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, windows=windows, **scores)
    with np.load(path) as stored:
        scores = {name: float(stored[name]) for name in stored if name != "windows"}
        return {**scores, "windows": stored["windows"]}


def tabulate(
    evaluation: Evaluation, found: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """Means, intervals and discriminative power; see `write` for the keys."""
    columns = [*clip_scores.METRICS, *EMBEDDED]
    values = {
        row: {
            m.name: np.array([s.get(m.name, np.nan) for s in scores]) for m in columns
        }
        for row, scores in found.items()
    }
    scores = {row: dict(_cells(columns, values[row])) for row in values}
    for row in found:
        scores[row] |= _fad(evaluation, found[row])
    columns = [m for m in columns if any(m.name in cells for cells in scores.values())]
    return {
        "metrics": [m._asdict() for m in columns],
        "systems": [
            {"name": row.name, "kind": row.kind, "about": {"what": row.about}}
            for row in evaluation.rows
        ],
        "scores": scores,
        "warnings": _warnings(evaluation, found, scores),
        "separates": {m.name: _separates(m.name, values, scores) for m in columns},
        "pairs": {
            row: dict(_pairs(evaluation.cases, columns, values[row])) for row in values
        },
    }


def _cells(
    columns: Sequence[clip_scores.Metric], values: dict[str, np.ndarray]
) -> Iterator[tuple[str, dict[str, float]]]:
    for metric in columns:
        known = values[metric.name][np.isfinite(values[metric.name])]
        if len(known):
            mean, low, high = intervals.bootstrap(known)
            yield (
                metric.name,
                {"mean": mean, "low": low, "high": high, "n": len(known)},
            )


def _separates(name: str, values: dict[str, dict], scores: dict[str, dict]) -> bool:
    """Whether a metric discriminates the truth from a copy of the source."""
    if baselines.TRUTH not in values:
        return False
    if name == "fad":
        truth = scores[baselines.TRUTH][name]
        copy = scores[baselines.COPY][name]
        return truth["high"] < copy["low"]
    return intervals.separates(
        values[baselines.TRUTH][name], values[baselines.COPY][name]
    )


def _pairs(
    chosen: Sequence[cases.Case],
    columns: Sequence[clip_scores.Metric],
    values: dict[str, np.ndarray],
) -> Iterator[tuple[str, dict[str, float]]]:
    pairs = np.array([f"{case.source} -> {case.target}" for case in chosen])
    for metric in columns:
        own = values[metric.name]
        means = {
            str(pair): float(np.mean(own[known]))
            for pair in dict.fromkeys(pairs)
            if (known := (pairs == pair) & np.isfinite(own)).any()
        }
        if means:
            yield metric.name, means


def _fad(
    evaluation: Evaluation, found: list[dict[str, Any]]
) -> dict[str, dict[str, float]]:
    """The mean over targets, with an interval by resampling the cases.

    Nothing where a target has fewer than two embeddings, which have no covariance.
    """
    random = np.random.Generator(np.random.Philox(key=0))
    by_target = _by_target(evaluation, found)
    if _fewest_embeddings(evaluation, found) < 2:
        return {}

    def distance(draw: bool) -> float:
        each = []
        for target, windows in by_target.items():
            chosen = range(len(windows))
            if draw:
                chosen = random.integers(0, len(windows), len(windows))
            own = np.concatenate([windows[i] for i in chosen])
            each.append(frechet.distance(evaluation.targets[target], own))
        return float(np.mean(each))

    mean = distance(draw=False)
    draws = [distance(draw=True) for _ in range(_FAD_RESAMPLES)]
    # A case that is drawn twice raises the distance, so only the spread is taken.
    low, high = np.percentile(draws, (2.5, 97.5)) - np.mean(draws)
    return {
        "fad": {
            "mean": mean,
            "low": float(max(0.0, mean + low)),
            "high": float(mean + high),
            "n": len(found),
        }
    }


def _by_target(
    evaluation: Evaluation, found: list[dict[str, Any]]
) -> dict[str, list[np.ndarray]]:
    """A row's embeddings of each case, by target; only domains that are a target."""
    by_target: dict[str, list[np.ndarray]] = {}
    for case, scores in zip(evaluation.cases, found, strict=True):
        by_target.setdefault(case.target, []).append(scores["windows"])
    return by_target


def _fewest_embeddings(evaluation: Evaluation, found: list[dict[str, Any]]) -> int:
    """The size of the smallest set of embeddings that a row's distance is between."""
    return min(
        min(sum(map(len, windows)), len(evaluation.targets[target]))
        for target, windows in _by_target(evaluation, found).items()
    )


def _warnings(
    evaluation: Evaluation,
    found: dict[str, list[dict[str, Any]]],
    scores: dict[str, dict[str, Any]],
) -> list[str]:
    """What a reader has to know of the scores: that a distance is over too few."""
    fewest = min(_fewest_embeddings(evaluation, own) for own in found.values())
    if not any("fad" in cells for cells in scores.values()):
        return []
    dimensions = next(iter(evaluation.targets.values())).shape[1]
    said = frechet.warning(fewest, dimensions)
    return [said] if said else []


def write(card: dict[str, Any], path: Path) -> None:
    """Writes a scorecard as JSON, the same bytes for the same scores.

    Keys: `dataset`, `n`, `clip_seconds`, `machine`, `embedder`; `systems` and `metrics`
    in their order; `scores[system][metric]` with `mean`, the 95 % interval `low` and
    `high` of a bootstrap over the cases, and `n`; `warnings`, sentences;
    `separates[metric]`, whether it discriminates truth and copy;
    `pairs[system][metric]["source -> target"]`, the means.
    """
    with atomic.path(path) as temporary:
        temporary.write_text(json.dumps(card, indent=1))
