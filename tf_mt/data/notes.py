"""Note labels of a dataset: each chunk stores the notes that sound in it."""

import collections
from collections.abc import Iterable, Mapping

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

# The name of the stored feature.
LABEL = "notes"

# The program of an instrument that General MIDI does not have.
NO_PROGRAM = -1

# A note of a recording, before it is cut to chunks.
NOTE = np.dtype(
    [
        ("start", np.int64),  # Samples, at a rate that the notes have for themselves.
        ("end", np.int64),
        ("pitch", np.int32),  # MIDI note number.
        ("program", np.int32),  # MIDI program from 0 to 127, or `NO_PROGRAM`.
    ]
)

# A note of a recording, as it is put together from chunks.
JOINED = np.dtype(
    [
        ("onset_seconds", np.float64),  # From the beginning of the recording.
        ("duration_seconds", np.float64),
        ("pitch", np.int32),  # MIDI note number.
    ]
)

_COLUMNS = {
    "pitch": np.int32,
    "onset_seconds": np.float32,
    "duration_seconds": np.float32,
    "program": np.int32,
    "begun": np.bool_,
}

# Times are stored as float32; so close to the end of a chunk, a note lasts until it.
_ROUNDING_SECONDS = 1e-5


def feature() -> tfds.features.FeatureConnector:
    """What a chunk stores of its notes; see `in_chunk`."""
    return tfds.features.Sequence(dict(_COLUMNS))


def are_in(features: tfds.features.FeaturesDict) -> bool:
    """Whether a dataset of these features has notes."""
    stored = features.get_serialized_info().get(LABEL)
    return isinstance(stored, Mapping) and stored.keys() >= _COLUMNS.keys()


def in_chunk(
    notes: np.ndarray, notes_rate_hz: int, sample_rate_hz: int, start: int, end: int
) -> dict[str, np.ndarray]:
    """The notes that sound in a chunk of a recording, cut to that chunk.

    Args:
        notes: `NOTE` `[notes]`.
        notes_rate_hz: The rate that the notes' times are samples of.
        sample_rate_hz: The sample rate of the recording.
        start: The first sample of the chunk.
        end: The first sample after it.

    Returns:
        `[notes]` each, by onset and then by pitch: `pitch`; `onset_seconds`, from the
        beginning of the chunk; `duration_seconds`, within the chunk; `program`; and
        `begun`, whether the note began before the chunk.
    """
    # In units that samples of both rates are whole numbers of, so that no rounding
    # moves a note into another chunk.
    unit_hz = notes_rate_hz * sample_rate_hz
    first, last = start * notes_rate_hz, end * notes_rate_hz
    onsets = np.maximum(notes["start"] * sample_rate_hz, first)
    ends = np.minimum(notes["end"] * sample_rate_hz, last)
    # Those of one pitch in the order that they began in, in every chunk; so `join`
    # knows them.
    order = np.lexsort((notes["start"], notes["pitch"], onsets))
    order = order[(onsets < ends)[order]]
    notes, onsets, ends = notes[order], onsets[order], ends[order]
    return {
        "pitch": notes["pitch"],
        "onset_seconds": ((onsets - first) / unit_hz).astype(np.float32),
        "duration_seconds": ((ends - onsets) / unit_hz).astype(np.float32),
        "program": notes["program"],
        "begun": notes["start"] * sample_rate_hz < first,
    }


def parse(features: Mapping[str, tf.train.Feature]) -> dict[str, np.ndarray]:
    """The notes of a stored chunk, as `in_chunk` returned them.

    Args:
        features: Those of its `tf.train.Example`.
    """
    notes = {}
    for column, dtype in _COLUMNS.items():
        stored = features[f"{LABEL}/{column}"]
        times = dtype == np.float32
        values = stored.float_list.value if times else stored.int64_list.value
        notes[column] = np.array(values, dtype)
    return notes


def join(
    chunks: Iterable[tuple[float, float, Mapping[str, np.ndarray]]],
) -> np.ndarray:
    """Puts the notes of a recording's chunks together.

    Where a note that ends with a chunk and one of its pitch and program that goes on
    sound at once, the chunks do not tell which is which; the first to begin goes on.

    Args:
        chunks: Start and end of each chunk in seconds, and its notes, as `in_chunk`
            returned them; one chunk after the other.

    Returns:
        `JOINED` `[notes]`, by onset and then by pitch; each note is there once, with
        all of its duration.
    """
    found = []
    before: Mapping[tuple[int, int], collections.deque[list]] = {}
    for start, end, notes in chunks:
        going_on = collections.defaultdict(collections.deque)
        columns = (notes[column].tolist() for column in _COLUMNS)
        for pitch, onset, duration, program, begun in zip(*columns, strict=True):
            note_end = start + onset + duration
            if begun and before.get((pitch, program)):
                note = before[pitch, program].popleft()
                note[1] = note_end - note[0]
            else:
                note = [start + onset, duration, pitch]
                found.append(note)
            if note_end > end - _ROUNDING_SECONDS:
                going_on[pitch, program].append(note)
        before = going_on
    return np.array([tuple(note) for note in found], JOINED)
