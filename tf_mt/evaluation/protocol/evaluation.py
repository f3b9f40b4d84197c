"""One evaluation: from systems and a dataset to a folder with its report."""

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tf_mt import atomic, progress
from tf_mt.evaluation.protocol import (
    audio_cache,
    baselines,
    cases,
    content_vectors,
    reference_set,
    scorecard,
    systems,
)
from tf_mt.evaluation.report import html_report, markdown, plots

SHOWN_CLIPS = 4


class Dataset(NamedTuple):
    """The dataset that systems are scored on.

    Attributes:
        name: In the report.
        place: Distinguishes it from others of that name.
        domains: The domains to translate between.
        sample_rate_hz: The rate of its recordings.
        sources: The recordings that are translated: `entries`, `audio`, `notes`; those
            of `test`, or of another dataset.
        test: Those of its test split.
        train: Those of its training split.
    """

    name: str
    place: str
    domains: Sequence[str]
    sample_rate_hz: int
    sources: Any
    test: Any
    train: Any


class Embedder(NamedTuple):
    """What turns audio into vectors, and may classify domains.

    Attributes:
        embedder: A `tf_mt.embedders.embedder.Embedder`.
        identity: Distinguishes it from others of its name.
    """

    embedder: Any
    identity: str


class Settings(NamedTuple):
    """What is scored.

    Attributes:
        clips: The most pieces of a paired test set, or else recordings of each domain;
            all if 0.
        seconds: The most of a recording that is translated.
        transfer: Whether one-shot transfer is scored, too.
    """

    clips: int
    seconds: float
    transfer: bool


def evaluate(
    scored: Sequence[systems.ScoredSystem],
    dataset: Dataset,
    embedding: Embedder,
    settings: Settings,
    out: Path,
) -> dict[str, Any]:
    """Scores systems side by side; interrupted, it continues where it was.

    Args:
        scored: The systems.
        dataset: What they are scored on.
        embedding: What embeds the audio.
        settings: Which clips, and what is done with them.
        out: Where audio, scores and the report are written.

    Returns:
        The scorecard, as in `scorecard.json`.

    Raises:
        ValueError: There is nothing to score, two rows have one name, or `out` has
            another evaluation.
    """
    rate = dataset.sample_rate_hz
    samples = round(settings.seconds * rate)
    chosen = cases.choose(
        dataset.sources.entries,
        dataset.test.entries,
        dataset.train.entries,
        dataset.domains,
        settings.clips,
        round(cases.SHORTEST_SECONDS * rate),
        settings.transfer,
    )
    cache = audio_cache.AudioCache(
        out / "audio", dataset.sources, dataset.test, dataset.train, rate, samples
    )
    rows = baselines.rows(cache, scored, chosen)
    _check_folder(out, scored, dataset, embedding.identity, settings)
    _write_audio(cache, scored, chosen)
    embedder = embedding.embedder
    targets = reference_set.embed(
        embedder, dataset.train, dataset.domains, rate, samples
    )
    evaluation = scorecard.Evaluation(
        cache, rows, chosen, rate, embedder, targets, out / "cache"
    )
    card = {
        "dataset": dataset.name,
        "n": len(chosen),
        "clip_seconds": settings.seconds,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "embedder": _describe(embedder, targets),
        **scorecard.tabulate(evaluation, scorecard.measure(evaluation)),
    }
    pictures = {}
    for one in scored:
        about, drawn = _content(one, cache, chosen, rate, out)
        pictures |= drawn
        for row in card["systems"]:
            if row["name"] in map(one.row_name, one.modes):
                speed = round(cache.speed(row["name"], chosen), 1)
                row["about"] |= {**about, "times real time": speed}
    _report(card, cache, chosen, scored, pictures, rate, out)
    return card


def _write_audio(
    cache: audio_cache.AudioCache,
    scored: Sequence[systems.ScoredSystem],
    chosen: Sequence[cases.Case],
) -> None:
    for case in progress.bar(chosen, desc="translations", unit="clip"):
        cache.write_case(case)
        for one in scored:
            for mode in one.modes:
                cache.write_outputs(one, mode, case)
            cache.write_resynthesis(one, case)


