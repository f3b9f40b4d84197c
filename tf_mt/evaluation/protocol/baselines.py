"""The rows of a scorecard: the systems' and those of the baselines."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tf_mt.evaluation.protocol import (
    analysis,
    audio_cache,
    cases,
    clip_scores,
    systems,
)

COPY, TRUTH, RANDOM = "copy", "truth", "random clip"
# What tables and examples call something else than a system.
RESERVED = (COPY, TRUTH, RANDOM, "source", "reference")

_ABOUT = {
    systems.TRANSLATION: "translations to known domains",
    systems.TRANSFER: "one-shot transfer from a clip of other music in the test split",
}


class Row(NamedTuple):
    """A row.

    Attributes:
        name: In the scorecard.
        kind: "model" or "baseline".
        about: What it is, in a phrase.
        estimate: The audio file that is scored for a case.
        cycle: That audio translated back to the domain of the source, if there is one.
        reconstruction: The source translated to its own domain, if there is one.
    """

    name: str
    kind: str
    about: str
    estimate: Callable[[cases.Case], Path]
    cycle: Callable[[cases.Case], Path] | None = None
    reconstruction: Callable[[cases.Case], Path] | None = None


def rows(
    cache: audio_cache.AudioCache,
    scored: Sequence[systems.ScoredSystem],
    chosen: Sequence[cases.Case],
) -> list[Row]:
    """All rows: of each system and mode, then of the baselines.

    The baseline "shuffled" is left out where two domains have only one case: there it
    would be the system itself.

    Raises:
        ValueError: Two rows would have one name.
    """

    def file(name: str) -> Callable[[cases.Case], Path]:
        return lambda case: cache.folder(case) / name

    source = file(audio_cache.SOURCE)
    rows = [_system_row(cache, one, mode) for one in scored for mode in one.modes]
    if any(case.answer is not None for case in chosen):
        rows.append(Row(TRUTH, "baseline", "the true answer", cache.truth, source))
    rows.append(Row(COPY, "baseline", "the source as it is", source, source))
    following = _following(chosen)
    for one in scored:
        rows.append(
            Row(
                f"resynthesis ({one.name})",
                "baseline",
                "the truth through the model's analysis and synthesis alone",
                _output(cache, one.name, audio_cache.RESYNTHESIS),
            )
        )
        if following:
            rows += [_shuffled(cache, one.row_name(m), following) for m in one.modes]
    rows.append(
        Row(
            RANDOM,
            "baseline",
            "any clip of the target, from the training split",
            file(audio_cache.RANDOM),
        )
    )
    _check_names(rows)
    return rows


def _check_names(rows: Sequence[Row]) -> None:
    names = [row.name for row in rows]
    models = [row.name for row in rows if row.kind == "model"]
    for name in models:
        if name in RESERVED or names.count(name) > 1:
            raise ValueError(
                f"name={name!r} is that of a baseline or of another model, and each "
                "row of the scorecard needs its own; rename the model's folder."
            )


def _system_row(
    cache: audio_cache.AudioCache, scored: systems.ScoredSystem, mode: str
) -> Row:
    output = functools.partial(_output, cache, scored.row_name(mode))
    row = Row(scored.row_name(mode), "model", _ABOUT[mode], output(audio_cache.OUTPUT))
    if mode == systems.TRANSFER:
        return row
    return row._replace(
        cycle=output(audio_cache.CYCLE),
        reconstruction=output(audio_cache.RECONSTRUCTION),
    )


def _output(
    cache: audio_cache.AudioCache, row: str, file: str
) -> Callable[[cases.Case], Path]:
    return lambda case: cache.output(case, row, file)


def _shuffled(
    cache: audio_cache.AudioCache, row: str, following: dict[str, cases.Case]
) -> Row:
    output = _output(cache, row, audio_cache.OUTPUT)
    return Row(
        f"shuffled ({row})",
        "baseline",
        "the model's output for another clip, from and to the same domains",
        lambda case: output(following[case.name]),
    )


def _following(chosen: Sequence[cases.Case]) -> dict[str, cases.Case]:
    """The next case of the same domains, by case; empty if one would follow itself."""
    following = {}
    for case in chosen:
        alike = [
            one
            for one in chosen
            if (one.source, one.target) == (case.source, case.target)
        ]
        if len(alike) == 1:
            return {}
        following[case.name] = alike[(alike.index(case) + 1) % len(alike)]
    return following


def reader(
    cache: audio_cache.AudioCache, case: cases.Case, sample_rate_hz: int
) -> Callable[[Path], analysis.Analysis]:
    """What reads the files of a case, all fit to the length of its source.

    A file that the previous row was compared with, too, gives the same `Analysis`; no
    more are kept than one row has.
    """
    samples = len(cache.read(cache.folder(case) / audio_cache.SOURCE))

    @functools.lru_cache(len(clip_scores.Clips._fields))
    def read(path: Path) -> analysis.Analysis:
        return analysis.Analysis(cases.fit(cache.read(path), samples), sample_rate_hz)

    return read


def clips(
    cache: audio_cache.AudioCache,
    row: Row,
    case: cases.Case,
    read: Callable[[Path], analysis.Analysis],
) -> clip_scores.Clips:
    """The estimate of a row for a case, and the clips that it is compared with.

    Args:
        cache: Has the files.
        row: Whose estimate.
        case: The case.
        read: The `reader` of that case.
    """
    folder = cache.folder(case)
    notes = folder / audio_cache.NOTES
    return clip_scores.Clips(
        source=read(folder / audio_cache.SOURCE),
        estimate=read(row.estimate(case)),
        style=read(folder / audio_cache.STYLE),
        truth=None if case.answer is None else read(folder / audio_cache.TRUTH),
        cycle=read(row.cycle(case)) if row.cycle else None,
        reconstruction=(read(row.reconstruction(case)) if row.reconstruction else None),
        notes=np.load(notes) if notes.exists() else None,
    )
