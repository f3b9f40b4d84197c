"""Where the chunks of a converted dataset lie in its files."""

import dataclasses
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_mt.data import quiet

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
        if not _unfinished(path.relative_to(data_dir))
    ]
    if not found:
        raise FileNotFoundError(
            f"data={str(data_dir)!r}: no dataset there; make one with "
            "python -m pipelines.convert."
        )
    if len(found) > 1:
        raise ValueError(
            f"data={str(data_dir)!r} has {len(found)} datasets; name one of them: "
            f"{', '.join(map(str, found))}."
        )
    with quiet.tfds_silenced():
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
    """Finds all chunks with audio in files, passing over the audio itself."""
    return [
        record for shard, path in enumerate(paths) for record in _scan_file(shard, path)
    ]


def _unfinished(path: Path) -> bool:
    """Whether TFDS was writing there when it was interrupted."""
    return any(part.startswith("incomplete.") for part in path.parts)


def _scan_file(shard: int, path: Path) -> Iterator[Record]:
    data = memoryview(np.memmap(path, np.uint8, "r"))
    position = 0
    while position < len(data):
        size, _ = _HEADER.unpack_from(data, position)
        start = position + _HEADER.size
        position = start + size + _CHECKSUM_BYTES
        features = _features(data, start, start + size)
        ((_, audio, audio_end),) = _bytes_list(data, *features.pop("audio"))
        if audio_end > audio:
            values = {
                name: tf.train.Feature.FromString(bytes(data[slice(*place)]))
                for name, place in features.items()
            }
            yield Record(
                shard=shard,
                byte=audio,
                samples=(audio_end - audio) // 2,
                domain=values["domain"].int64_list.value[0],
                recording=values["recording"].bytes_list.value[0].decode(),
                piece=values["piece"].bytes_list.value[0].decode(),
                offset=values["offset"].int64_list.value[0],
            )


def _features(data: memoryview, start: int, end: int) -> dict[str, tuple[int, int]]:
    """Start and end of each serialized `Feature` of a serialized `Example`."""
    ((_, start, end),) = _fields(data, start, end)
    found = {}
    for _, entry, entry_end in _fields(data, start, end):
        (_, *name), (_, *feature) = sorted(_fields(data, entry, entry_end))
        found[bytes(data[slice(*name)]).decode()] = tuple(feature)
    return found


def _bytes_list(data: memoryview, start: int, end: int) -> list[tuple[int, int, int]]:
    """The values of a serialized `Feature` that is a list of bytes."""
    ((_, start, end),) = _fields(data, start, end)
    return list(_fields(data, start, end))


def _fields(data: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a protocol buffer, all of which are strings or messages.

    Yields:
        The number of each field, and the start and end of its value.
    """
    while start < end:
        number = data[start] >> 3
        size, shift = 0, 0
        while True:
            start += 1
            size |= (data[start] & 0x7F) << shift
            shift += 7
            if not data[start] & 0x80:
                break
        start += 1
        yield number, start, start + size
        start += size
