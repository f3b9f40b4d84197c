"""Turns a source recording into the examples that are stored."""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from tf_mt.data import chunk, schema

# A longer recording waits on disk, not in memory, to be stored.
_SPOOLED_BYTES = 1 << 22

ChunkLabels = Callable[[int, int], Mapping[str, Any]]


class UnreadableError(ValueError):
    """A recording that cannot be had; the message says which and why."""


class SilentError(ValueError):
    """A recording of which every stored sample would be zero."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a dataset is to hold.

    Its functions run in threads and on other machines, so they can be pickled.

    Attributes:
        domains: The names of the domains, in their order.
        recordings: The recordings of each split.
        audio: Reads or makes a recording: yields its blocks, float32 `[samples]`. A
            `ValueError` or `OSError` means that it cannot be had.
        timed_labels: Given a recording and its length in stored samples, finds the
            labels of a chunk by its start and end; errors as those of `audio`.
        heard: The names of further domains, that are heard only; see `domains.Domains`.
    """

    domains: Sequence[str]
    recordings: Mapping[str, Sequence[chunk.Source]]
    audio: Callable[[chunk.Source], Iterable[np.ndarray]]
    timed_labels: Callable[[chunk.Source, int], ChunkLabels] | None = None
    heard: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Spooled:
    """A whole recording that waits to be stored; a context manager.

    Attributes:
        recording: Which it is.
        sample_rate_hz: The rate of its samples.
        pcm: The samples of all of its audio as `chunk.pcm` gives them.
        bounds: Its first sample in them, and the first after its last.
        timed_labels: Its labels that change over time.
    """

    recording: chunk.Source
    sample_rate_hz: int
    pcm: IO[bytes]
    bounds: tuple[int, int]
    timed_labels: ChunkLabels

    def __enter__(self) -> "Spooled":
        return self

    def __exit__(self, *error: object) -> None:
        self.pcm.close()

    def examples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The key and the features of each of its chunks."""
        first, last = self.bounds
        self.pcm.seek(2 * first)
        for start, end in chunk.bounds(last - first, self.sample_rate_hz):
            yield (
                f"{self.recording.recording}@{start}",
                {
                    **schema.example(
                        self.pcm.read(2 * (end - start)),
                        schema.Chunk(
                            sample_rate=self.sample_rate_hz,
                            domain=self.recording.domain or schema.NO_DOMAIN,
                            recording=self.recording.recording,
                            offset=start,
                            piece=self.recording.piece,
                        ),
                    ),
                    **self.recording.labels,
                    **self.timed_labels(first + start, first + end),
                },
            )


def spool(
    plan: Plan,
    recording: chunk.Source,
    sample_rate_hz: int,
    folder: Path | None = None,
) -> Spooled:
    """Reads or makes a whole recording, in memory that does not grow with its length.

    Nothing of a recording is stored before all of it has been read.

    Args:
        plan: How it is read.
        recording: Which it is.
        sample_rate_hz: The rate that it is read at.
        folder: Where a long one waits; the system's place for it if None.

    Raises:
        UnreadableError: If it cannot be had.
        SilentError: If it is silent.
    """
    with contextlib.ExitStack() as on_error:
        pcm = on_error.enter_context(
            tempfile.SpooledTemporaryFile(_SPOOLED_BYTES, dir=folder)
        )
        for block in _readable(plan.audio(recording)):
            pcm.write(chunk.pcm(block))
        samples = _samples(pcm)
        with _unreadable():
            bounds = chunk.part_bounds(recording.part, samples, sample_rate_hz)
        if _silent(pcm, *bounds):
            raise SilentError(recording.recording)
        with _unreadable():
            labels = _timed_labels(plan, recording, samples)
        on_error.pop_all()
    return Spooled(recording, sample_rate_hz, pcm, bounds, labels)


def _silent(pcm: IO[bytes], start: int, end: int) -> bool:
    """Whether all samples between two are zero."""
    pcm.seek(2 * start)
    left = 2 * (end - start)
    while left:
        block = pcm.read(min(left, _SPOOLED_BYTES))
        if block.count(0) < len(block):
            return False
        left -= len(block)
    return True


def _timed_labels(plan: Plan, recording: chunk.Source, samples: int) -> ChunkLabels:
    if plan.timed_labels is None:
        return lambda start, end: {}
    return plan.timed_labels(recording, samples)


def _samples(pcm: IO[bytes]) -> int:
    return pcm.seek(0, os.SEEK_END) // 2


def _readable(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The blocks; only what goes wrong in making them is unreadable."""
    with _unreadable():
        blocks = iter(blocks)
    while True:
        with _unreadable():
            block = next(blocks, None)
        if block is None:
            return
        yield block


@contextlib.contextmanager
def _unreadable() -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError) as error:
        raise UnreadableError(str(error)) from error
