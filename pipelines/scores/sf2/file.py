"""Reads the chunks of a soundfont, SF2 or SF3, without copying its samples."""

import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

_BAGS = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
_GENERATORS = np.dtype([("kind", "<u2"), ("amount", "<i2")])

# The lists of records, by the names of their chunks. The last record of each is not
# one but says where the one before it ends.
RECORDS = {
    "phdr": np.dtype(
        [
            ("name", "S20"),
            ("program", "<u2"),
            ("bank", "<u2"),
            ("bag", "<u2"),
            ("unused", "<u4", 3),
        ]
    ),
    "pbag": _BAGS,
    "pgen": _GENERATORS,
    "inst": np.dtype([("name", "S20"), ("bag", "<u2")]),
    "ibag": _BAGS,
    "igen": _GENERATORS,
    "shdr": np.dtype(
        [
            ("name", "S20"),
            ("start", "<u4"),
            ("end", "<u4"),
            ("loop_start", "<u4"),
            ("loop_end", "<u4"),
            ("rate", "<u4"),
            ("pitch", "u1"),
            ("correction", "i1"),
            ("link", "<u2"),
            ("type", "<u2"),
        ]
    ),
}


@dataclasses.dataclass(frozen=True)
class File:
    """A soundfont that is mapped into memory: a page is read when it is looked at.

    Attributes:
        records: The presets (`phdr`), instruments (`inst`) and samples (`shdr`), and
            their zones' generators; each an array of the fields in `RECORDS`.
        samples: uint8 `[bytes]`, all samples, 16-bit or Ogg Vorbis. What the chunk
            `sm24` adds to 16 bits is left out.
    """

    records: dict[str, np.ndarray]
    samples: np.ndarray

    def name(self, records: str, number: int) -> str:
        """The name of a preset, an instrument or a sample."""
        stored = bytes(self.records[records][number]["name"])
        return stored.split(b"\0")[0].decode("latin-1").strip()


def read(path: Path) -> File:
    """Maps a soundfont.

    Raises:
        ValueError: If it is not one, or cut short or damaged.
    """
    if not path.stat().st_size:
        raise ValueError("is empty.")
    # A plain array, so that looking at a part of it costs no more than for any other.
    data = np.memmap(path, np.uint8, mode="r").view(np.ndarray)
    if _text(data, 0) != "RIFF" or _text(data, 8) != "sfbk":
        raise ValueError(
            "is not an SF2 or SF3 file; convert what is in another format (SFZ, DLS, "
            "sfArk) first."
        )
    wanted = ("smpl", *RECORDS)
    chunks: dict[str, np.ndarray] = {}
    lists = [body[4:] for name, body, _ in _chunks(data[12:]) if name == "LIST"]
    for name, body, missing in itertools.chain.from_iterable(map(_chunks, lists)):
        if missing and name in wanted:
            raise ValueError(
                f"is cut short or damaged: {missing} bytes of its chunk {name!r} are "
                "missing."
            )
        chunks.setdefault(name, body)
    absent = [name for name in wanted if name not in chunks]
    if absent:
        raise ValueError(
            f"is cut short or damaged: it has no chunk {absent[0]!r}, which every SF2 "
            "or SF3 file has."
        )
    records = {name: _records(name, chunks[name]) for name in RECORDS}
    return File(records, chunks["smpl"])


def _records(name: str, body: np.ndarray) -> np.ndarray:
    fields = RECORDS[name]
    if len(body) % fields.itemsize or not len(body):
        raise ValueError(
            f"is damaged: its chunk {name!r} has {len(body)} bytes, where a record has "
            f"{fields.itemsize}."
        )
    return np.frombuffer(body, fields)


def _chunks(data: np.ndarray) -> Iterator[tuple[str, np.ndarray, int]]:
    """Name, body, and how many bytes of it are missing, of each chunk of a list."""
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position + 4 : position + 8].tobytes(), "little")
        body = data[position + 8 : position + 8 + size]
        yield _text(data, position), body, size - len(body)
        position += 8 + size
        # Chunks begin at even positions, except in the SF3 files of some programs.
        if size % 2 and _text(data, position) not in {"LIST", "sm24"}:
            position += 1


def _text(data: np.ndarray, position: int) -> str:
    return data[position : position + 4].tobytes().decode("latin-1")
