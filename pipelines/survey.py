"""Statistics of a converted dataset: durations, levels, clipping and pitches."""

import bisect
import collections
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from pipelines import pitches
from tf_mt import progress
from tf_mt.data import chunk, index

FRAME_SECONDS = 0.032
SILENCE_DB = -60.0
CLIPPED_RUN = 3

# Enough for the pitches of an instrument, and for different recordings in a picture.
STRETCHES = 15
STRETCH_SECONDS = 4.0

_FULL_SCALE = 32768.0


@dataclasses.dataclass
class Figures:
    """What was counted of some recordings; several such counts can be added up.

    Attributes:
        recordings: Their number.
        samples: The number of their samples.
        longest_samples: The samples of the longest stretch that is stored in one piece.
        sounding_samples: The samples of the frames that sound: those of
            `FRAME_SECONDS` with an RMS above `SILENCE_DB` of full scale.
        energy: The sum of the squares of these samples; full scale is 1.
        peak: The greatest absolute sample; full scale is 1.
        clipped_samples: The samples at full scale that are one of `CLIPPED_RUN` or more
            in a row.
        pitches: How often each MIDI pitch is played, int64 `[128]`.
    """

    recordings: int = 0
    samples: int = 0
    longest_samples: int = 0
    sounding_samples: int = 0
    energy: float = 0.0
    peak: float = 0.0
    clipped_samples: int = 0
    pitches: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros(pitches.PITCHES, np.int64)
    )

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            recordings=self.recordings + other.recordings,
            samples=self.samples + other.samples,
            longest_samples=max(self.longest_samples, other.longest_samples),
            sounding_samples=self.sounding_samples + other.sounding_samples,
            energy=self.energy + other.energy,
            peak=max(self.peak, other.peak),
            clipped_samples=self.clipped_samples + other.clipped_samples,
            pitches=self.pitches + other.pitches,
        )

    def level_db(self) -> float:
        """RMS of what sounds in decibels of full scale; a full-scale sine has -3.01."""
        return 10.0 * np.log10(self.energy / self.sounding_samples)

    def peak_db(self) -> float:
        """The peak in decibels of full scale."""
        return 20.0 * np.log10(self.peak)

    def silence(self) -> float:
        """The share of the samples that do not sound."""
        return 1.0 - self.sounding_samples / self.samples

    def clipping(self) -> float:
        """The share of the samples that are clipped."""
        return self.clipped_samples / self.samples

    def pitch_range(self) -> tuple[int, int]:
        """The 1st and the 99th percentile of the pitches."""
        ranks = np.array([0.01, 0.99]) * self.pitches.sum()
        low, high = np.searchsorted(np.cumsum(self.pitches), ranks)
        return int(low), int(high)


class Stretch(NamedTuple):
    """A few seconds of a recording, as a place in a file.

    Attributes:
        rank: A hash of where it is, in [0, 1).
        recording: The id of the recording.
        offset: Where it starts in the recording, in samples.
        path: The file.
        byte: Where it starts in the file.
        samples: Its length.
    """

    rank: float
    recording: str
    offset: int
    path: Path
    byte: int
    samples: int

    def audio(self) -> np.ndarray:
        """Reads it: float32 `[samples]`."""
        pcm = np.fromfile(self.path, "<i2", self.samples, offset=self.byte)
        return pcm / np.float32(_FULL_SCALE)


@dataclasses.dataclass(frozen=True)
class Survey:
    """What was found in a dataset, by the name of a split and the number of a domain.

    Attributes:
        figures: What was counted.
        stretches: Stretches that sound, up to `STRETCHES` of up to `STRETCH_SECONDS`:
            those of the lowest ranks.
        labelled: Whether the pitches are those of the dataset's labels; otherwise they
            are estimated on the stretches.
    """

    figures: Mapping[tuple[str, int], Figures]
    stretches: Mapping[tuple[str, int], Sequence[Stretch]]
    labelled: bool


