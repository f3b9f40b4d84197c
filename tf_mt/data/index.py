"""The index of a converted dataset: file and byte of the audio of every chunk."""

import dataclasses
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from tf_mt import atomic
from tf_mt.data import quiet, schema, wire_format

# The fields of a record, by their types.
_NUMBERS = ("shard", "byte", "samples", "domain", "offset")
_STRINGS = ("recording", "piece")


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """One stored chunk.

    Attributes:
        shard: The number of its file.
        byte: Where its audio starts in that file.
        samples: The number of its samples, two bytes each.
        domain: The number of its domain, or `schema.NO_DOMAIN`.
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


def music(record: Record) -> tuple[str, int, int]:
    """What the sample-aligned chunks of one piece at one time have in common."""
    return record.piece, record.offset, record.samples


def open_dataset(data_dir: Path) -> tfds.core.DatasetBuilder:
    """Opens a converted dataset.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If there are several, or it is some other dataset.
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
        dataset = tfds.builder_from_directory(found[0])
    if "sample_rate_hz" not in (dataset.info.metadata or {}) or not schema.are_in(
        dataset.info.features
    ):
        raise ValueError(
            f"data={str(found[0])!r} is not a dataset of recordings; make one with "
            "python -m pipelines.convert."
        )
    return dataset


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
    """Finds all chunks with audio in the files of a split.

    They are read from the index file of `write`, if it was written for these files;
    else the files are scanned, without reading the audio itself.

    Raises:
        ValueError: If a file is damaged, or holds something else than recordings.
    """
    records = _read(paths)
    return _scan(paths) if records is None else records


def write(paths: list[Path]) -> None:
    """Writes the index file of a split beside its files, so that `scan` is fast.

    The same records give the same bytes.
    """
    if not paths:
        return
    records = _scan(paths)
    columns = {name: [getattr(r, name) for r in records] for name in Record.__slots__}
    with atomic.path(_beside(paths)) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            sizes_bytes=_sizes_bytes(paths),
            **{name: np.array(columns[name], np.int64) for name in _NUMBERS},
            **{name: _packed(columns[name]) for name in _STRINGS},
        )


def _unfinished(path: Path) -> bool:
    """Whether TFDS was writing there when it was interrupted."""
    return any(part.startswith("incomplete.") for part in path.parts)


def _beside(paths: list[Path]) -> Path:
    """The path of the index file of these files."""
    return paths[0].with_name(paths[0].name.partition(".")[0] + ".chunks.npz")


def _sizes_bytes(paths: list[Path]) -> np.ndarray:
    return np.array([path.stat().st_size for path in paths], np.int64)


def _read(paths: list[Path]) -> list[Record] | None:
    """The index file of these files; None if there is none, or one of other files."""
    try:
        # NumPy leaves a damaged file open that it has opened itself.
        with _beside(paths).open("rb") as file, np.load(file) as stored:
            if not np.array_equal(stored["sizes_bytes"], _sizes_bytes(paths)):
                return None
            columns = {name: stored[name].tolist() for name in _NUMBERS}
            columns |= {name: _unpacked(stored[name]) for name in _STRINGS}
            rows = zip(*map(columns.get, Record.__slots__), strict=True)
            return list(itertools.starmap(Record, rows))
    # A damaged file can raise anything, and it holds nothing that the others do not.
    except Exception:
        return None


def _packed(strings: list[str]) -> np.ndarray:
    """Strings as one array of bytes, which no long one pads."""
    return np.frombuffer(json.dumps(strings).encode(), np.uint8)


def _unpacked(packed: np.ndarray) -> list[str]:
    return json.loads(packed.tobytes())


def _scan(paths: list[Path]) -> list[Record]:
    return [
        record for shard, path in enumerate(paths) for record in _scan_file(shard, path)
    ]


def _scan_file(shard: int, path: Path) -> Iterator[Record]:
    for data, start, end in wire_format.records(path):
        place, others = wire_format.apart(data, start, end, schema.AUDIO)
        ((_, audio, audio_end),) = wire_format.bytes_list(data, *place)
        if audio_end > audio:
            chunk = schema.parse(others)
            yield Record(
                shard=shard,
                byte=audio,
                samples=(audio_end - audio) // 2,
                domain=chunk.domain,
                recording=chunk.recording,
                piece=chunk.piece,
                offset=chunk.offset,
            )
