"""How much a system's content vectors reveal of the source's domain."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tf_mt.evaluation.metrics import probes
from tf_mt.evaluation.protocol import audio_cache, cases
from tf_mt.evaluation.report import projection

WINDOW_SECONDS = 2.0


class Codes(NamedTuple):
    """Content vectors of windows of the sources.

    Attributes:
        values: float32 `[windows, features]`.
        domains: The domain of each window.
        clips: The clip of each window; a probe is never tested on a clip that it was
            trained on.
    """

    values: np.ndarray
    domains: np.ndarray
    clips: np.ndarray


def collect(
    encode: Callable[[np.ndarray], np.ndarray],
    cache: audio_cache.AudioCache,
    chosen: Sequence[cases.Case],
    sample_rate_hz: int,
) -> Codes:
    """Encodes the sources of all cases, window by window.

    Args:
        encode: Gives the content vectors of clips `[batch, samples]`.
        cache: Has the sources.
        chosen: The cases.
        sample_rate_hz: The rate of the sources.

    Raises:
        ValueError: Every source is shorter than a window.
    """
    samples = round(WINDOW_SECONDS * sample_rate_hz)
    sources = {(case.clip, case.source): case for case in chosen}
    values, domains, clips = [], [], []
    for (clip, domain), case in sources.items():
        audio = cache.read(cache.folder(case) / audio_cache.SOURCE)
        windows = audio[: len(audio) // samples * samples].reshape(-1, samples)
        if len(windows):
            values.append(encode(windows))
            domains += [domain] * len(windows)
            clips += [clip] * len(windows)
    if not values:
        raise ValueError(
            f"all clips are shorter than {WINDOW_SECONDS:g} s, the window of a content "
            "vector."
        )
    return Codes(np.concatenate(values), np.array(domains), np.array(clips))


def probe(codes: Codes) -> dict[str, float]:
    """Accuracies and silhouette of `probes`, by their names in the report.

    Raises:
        ValueError: There are too few domains, or clips of one.
    """
    found = probes.accuracy(codes.values, codes.domains, codes.clips)
    return {
        "linear probe": round(found.linear, 3),
        "MLP probe": round(found.mlp, 3),
        "majority": round(found.majority, 3),
        "silhouette": round(probes.silhouette(codes.values, codes.domains), 3),
    }


def draw(codes: Codes, title: str, path: Path) -> None:
    """Draws the content vectors by t-SNE, coloured by domain.

    Raises:
        ValueError: There are too few.
    """
    projection.write(projection.project(codes.values), codes.domains, title, path)
