"""One evaluation: from models and a dataset to a folder with its report."""

import json
import platform
from collections.abc import Callable, Mapping, Sequence
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
)
from tf_mt.evaluation.report import html_report, markdown, plots

SHOWN_CLIPS = 4


class Dataset(NamedTuple):
    """What the models are judged on.

    Attributes:
        name: As in the report.
        place: Tells it from others of that name.
        domains: The domains to translate between.
        sample_rate_hz: The rate of its recordings.
        test: The recordings of its test split: `entries`, `audio`, `notes`.
        train: Those of its training split.
    """

    name: str
    place: str
    domains: Sequence[str]
    sample_rate_hz: int
    test: Any
    train: Any


class Judged(NamedTuple):
    """A model and what is known of it.

    Attributes:
        model: What translates.
        identity: Tells it from others of its name.
        codes: Gives the content codes of clips `[batch, samples]`, if it can.
    """

    model: audio_cache.Model
    identity: str
    codes: Callable[[np.ndarray], np.ndarray] | None


class Embedder(NamedTuple):
    """What turns sounds into vectors, and may tell domains apart.

    Attributes:
        embedder: With `name`, `domains`, `embed` and, if there are domains,
            `probabilities`.
        identity: Tells it from others of its name.
    """

    embedder: Any
    identity: str


def evaluate(
    judged: Sequence[Judged],
    dataset: Dataset,
    embedding: Embedder,
    clips: int,
    seconds: float,
    out: Path,
) -> dict[str, Any]:
    """Scores models side by side; interrupted, it goes on where it was.

    Args:
        judged: The models.
        dataset: What they are judged on.
        embedding: What embeds the sounds.
        clips: The most pieces of a paired test set, or else recordings of each domain.
        seconds: The most of a recording that is translated.
        out: Where sounds, scores and the report are written.

    Returns:
        The scorecard, as in `scorecard.json`.

    Raises:
        ValueError: If there is nothing to score, or `out` has another evaluation.
    """
    rate = dataset.sample_rate_hz
    asked = cases.choose(
        dataset.test.entries,
        dataset.train.entries,
        dataset.domains,
        clips,
        round(cases.SHORTEST_SECONDS * rate),
    )
    _settle(out, judged, dataset, embedding.identity, clips, seconds)
    samples = round(seconds * rate)
    stage = audio_cache.Stage(out / "audio", dataset.test, dataset.train, rate, samples)
    models = [one.model for one in judged]
    for case in progress.bar(asked, desc="translations", unit="clip"):
        stage.set(case)
        for model in models:
            stage.play(model, case)
    embedder = embedding.embedder
    targets = reference_set.embed(
        embedder, dataset.train, dataset.domains, rate, samples
    )
    rows = baselines.rows(stage, models, asked)
    evaluation = scorecard.Evaluation(
        stage, rows, asked, rate, embedder, targets, out / "cache"
    )
    card = {
        "dataset": dataset.name,
        "n": len(asked),
        "clip_seconds": seconds,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "embedder": _told(embedder, targets),
        **scorecard.tabulate(evaluation, scorecard.measure(evaluation)),
    }
    for row in card["systems"]:
        for model in models:
            if row["name"] == model.name:
                row["about"] |= model.about
                row["about"]["times real time"] = round(stage.speed(model, asked), 1)
    pictures = _content(judged, card, stage, asked, rate, out)
    _report(card, stage, asked, models, pictures, rate, out)
    return card


def _content(
    judged: Sequence[Judged],
    card: dict[str, Any],
    stage: audio_cache.Stage,
    asked: Sequence[cases.Case],
    sample_rate_hz: int,
    out: Path,
) -> dict[str, Path]:
    """Adds to the card what the models' codes give away; the titles of the pictures."""
    pictures = {}
    for one, row in zip(judged, card["systems"], strict=False):
        if one.codes is not None:
            codes = content_vectors.collect(one.codes, stage, asked, sample_rate_hz)
            row["about"] |= content_vectors.probe(codes)
            path = out / f"codes_{one.model.name}.png"
            title = f"Content codes of {one.model.name} by t-SNE"
            content_vectors.draw(codes, title, path)
            pictures[title] = path
    return pictures


def _told(embedder: Any, targets: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {
        "name": embedder.name,
        "reference": f"up to {reference_set.CLIPS} training clips of each domain",
        "n": min(len(windows) for windows in targets.values()),
    }


def _settle(
    out: Path,
    judged: Sequence[Judged],
    dataset: Dataset,
    embedder: str,
    clips: int,
    seconds: float,
) -> None:
    """Makes sure that a folder is for this evaluation; models may join."""
    path = out / "evaluation.json"
    settings = {
        "data": dataset.place,
        "clips": clips,
        "seconds": seconds,
        "embedder": embedder,
        "models": {one.model.name: one.identity for one in judged},
    }
    if len(settings["models"]) < len(judged):
        raise ValueError(
            f"two models have the same name ({', '.join(settings['models'])}); rename "
            "the folder of one."
        )
    known = json.loads(path.read_text()) if path.exists() else settings
    models = {**known["models"], **settings["models"]}
    clash = any(models[name] != identity for name, identity in known["models"].items())
    if clash or {**known, "models": 0} != {**settings, "models": 0}:
        raise ValueError(
            f"out={str(out)!r} holds an evaluation of something else; choose another "
            "folder, or remove that one."
        )
    with atomic.path(path) as temporary:
        temporary.write_text(json.dumps({**settings, "models": models}, indent=1))


def _report(
    card: dict[str, Any],
    stage: audio_cache.Stage,
    asked: Sequence[cases.Case],
    models: Sequence[audio_cache.Model],
    pictures: Mapping[str, Path],
    sample_rate_hz: int,
    out: Path,
) -> None:
    """Writes `scorecard.json`, `scorecard.md`, `report.html` and `picture.png`."""
    shown = _shown(asked)
    examples = []
    for case in shown:
        sounds = {"source": stage.folder(case) / audio_cache.SOURCE}
        if case.answer is not None:
            sounds["truth"] = stage.answer(case)
        for model in models:
            sounds[model.name] = stage.folder(case) / f"{model.name}.wav"
        title = f"{case.clip}, {case.source} to {case.target}"
        examples.append({"title": title, "sounds": sounds})
    scorecard.write(card, out / "scorecard.json")
    with atomic.path(out / "scorecard.md") as temporary:
        temporary.write_text(markdown.table(card))
    html_report.write(card, examples, pictures, sample_rate_hz, out / "report.html")
    drawn = [
        plots.Example(
            case.source,
            case.target,
            stage.read(stage.folder(case) / audio_cache.SOURCE),
            stage.read(stage.folder(case) / f"{models[0].name}.wav"),
            stage.read(stage.answer(case)),
        )
        for case in shown
        if case.answer is not None
    ]
    if drawn:
        plots.examples(drawn, sample_rate_hz, out / "picture.png")


def _shown(asked: Sequence[cases.Case]) -> list[cases.Case]:
    """One case for each source, each of another target if that can be."""
    targets = list(dict.fromkeys(case.target for case in asked))
    found = []
    for source in list(dict.fromkeys(case.source for case in asked))[:SHOWN_CLIPS]:
        following = targets[(targets.index(source) + 1) % len(targets)]
        found += [c for c in asked if (c.source, c.target) == (source, following)][:1]
    return found
