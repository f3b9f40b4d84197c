"""Brings models and a dataset together for an evaluation."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tf_mt.data import clips as stored_clips
from tf_mt.data import recordings
from tf_mt.embedders import embedder as embedders
from tf_mt.evaluation.protocol import audio_cache, evaluation


def judge(
    systems: Sequence[tuple[str, str, Any]],
    data: Path,
    embedder: str,
    clips: int,
    seconds: float,
    out: Path,
) -> dict[str, Any]:
    """Scores systems on a dataset; see `evaluation.evaluate`.

    Args:
        systems: Name, identity, and the system: of this process, or of a server.
        data: The dataset's folder.
        embedder: Which one, as `embedders.load` takes it.
        clips: The most pieces, or recordings of each domain.
        seconds: The most of a recording that is translated.
        out: Where the report is written.

    Returns:
        The scorecard.

    Raises:
        ValueError: If a system does not fit the dataset, or there is nothing to score.
        FileNotFoundError: If something that is named is not there.
    """
    info = stored_clips.read_info(data)
    judged = []
    for name, identity, system in systems:
        for domain in info.domains:
            told = system.check_domain(domain)
        if told.sample_rate_hz != info.sample_rate_hz:
            raise ValueError(
                f"data={str(data)!r} has {info.sample_rate_hz} Hz, but {name!r} is for "
                f"{told.sample_rate_hz} Hz; convert the data with that --sample_rate."
            )
        judged.append(_judged(name, identity, system, told.parameters))
    dataset = evaluation.Dataset(
        info.name,
        str(data.resolve()),
        info.domains,
        info.sample_rate_hz,
        recordings.Recordings(data, "test"),
        recordings.Recordings(data, "train"),
    )
    found = evaluation.Embedder(embedders.load(embedder), embedder)
    return evaluation.evaluate(judged, dataset, found, clips, seconds, out)


def _judged(
    name: str, identity: str, system: Any, parameters: int | None
) -> evaluation.Judged:
    def translate(audio: np.ndarray, domain: str) -> np.ndarray:
        return _joined(system.translate_stream([audio], domain))

    def resynthesise(audio: np.ndarray) -> np.ndarray:
        return _joined(system.resynthesise_stream([audio]))

    about = {} if parameters is None else {"parameters": parameters}
    model = audio_cache.Model(name, about, translate, resynthesise)
    return evaluation.Judged(model, identity, system.codes)


def _joined(blocks: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate(list(blocks))