def _content(
    scored: systems.ScoredSystem,
    cache: audio_cache.AudioCache,
    chosen: Sequence[cases.Case],
    sample_rate_hz: int,
    out: Path,
) -> tuple[dict[str, Any], dict[str, Path]]:
    """What the scorecard says of a system and its content vectors; pictures by title.

    Where there are none, or too few to probe or to draw, it says why instead.
    """
    about: dict[str, Any] = {}
    if scored.info.parameters is not None:
        about["parameters"] = scored.info.parameters
    try:
        codes = content_vectors.collect(
            scored.system.codes, cache, chosen, sample_rate_hz
        )
    except (ValueError, OSError) as error:
        return {**about, "probe": f"none: {error}"}, {}
    try:
        about |= content_vectors.probe(codes)
    except ValueError as error:
        about["probe"] = f"none: {error}"
    path = out / f"codes_{scored.name}.png"
    title = f"Content codes of {scored.name} by t-SNE"
    try:
        content_vectors.draw(codes, title, path)
    except ValueError as error:
        return {**about, "t-SNE": f"none: {error}"}, {}
    return about, {title: path}


def _describe(embedder: Any, targets: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {
        "name": embedder.name,
        "reference": f"up to {reference_set.CLIPS} training clips of each domain",
        "n": min(len(windows) for windows in targets.values()),
    }


def _check_folder(
    out: Path,
    scored: Sequence[systems.ScoredSystem],
    dataset: Dataset,
    embedder: str,
    settings: Settings,
) -> None:
    """Makes sure that a folder is for this evaluation; more systems may be added."""
    path = out / "evaluation.json"
    wanted = {
        "data": dataset.place,
        **settings._asdict(),
        "embedder": embedder,
        "models": {one.name: one.identity for one in scored},
    }
    known = json.loads(path.read_text()) if path.exists() else wanted
    models = {**known["models"], **wanted["models"]}
    for name, identity in known["models"].items():
        if models[name] != identity:
            raise ValueError(
                f"out={str(out)!r} holds an evaluation of something else: {name!r} has "
                "other weights or another version by now; choose another folder, or "
                "remove that one."
            )
    if {**known, "models": 0} != {**wanted, "models": 0}:
        raise ValueError(
            f"out={str(out)!r} holds an evaluation of something else; choose another "
            "folder, or remove that one."
        )
    with atomic.path(path) as temporary:
        temporary.write_text(json.dumps({**wanted, "models": models}, indent=1))


def _report(
    card: dict[str, Any],
    cache: audio_cache.AudioCache,
    chosen: Sequence[cases.Case],
    scored: Sequence[systems.ScoredSystem],
    pictures: Mapping[str, Path],
    sample_rate_hz: int,
    out: Path,
) -> None:
    """Writes `scorecard.json`, `scorecard.md`, `report.html` and `picture.png`."""
    shown = _shown(chosen)
    models = [one.row_name(mode) for one in scored for mode in one.modes]
    scorecard.write(card, out / "scorecard.json")
    with atomic.path(out / "scorecard.md") as temporary:
        temporary.write_text(markdown.table(card))
    examples = [
        {
            "title": f"{case.clip}, {case.source} to {case.target}",
            "sounds": _example_files(cache, case, models),
        }
        for case in shown
    ]
    html_report.write(card, examples, pictures, sample_rate_hz, out / "report.html")
    drawn = [
        plots.Example(
            case.source,
            case.target,
            cache.read(cache.folder(case) / audio_cache.SOURCE),
            cache.read(cache.output(case, models[0], audio_cache.OUTPUT)),
            cache.read(cache.truth(case)),
        )
        for case in shown
        if case.answer is not None
    ]
    if drawn:
        plots.examples(drawn, sample_rate_hz, out / "picture.png")


def _example_files(
    cache: audio_cache.AudioCache, case: cases.Case, models: Sequence[str]
) -> dict[str, Path]:
    """The audio files that the report shows of a case, by their title."""
    found = {"source": cache.folder(case) / audio_cache.SOURCE}
    if case.answer is not None:
        found["truth"] = cache.truth(case)
    if case.reference is not None:
        found["reference"] = cache.folder(case) / audio_cache.STYLE
    outputs = {name: cache.output(case, name, audio_cache.OUTPUT) for name in models}
    return found | outputs


def _shown(chosen: Sequence[cases.Case]) -> list[cases.Case]:
    """One case for each source, each of another target if that can be."""
    targets = list(dict.fromkeys(case.target for case in chosen))
    found = []
    for source in list(dict.fromkeys(case.source for case in chosen))[:SHOWN_CLIPS]:
        place = targets.index(source) + 1 if source in targets else 0
        following = targets[place % len(targets)]
        found += [c for c in chosen if (c.source, c.target) == (source, following)][:1]
    return found
