"""The rows of a scorecard: models, and what any model has to be held against."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tf_mt.evaluation.protocol import analysis, audio_cache, cases, clip_scores

COPY, TRUTH, RANDOM = "copy", "truth", "random clip"


class Row(NamedTuple):
    """A row.

    Attributes:
        name: As in the scorecard.
        kind: "model" or "baseline".
        about: What it is, in a phrase.
        estimate: The sound that it gives for a case.
        cycle: That sound brought back to the domain of the source, if that can be had.
        reconstruction: The source in its own domain, if that can be had.
    """

    name: str
    kind: str
    about: str
    estimate: Callable[[cases.Case], Path]
    cycle: Callable[[cases.Case], Path] | None = None
    reconstruction: Callable[[cases.Case], Path] | None = None


def rows(
    stage: audio_cache.Stage,
    models: Sequence[audio_cache.Model],
    asked: Sequence[cases.Case],
) -> list[Row]:
    """All rows: the models, then the baselines."""

    def file(name: str) -> Callable[[cases.Case], Path]:
        return lambda case: stage.folder(case) / name

    source = file(audio_cache.SOURCE)
    rows = [
        Row(
            model.name,
            "model",
            "translations",
            file(f"{model.name}.wav"),
            file(f"{model.name}.cycle.wav"),
            file(f"{model.name}.reconstruction.wav"),
        )
        for model in models
    ]
    if any(case.answer is not None for case in asked):
        rows.append(Row(TRUTH, "baseline", "the true answer", stage.answer, source))
    rows.append(Row(COPY, "baseline", "the source as it is", source, source))
    for model in models:
        rows += [
            Row(
                f"resynthesis ({model.name})",
                "baseline",
                "the truth through the model's analysis and synthesis alone",
                file(f"{model.name}.resynthesis.wav"),
            ),
            Row(
                f"shuffled ({model.name})",
                "baseline",
                "the model's translation of another clip, from and to the same domains",
                _shuffled(stage, model, asked),
            ),
        ]
    rows.append(
        Row(
            RANDOM,
            "baseline",
            "any clip of the target, from the training split",
            file(audio_cache.CHANCE),
        )
    )
    return rows


def _shuffled(
    stage: audio_cache.Stage, model: audio_cache.Model, asked: Sequence[cases.Case]
) -> Callable[[cases.Case], Path]:
    """Gives each case what the model made of the next one of the same two domains."""
    next_one = {}
    for case in asked:
        alike = [c for c in asked if (c.source, c.target) == (case.source, case.target)]
        next_one[case.name] = alike[(alike.index(case) + 1) % len(alike)]
    return lambda case: stage.folder(next_one[case.name]) / f"{model.name}.wav"


def listener(
    stage: audio_cache.Stage, case: cases.Case, sample_rate_hz: int
) -> Callable[[Path], analysis.Analysis]:
    """What reads the sounds of a case, all as long as its source.

    What the row before was held against, too, is the same recording again; no
    more are kept than one row has.
    """
    samples = len(stage.read(stage.folder(case) / audio_cache.SOURCE))

    @functools.lru_cache(len(clip_scores.Sounds._fields))
    def listen(path: Path) -> analysis.Analysis:
        return analysis.Analysis(cases.fit(stage.read(path), samples), sample_rate_hz)

    return listen


def sounds(
    stage: audio_cache.Stage,
    row: Row,
    case: cases.Case,
    listen: Callable[[Path], analysis.Analysis],
) -> clip_scores.Sounds:
    """What a row made of a case, and what it is held against.

    Args:
        stage: Where the sounds are.
        row: Whose they are.
        case: The case.
        listen: The `listener` of that case.
    """
    folder = stage.folder(case)
    notes = folder / audio_cache.NOTES
    return clip_scores.Sounds(
        source=listen(folder / audio_cache.SOURCE),
        estimate=listen(row.estimate(case)),
        style=listen(folder / audio_cache.STYLE),
        truth=None if case.answer is None else listen(folder / audio_cache.TRUTH),
        cycle=listen(row.cycle(case)) if row.cycle else None,
        reconstruction=(
            listen(row.reconstruction(case)) if row.reconstruction else None
        ),
        notes=np.load(notes) if notes.exists() else None,
    )
