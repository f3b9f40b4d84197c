"""Reads NSynth in its form of one TFRecord file for each split, audio included."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import tensorflow as tf

from pipelines.nsynth import notes
from tf_mt.data import wire_format

_LABELS = {**notes.PUBLISHED, "sample_rate": int}


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where the audio of a note lies.

    Attributes:
        path: The file.
        start: The byte that its serialized `Feature` starts at.
        end: The byte that it ends at.
        sample_rate_hz: The rate of the audio.
    """

    path: Path
    start: int
    end: int
    sample_rate_hz: int


def read(
    path: Path, leave_out: Callable[[Exception], None]
) -> Iterator[tuple[notes.Note, Place]]:
    """Reads what a split holds, passing over the audio.

    Args:
        path: The file of the split.
        leave_out: Is given a `ValueError` for a record that is not a note.

    Yields:
        Each note, and where its audio lies.

    Raises:
        ValueError: If the file ends within a record, or is empty.
    """
    for data, start, end in wire_format.records(path):
        try:
            audio, features = wire_format.apart(data, start, end, "audio")
            values = _values(features)
            note = notes.parse(values)
            if "sample_rate" not in values:
                raise ValueError(f"note {note.note_str!r} has no 'sample_rate'")
        except ValueError as error:
            leave_out(
                ValueError(
                    f"path={str(path)!r}: the record at byte {start} cannot be read "
                    f"({error})."
                )
            )
        else:
            yield note, Place(path, *audio, values["sample_rate"])


def blocks(place: Place, name: str, sample_rate_hz: int) -> Iterator[np.ndarray]:
    """Reads the audio of a note.

    Args:
        place: Where it lies.
        name: The name of the note.
        sample_rate_hz: The rate that is wanted.

    Yields:
        float32 `[samples]`.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If that is not the audio of a note.
    """
    with place.path.open("rb") as file:
        file.seek(place.start)
        data = memoryview(file.read(place.end - place.start))
    try:
        audio = wire_format.float_list(data, 0, len(data))
        if len(audio) != notes.SECONDS * place.sample_rate_hz:
            raise ValueError(
                f"it has {len(audio)} samples at {place.sample_rate_hz} Hz, but a note "
                f"has {notes.SECONDS} seconds"
            )
        if not np.all(np.isfinite(audio)):
            raise ValueError("it has samples that are not finite")
    except ValueError as error:
        raise ValueError(
            f"path={str(place.path)!r}: the audio of note {name!r} cannot be read "
            f"({error})."
        ) from error
    yield _resampled(audio, place.sample_rate_hz, sample_rate_hz)


def _resampled(audio: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    if from_hz == to_hz:
        return audio
    stream = soxr.ResampleStream(from_hz, to_hz, num_channels=1, dtype="float32")
    return stream.resample_chunk(audio, last=True)


def _values(features: Mapping[str, tf.train.Feature]) -> dict[str, Any]:
    """The labels of a record as values of Python; one of another type is not there."""
    found = {}
    for label, kind in _LABELS.items():
        feature = features[label]
        if kind is list:
            found[label] = list(feature.int64_list.value)
            continue
        values = (feature.bytes_list if kind is str else feature.int64_list).value
        if len(values) == 1:
            found[label] = values[0].decode() if kind is str else values[0]
    return found
