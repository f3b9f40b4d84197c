"""The rows of a scorecard: models, and what any model has to be held against."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tf_mt.evaluation import cases, heard, metrics, playing

COPY, TRUTH, RANDOM = "copy", "truth", "random clip"


class Contestant(NamedTuple):
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


def contestants(
    stage: playing.Stage, models: Sequence[playing.Model], asked: Sequence[cases.Case]
) -> list[Contestant]:
    """All rows: the models, then the baselines."""

    def file(name: str) -> Callable[[cases.Case], Path]:
        return lambda case: stage.folder(case) / name

    source = file(playing.SOURCE)
    rows = [
        Contestant(
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
        rows.append(
            Contestant(TRUTH, "baseline", "the true answer", stage.answer, source)
        )
    rows.append(Contestant(COPY, "baseline", "the source as it is", source, source))
    for model in models:
        rows += [
            Contestant(
                f"resynthesis ({model.name})",
                "baseline",
                "the truth through the model's analysis and synthesis alone",
                file(f"{model.name}.resynthesis.wav"),
            ),
            Contestant(
                f"shuffled ({model.name})",
                "baseline",
                "the model's translation of another clip, from and to the same domains",
                _shuffled(stage, model, asked),
            ),
        ]
    rows.append(
        Contestant(
            RANDOM,
            "baseline",
            "any clip of the target, from the training split",
            file(playing.CHANCE),
        )
    )
    return rows


def _shuffled(
    stage: playing.Stage, model: playing.Model, asked: Sequence[cases.Case]
) -> Callable[[cases.Case], Path]:
    """Gives each case what the model made of the next one of the same two domains."""
    next_one = {}
    for case in asked:
        alike = [c for c in asked if (c.source, c.target) == (case.source, case.target)]
        next_one[case.name] = alike[(alike.index(case) + 1) % len(alike)]
    return lambda case: stage.folder(next_one[case.name]) / f"{model.name}.wav"


def listener(
    stage: playing.Stage, case: cases.Case, sample_rate_hz: int
) -> Callable[[Path], heard.Heard]:
    """What reads the sounds of a case, all as long as its source.

    What the contestant before was held against, too, is the same recording again; no
    more are kept than one contestant has.
    """
    samples = len(stage.read(stage.folder(case) / playing.SOURCE))

    @functools.lru_cache(len(metrics.Sounds._fields))
    def listen(path: Path) -> heard.Heard:
        return heard.Heard(cases.fit(stage.read(path), samples), sample_rate_hz)

    return listen


def sounds(
    stage: playing.Stage,
    contestant: Contestant,
    case: cases.Case,
    listen: Callable[[Path], heard.Heard],
) -> metrics.Sounds:
    """What a contestant made of a case, and what it is held against.

    Args:
        stage: Where the sounds are.
        contestant: Whose they are.
        case: The case.
        listen: The `listener` of that case.
    """
    folder = stage.folder(case)
    notes = folder / playing.NOTES
    return metrics.Sounds(
        source=listen(folder / playing.SOURCE),
        estimate=listen(contestant.estimate(case)),
        style=listen(folder / playing.STYLE),
        truth=None if case.answer is None else listen(folder / playing.TRUTH),
        cycle=listen(contestant.cycle(case)) if contestant.cycle else None,
        reconstruction=(
            listen(contestant.reconstruction(case))
            if contestant.reconstruction
            else None
        ),
        notes=np.load(notes) if notes.exists() else None,
    )
