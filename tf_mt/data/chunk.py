"""How recordings are cut into chunks of 16-bit samples, and divided into splits."""

import collections
import dataclasses
import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tf_mt.audio import files

CHUNK_SECONDS = 20.0
SPLITS = {"train": 0.8, "validation": 0.1, "test": 0.1}


@dataclasses.dataclass(frozen=True)
class Source:
    """A recording that is yet to be made or read; plain data that can be pickled.

    Attributes:
        domain: The name of its domain.
        recording: Its id, unique within the dataset.
        origin: What it is made of, as its dataset needs it (a path, a performance).
        piece: The id it shares with sample-aligned recordings in other domains.
        labels: The dataset's own labels, the same for all its chunks.
    """

    domain: str
    recording: str
    origin: Any
    piece: str = ""
    labels: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def bounds(
    samples: int, sample_rate_hz: int, chunk_seconds: float = CHUNK_SECONDS
) -> Iterator[tuple[int, int]]:
    """Cuts a recording into equal chunks, none longer than `chunk_seconds`.

    Equal chunks, rather than full ones and a rest, so that no end of a recording is
    too short to take clips from.

    Args:
        samples: The length of the recording.
        sample_rate_hz: Its sample rate.
        chunk_seconds: The longest chunk.

    Yields:
        Start and end of each chunk, in samples.
    """
    chunks = math.ceil(samples / (chunk_seconds * sample_rate_hz))
    edges = [samples * i // max(chunks, 1) for i in range(chunks + 1)]
    yield from itertools.pairwise(edges)


def hashed(name: str) -> float:
    """A number in [0, 1) that depends on the name alone, in every process."""
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:6]) / 2**48


def split(name: str) -> str:
    """The split that a recording (or a score) belongs to, by a hash of its id."""
    position = hashed(name)
    for split_name, share in SPLITS.items():
        position -= share
        if position < 0:
            return split_name
    return split_name


def split_domain(names: Sequence[str]) -> dict[str, str]:
    """Splits the recordings of one domain by their hashes, none of the splits empty.

    Where a split would be empty, the recording of the fullest split with the lowest
    hash moves over. Fewer than three recordings cannot fill three splits: one of them
    is for training then.

    Args:
        names: The ids of the recordings.

    Returns:
        The split of each name.
    """
    splits = {name: split(name) for name in sorted(names, key=hashed)}
    for wanted in SPLITS if len(names) >= len(SPLITS) else ("train",):
        counts = collections.Counter(splits.values())
        if not counts[wanted]:
            fullest = counts.most_common(1)[0][0]
            mover = next(name for name in splits if splits[name] == fullest)
            splits[mover] = wanted
    return splits


def pcm(block: np.ndarray) -> bytes:
    """The stored bytes of samples: 16-bit, little-endian."""
    return files.to_pcm16(block).astype("<i2", copy=False).tobytes()
