"""Evaluates systems on a dataset folder: reads both and checks that they fit."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tf_mt import names
from tf_mt.data import clips as stored_clips
from tf_mt.data import recordings
from tf_mt.embedders import embedder as embedders
from tf_mt.evaluation.protocol import evaluation, systems


def evaluate(
    named: Iterable[tuple[str, str, Any]],
    data: Path,
    sources: Path | None,
    embedder: str,
    clips: int,
    seconds: float,
    domains: Sequence[str],
    transfer: bool,
    out: Path,
) -> dict[str, Any]:
    """Scores systems on a dataset; see `evaluation.evaluate`.

    Args:
        named: Name, identity and system of each, as in `systems.check`.
        data: The dataset's folder.
        sources: The folder of another dataset, whose test split is translated instead.
        embedder: Which one, as `embedders.load` takes it.
        clips: The most pieces, or recordings of each domain.
        seconds: The most of a recording that is translated.
        domains: Those that are translated between; all of the dataset's if empty.
        transfer: Whether one-shot transfer is scored, too.
        out: Where the report is written.

    Returns:
        The scorecard.

    Raises:
        ValueError: A system or the sources do not fit the dataset, or there is nothing
            to score.
        FileNotFoundError: Something that is named is not there.
    """
    info = stored_clips.read_info(data)
    for domain in domains:
        if domain not in info.domains:
            raise ValueError(names.unknown("domains", domain, info.domains))
    domains = tuple(domains) or info.domains
    scored = systems.check(named, domains, transfer)
    for one in scored:
        if one.info.sample_rate_hz != info.sample_rate_hz:
            raise ValueError(
                f"data={str(data)!r} has {info.sample_rate_hz} Hz, but {one.name!r} is "
                f"for {one.info.sample_rate_hz} Hz; convert the data with that "
                "--sample_rate."
            )
    test = recordings.Recordings(data, "test")
    dataset = evaluation.Dataset(
        info.name,
        str(data.resolve()),
        domains,
        info.sample_rate_hz,
        test,
        test,
        recordings.Recordings(data, "train"),
    )
    if sources is not None:
        dataset = _with_sources(dataset, sources)
    settings = evaluation.Settings(clips, seconds, transfer)
    loaded = evaluation.Embedder(embedders.load(embedder), embedder)
    return evaluation.evaluate(scored, dataset, loaded, settings, out)


def _with_sources(dataset: evaluation.Dataset, folder: Path) -> evaluation.Dataset:
    sources = recordings.Recordings(folder, "test")
    if sources.info.sample_rate_hz != dataset.sample_rate_hz:
        raise ValueError(
            f"sources={str(folder)!r} has {sources.info.sample_rate_hz} Hz, but the "
            f"data has {dataset.sample_rate_hz} Hz; convert both with one "
            "--sample_rate."
        )
    return dataset._replace(
        name=f"{dataset.name}, from sources of {sources.info.name}",
        place=f"{dataset.place}, from sources of {folder.resolve()}",
        sources=sources,
    )