def survey(dataset: tfds.core.DatasetBuilder) -> Survey:
    """Counts what a dataset holds, in memory that does not grow with it."""
    rate = int(dataset.info.metadata["sample_rate_hz"])
    label = pitches.label(dataset.info.features)
    figures = collections.defaultdict(Figures)
    stretches = collections.defaultdict(list)
    files = [
        (s, path) for s in dataset.info.splits for path in index.shards(dataset, s)
    ]
    size = sum(path.stat().st_size for _, path in files)
    with progress.bar(total=size, desc="levels", unit="B", unit_scale=True) as bar:
        for split, path in files:
            for record, pcm in _chunks(path, bar.update):
                counted, sounding = measure(pcm, rate)
                counted.recordings = int(record.offset == 0)
                figures[split, record.domain] += counted
                if sounding.any():
                    chosen = stretches[split, record.domain]
                    bisect.insort(chosen, _stretch(path, record, sounding, rate))
                    del chosen[STRETCHES:]
            # Now, so that the file need not come from the disk again.
            for domain, found in pitches.labelled(path, label) if label else ():
                figures[split, domain].pitches += found
    if label is None:
        for key, chosen in progress.bar(
            stretches.items(), desc="pitches", unit="domain"
        ):
            for stretch in chosen:
                figures[key].pitches += pitches.estimated(stretch.audio(), rate)
    return Survey(figures, stretches, label is not None)


def _chunks(
    path: Path, read: Callable[[int], object]
) -> Iterator[tuple[index.Record, np.ndarray]]:
    """The chunks of a file with their samples, int16 `[samples]`."""
    data = np.memmap(path, np.uint8, "r")
    done = 0
    for record in index.scan([path]):
        end = record.byte + 2 * record.samples
        yield record, data[record.byte : end].view("<i2")
        read(end - done)
        done = end
    read(len(data) - done)


def _stretch(
    path: Path, record: index.Record, sounding: np.ndarray, sample_rate_hz: int
) -> Stretch:
    """The stretch around the middle of what sounds in a chunk."""
    length = min(round(STRETCH_SECONDS * sample_rate_hz), record.samples)
    sounding_frames = np.flatnonzero(sounding)
    middle = int(sounding_frames[len(sounding_frames) // 2]) * _frame_samples(
        sample_rate_hz
    )
    start = min(max(middle - length // 2, 0), record.samples - length)
    return Stretch(
        rank=chunk.hashed(f"{record.recording}@{record.offset}"),
        recording=record.recording,
        offset=record.offset + start,
        path=path,
        byte=record.byte + 2 * start,
        samples=length,
    )


def measure(pcm: np.ndarray, sample_rate_hz: int) -> tuple[Figures, np.ndarray]:
    """Counts the samples of a chunk.

    Args:
        pcm: int16 `[samples]`.
        sample_rate_hz: Its rate.

    Returns:
        The figures without recordings and pitches, and which frames of `FRAME_SECONDS`
        sound, bool `[frames]`; the last frame may be shorter.
    """
    frame = _frame_samples(sample_rate_hz)
    frames = np.zeros((-(-len(pcm) // frame), frame), np.float32)
    samples = frames.reshape(-1)[: len(pcm)]
    samples[:] = pcm
    energy = np.einsum("ij,ij->i", frames, frames).astype(np.float64) / _FULL_SCALE**2
    lengths = np.full(len(frames), frame)
    lengths[-1] -= frames.size - len(pcm)
    sounding = energy > lengths * 10.0 ** (SILENCE_DB / 10.0)
    peak = float(max(samples.max(), -samples.min()))
    figures = Figures(
        samples=len(pcm),
        longest_samples=len(pcm),
        sounding_samples=int(lengths[sounding].sum()),
        energy=float(energy[sounding].sum()),
        peak=peak / _FULL_SCALE,
        clipped_samples=_clipped(samples) if peak >= _FULL_SCALE - 1 else 0,
    )
    return figures, sounding


def _frame_samples(sample_rate_hz: int) -> int:
    return max(round(FRAME_SECONDS * sample_rate_hz), 1)


def _clipped(samples: np.ndarray) -> int:
    count = 0
    starts = max(len(samples) - CLIPPED_RUN + 1, 0)
    # Some programs clip at -32767.
    for full in (samples >= _FULL_SCALE - 1, samples <= 1 - _FULL_SCALE):
        runs = np.ones(starts, bool)
        for place in range(CLIPPED_RUN):
            runs &= full[place : place + starts]
        clipped = np.zeros(len(samples), bool)
        for place in range(CLIPPED_RUN):
            clipped[place : place + starts] |= runs
        count += int(clipped.sum())
    return count
