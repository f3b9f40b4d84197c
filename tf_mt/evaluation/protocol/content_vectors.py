"""How much a model's content codes give away of the domain that played."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tf_mt.evaluation.metrics import probes
from tf_mt.evaluation.protocol import audio_cache, cases
from tf_mt.evaluation.report import projection

WINDOW_SECONDS = 2.0


class Codes(NamedTuple):
    """Content codes of windows of the sources.

    Attributes:
        values: float32 `[windows, features]`.
        domains: Who played each window.
        clips: What was played; a probe is never tested on what it was trained on.
    """

    values: np.ndarray
    domains: np.ndarray
    clips: np.ndarray


def collect(
    encode: Callable[[np.ndarray], np.ndarray],
    stage: audio_cache.Stage,
    asked: Sequence[cases.Case],
    sample_rate_hz: int,
) -> Codes:
    """Encodes the sources of all cases, window by window.

    Args:
        encode: Gives the codes of clips `[batch, samples]`.
        stage: Where the sounds are.
        asked: The cases.
        sample_rate_hz: The rate of the sounds.
    """
    samples = round(WINDOW_SECONDS * sample_rate_hz)
    sources = {(case.clip, case.source): case for case in asked}
    values, domains, clips = [], [], []
    for (clip, domain), case in sources.items():
        audio = stage.read(stage.folder(case) / audio_cache.SOURCE)
        windows = audio[: len(audio) // samples * samples].reshape(-1, samples)
        if len(windows):
            values.append(encode(windows))
            domains += [domain] * len(windows)
            clips += [clip] * len(windows)
    return Codes(np.concatenate(values), np.array(domains), np.array(clips))


def probe(codes: Codes) -> dict[str, float]:
    """What the codes give away, as the scorecard tells it; see `probes`.

    Nothing where there is but one clip, for a probe has to be tested on another one.
    """
    if len(set(codes.clips)) < 2:
        return {}
    found = probes.accuracy(codes.values, codes.domains, codes.clips)
    return {
        "linear probe": round(found.linear, 3),
        "MLP probe": round(found.mlp, 3),
        "majority": round(found.majority, 3),
        "silhouette": round(probes.silhouette(codes.values, codes.domains), 3),
    }


def draw(codes: Codes, title: str, path: Path) -> None:
    """Draws the codes by t-SNE, coloured by domain."""
    projection.write(projection.project(codes.values), codes.domains, title, path)
