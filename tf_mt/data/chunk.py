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

# Where a recording is cut in time, no note sounds on both sides of such a gap, and a
# clip of two seconds fits into each part of the shortest recording that is cut.
GAP_SECONDS = 2.0
SHORTEST_PART_SECONDS = 2.0
SHORTEST_CUT_SECONDS = (
    len(SPLITS) * SHORTEST_PART_SECONDS + (len(SPLITS) - 1) * GAP_SECONDS
)


@dataclasses.dataclass(frozen=True)
class Source:
    """A recording that is yet to be made or read; plain data that can be pickled.

    Attributes:
        domain: The name of its domain.
        recording: Its id, unique within the dataset.
        origin: What it is made of, as its dataset needs it (a path, a performance).
        piece: The id it shares with sample-aligned recordings in other domains.
        labels: The dataset's own labels, the same for all its chunks.
        part: Which part of the audio it is, as `part_bounds` cuts it; all of it if
            empty.
    """

    domain: str
    recording: str
    origin: Any
    piece: str = ""
    labels: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    part: str = ""


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


def part_bounds(part: str, samples: int, sample_rate_hz: int) -> tuple[int, int]:
    """Where a part of a recording that is cut in time begins and ends.

    The parts are for the splits, in their order: each has its share of the time, at
    least `SHORTEST_PART_SECONDS`, and `GAP_SECONDS` between two parts are in none.

    Args:
        part: The name of the split; the whole recording if empty.
        samples: The length of the recording.
        sample_rate_hz: Its sample rate.

    Returns:
        The first sample, and the first after the last.

    Raises:
        ValueError: If the recording is shorter than `SHORTEST_CUT_SECONDS`.
    """
    if not part:
        return 0, samples
    seconds = samples / sample_rate_hz
    if seconds < SHORTEST_CUT_SECONDS:
        raise ValueError(
            f"seconds={seconds:.1f}: a recording that is cut into "
            f"{', '.join(SPLITS)} must have {SHORTEST_CUT_SECONDS:.0f}; bring longer "
            "or more recordings."
        )
    ends, lengths = _part_seconds(seconds)
    start = round((ends[part] - lengths[part]) * sample_rate_hz)
    return start, min(round(ends[part] * sample_rate_hz), samples)


def _part_seconds(seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    """Where the part of each split ends, and its length."""
    sounding = seconds - (len(SPLITS) - 1) * GAP_SECONDS
    lengths = {
        split: max(share * sounding, SHORTEST_PART_SECONDS)
        for split, share in SPLITS.items()
    }
    lengths["train"] = sounding - sum(lengths.values()) + lengths["train"]
    ends = itertools.accumulate(
        lengths.values(), lambda end, length: end + GAP_SECONDS + length
    )
    return dict(zip(lengths, ends, strict=True)), lengths


def pcm(block: np.ndarray) -> bytes:
    """The stored bytes of samples: 16-bit, little-endian."""
    return files.to_pcm16(block).astype("<i2", copy=False).tobytes()
