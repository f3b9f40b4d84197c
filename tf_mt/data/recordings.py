"""Whole recordings of a converted dataset."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tf_mt.data import index


@dataclasses.dataclass(frozen=True)
class Recording:
    """A recording as it is stored.

    Attributes:
        domain: The name of its domain; empty if it is of none of them.
        recording: Its id.
        piece: The id it shares with sample-aligned recordings in other domains; empty
            if there are none.
        audio: float32 `[samples]`.
    """

    domain: str
    recording: str
    piece: str
    audio: np.ndarray


def read(data_dir: Path, split: str) -> Iterator[Recording]:
    """Reads the recordings of a split one by one, in the order of their ids.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.
        split: The name of the split.

    Raises:
        FileNotFoundError: If there is no dataset.
        ValueError: If there are several, or the split is not there.
    """
    dataset = index.open_dataset(data_dir)
    domains = dataset.info.features["domain"].names
    paths = index.shards(dataset, split)
    files = [np.memmap(path, np.uint8, "r") for path in paths]
    records = sorted(index.scan(paths), key=lambda r: (r.recording, r.offset))
    for name, chunks in itertools.groupby(records, lambda r: r.recording):
        chunks = list(chunks)
        pcm = np.concatenate(
            [files[c.shard][c.byte : c.byte + 2 * c.samples] for c in chunks]
        )
        yield Recording(
            domain=domains[chunks[0].domain] if chunks[0].domain >= 0 else "",
            recording=name,
            piece=chunks[0].piece,
            audio=pcm.view("<i2").astype(np.float32) / 32768,
        )
