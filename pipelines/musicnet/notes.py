"""Reads the note labels of a MusicNet recording from its CSV file.

Label files tell times in samples at 44.1 kHz.
"""

import csv
from pathlib import Path

import numpy as np

from tf_mt.data.notes import NOTE

RATE_HZ = 44100
COLUMNS = (
    "start_time",
    "end_time",
    "instrument",
    "note",
    "start_beat",
    "end_beat",
    "note_value",
)

# No WAV file of 32-bit samples is longer.
_MAX_SAMPLES = 1 << 30


def read(path: Path) -> np.ndarray:
    """Reads a label file.

    Args:
        path: The CSV file.

    Returns:
        `NOTE` `[notes]`, in the order of the file: start and end in samples at
        `RATE_HZ`, MIDI pitch and MIDI program from 0 to 127.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a row of it is not a note; it says which.
    """
    # Bytes that are not text make a row that is not a note.
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = csv.reader(file)
        try:
            if next(rows, None) != list(COLUMNS):
                raise ValueError(f"the columns have to be {','.join(COLUMNS)}")
            return np.array([_note(row) for row in rows if row], NOTE)
        except (ValueError, csv.Error) as error:
            raise ValueError(
                f"path={str(path)!r}, line {max(rows.line_num, 1)}: {error}; get the "
                "file anew."
            ) from error


def check(path: Path, notes: np.ndarray, samples: int, sample_rate_hz: int) -> None:
    """Makes sure that notes can be those of a recording.

    Args:
        path: The file they are from.
        notes: `NOTE` `[notes]`.
        samples: The length of the recording.
        sample_rate_hz: Its sample rate.

    Raises:
        ValueError: If a note begins when the recording is over.
    """
    onset = int(np.max(notes["start"], initial=0))
    if onset * sample_rate_hz >= samples * RATE_HZ:
        raise ValueError(
            f"path={str(path)!r}: a note begins at {onset / RATE_HZ:.3f} seconds, but "
            f"its recording has only {samples / sample_rate_hz:.3f}; these are the "
            "notes of another one."
        )


def _note(row: list[str]) -> tuple[int, int, int, int]:
    if len(row) != len(COLUMNS):
        raise ValueError(f"it has {len(row)} columns, not {len(COLUMNS)}")
    start, end, instrument, pitch = (
        _whole(column, text) for column, text in zip(COLUMNS[:4], row[:4], strict=True)
    )
    if not 0 <= start < end <= _MAX_SAMPLES:
        raise ValueError(f"start_time={start}, end_time={end} are not those of a note")
    if not 1 <= instrument <= 128:
        raise ValueError(f"instrument={instrument} is not from 1 to 128")
    if not 0 <= pitch <= 127:
        raise ValueError(f"note={pitch} is not from 0 to 127")
    return start, end, pitch, instrument - 1


def _whole(column: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"{column}={text!r} is not a whole number") from error
