"""Whole recordings of a converted dataset."""

import bisect
import dataclasses
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tf_mt.data import clips, domains, index, notes, schema, wire_format


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """The metadata of a stored recording.

    Attributes:
        domain: The name of its domain; empty if it is of none of them.
        recording: Its id.
        piece: The id it shares with sample-aligned recordings in other domains; empty
            if there are none.
        samples: Its length.
    """

    domain: str
    recording: str
    piece: str
    samples: int


@dataclasses.dataclass(frozen=True)
class Recording:
    """A stored recording: its metadata and its audio.

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


class Recordings:
    """Random access to the recordings of one split of a converted dataset.

    The files are mapped, not read: only what is asked for is read.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.
        split: The name of the split.

    Attributes:
        info: The name, sample rate and domains of the dataset.
        entries: The recordings, in the order of their ids; those of domains that are
            heard only as well.

    Raises:
        FileNotFoundError: If there is no dataset.
        ValueError: If there are several, or the split is not there.
    """

    def __init__(self, data_dir: Path, split: str):
        dataset = index.open_dataset(data_dir)
        self.info = clips.read_info(dataset.data_dir)
        self._domains = domains.read(dataset).stored
        self._has_notes = notes.are_in(dataset.info.features)
        self._paths = index.shards(dataset, split)
        self._files = [np.memmap(path, np.uint8, "r") for path in self._paths]
        records = sorted(
            index.scan(self._paths),
            key=lambda record: (record.recording, record.offset),
        )
        self._chunks = {
            name: list(chunks)
            for name, chunks in itertools.groupby(records, lambda r: r.recording)
        }
        self.entries = [self._entry(chunks) for chunks in self._chunks.values()]

    def audio(
        self, entry: Entry, start_samples: int = 0, samples: int | None = None
    ) -> np.ndarray:
        """Reads a recording or a part of it.

        Args:
            entry: Which of `entries`.
            start_samples: Where the part begins.
            samples: The length of the part; all that follows if None.

        Returns:
            float32 `[samples]` in [-1, 1); less where the recording ends before.

        Raises:
            ValueError: If the start or the length is negative.
        """
        for name, value in (("start_samples", start_samples), ("samples", samples)):
            if value is not None and value < 0:
                raise ValueError(f"{name}={value} must be at least 0; count from 0.")
        length = entry.samples if samples is None else samples
        end = min(start_samples + length, entry.samples)
        pcm = np.zeros(max(end - start_samples, 0), "<i2")
        stored = pcm.view(np.uint8)
        for chunk in self._chunks[entry.recording]:
            first = max(start_samples, chunk.offset)
            last = min(end, chunk.offset + chunk.samples)
            if first < last:
                byte = chunk.byte + 2 * (first - chunk.offset)
                stored[2 * (first - start_samples) : 2 * (last - start_samples)] = (
                    self._files[chunk.shard][byte : byte + 2 * (last - first)]
                )
        return pcm.astype(np.float32) / 32768

    def notes(self, entry: Entry) -> np.ndarray | None:
        """Reads the notes of a whole recording.

        Args:
            entry: Which of `entries`.

        Returns:
            `notes.JOINED` `[notes]`, by onset and then by pitch: `onset_seconds` from
            the beginning of the recording, `duration_seconds` and `pitch`, a MIDI note
            number; None if the dataset has no notes.

        Raises:
            ValueError: If a file of the dataset is damaged.
        """
        if not self._has_notes:
            return None
        rate = self.info.sample_rate_hz
        return notes.join(
            (
                chunk.offset / rate,
                (chunk.offset + chunk.samples) / rate,
                self._notes_of(chunk),
            )
            for chunk in self._chunks[entry.recording]
        )

    def _entry(self, chunks: list[index.Record]) -> Entry:
        first, last = chunks[0], chunks[-1]
        return Entry(
            domain=self._domains[first.domain] if first.domain >= 0 else "",
            recording=first.recording,
            piece=first.piece,
            samples=last.offset + last.samples,
        )

    def _notes_of(self, chunk: index.Record) -> dict[str, np.ndarray]:
        examples = self._examples[chunk.shard]
        after = bisect.bisect(examples, chunk.byte, key=lambda example: example[1])
        _, others = wire_format.apart(*examples[after - 1], schema.AUDIO)
        return notes.parse(others)

    @functools.cached_property
    def _examples(self) -> list[list[tuple[memoryview, int, int]]]:
        """The examples of each file, as `wire_format.records` gives them."""
        return [list(wire_format.records(path)) for path in self._paths]


def read(data_dir: Path, split: str) -> Iterator[Recording]:
    """Reads the recordings of a split one by one, in the order of their ids.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.
        split: The name of the split.

    Raises:
        FileNotFoundError: If there is no dataset.
        ValueError: If there are several, or the split is not there.
    """
    found = Recordings(data_dir, split)
    for entry in found.entries:
        yield Recording(entry.domain, entry.recording, entry.piece, found.audio(entry))
