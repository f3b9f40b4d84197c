"""Where the chunks of a converted dataset lie in its files."""

import dataclasses
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

# A TFRecord is a length, its checksum, the data, and the data's checksum.
_HEADER = struct.Struct("<QI")
_CHECKSUM_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Record:
    """One stored chunk.

    Attributes:
        shard: The number of its file.
        byte: Where its audio starts in that file.
        samples: The number of its samples, two bytes each.
        domain: The number of its domain.
        recording: The id of its recording.
        piece: The id of its piece; empty if it has none.
        offset: Where it starts in its recording, in samples.
    """

    shard: int
    byte: int
    samples: int
    domain: int
    recording: str
    piece: str
    offset: int


def open_dataset(data_dir: Path) -> tfds.core.DatasetBuilder:
    """Opens a converted dataset.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If there are several.
    """
    data_dir = Path(data_dir)
    found = [
        path.parent
        for path in sorted(data_dir.rglob("features.json"))
        if not any(
            p.startswith("incomplete.") for p in path.relative_to(data_dir).parts
        )
    ]
    if not found:
        raise FileNotFoundError(
            f"data={str(data_dir)!r}: no dataset there; make one with "
            "python -m pipelines.convert."
        )
    if len(found) > 1:
        raise ValueError(
            f"data={str(data_dir)!r} has {len(found)} datasets; name one of: "
            f"{', '.join(map(str, found))}."
        )
    return tfds.builder_from_directory(found[0])


def shards(dataset: tfds.core.DatasetBuilder, split: str) -> list[Path]:
    """The files of a split.

    Raises:
        ValueError: If the dataset has no such split.
    """
    if split not in dataset.info.splits:
        raise ValueError(
            f"split={split!r} is not in {dataset.data_dir}; it has "
            f"{', '.join(dataset.info.splits)}."
        )
    return [Path(path) for path in dataset.info.splits[split].filepaths]


def scan(paths: list[Path]) -> list[Record]:
    """Finds all chunks with audio, reading every file once."""
    return [
        record for shard, path in enumerate(paths) for record in _scan_file(shard, path)
    ]


def _scan_file(shard: int, path: Path) -> Iterator[Record]:
    data = np.memmap(path, np.uint8, "r")
    position = 0
    while position < len(data):
        length, _ = _HEADER.unpack_from(data, position)
        start = position + _HEADER.size
        serialized = data[start : start + length].tobytes()
        features = tf.train.Example.FromString(serialized).features.feature
        audio = features["audio"].bytes_list.value[0]
        if audio:
            yield Record(
                shard=shard,
                byte=start + serialized.index(audio),
                samples=len(audio) // 2,
                domain=features["domain"].int64_list.value[0],
                recording=features["recording"].bytes_list.value[0].decode(),
                piece=features["piece"].bytes_list.value[0].decode(),
                offset=features["offset"].int64_list.value[0],
            )
        position = start + length + _CHECKSUM_BYTES
