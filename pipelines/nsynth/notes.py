"""The labels of an NSynth note, which both published forms have in common."""

import dataclasses
import functools
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

FAMILIES = (
    "bass",
    "brass",
    "flute",
    "guitar",
    "keyboard",
    "mallet",
    "organ",
    "reed",
    "string",
    "synth_lead",
    "vocal",
)
SOURCES = ("acoustic", "electronic", "synthetic")
QUALITIES = (
    "bright",
    "dark",
    "distortion",
    "fast_decay",
    "long_release",
    "multiphonic",
    "nonlinear_env",
    "percussive",
    "reverb",
    "tempo-synced",
)

# Every note is as long as this.
SECONDS = 4

# What the published forms call the labels, and of which type they are.
PUBLISHED = {
    "note": int,
    "note_str": str,
    "instrument": int,
    "instrument_str": str,
    "pitch": int,
    "velocity": int,
    "qualities": list,
    "instrument_family": int,
    "instrument_source": int,
}

_COUNTS = {
    "pitch": 128,
    "instrument_family": len(FAMILIES),
    "instrument_source": len(SOURCES),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Note(Mapping[str, Any]):
    """The labels of a note; a mapping, so that no note needs a dict as well.

    Attributes:
        note: The number of the note, unique within NSynth; not its pitch.
        note_str: The name of the note, unique as well.
        instrument: The number of its instrument.
        instrument_str: The name of its instrument.
        pitch: MIDI pitch, 0 to 127.
        velocity: MIDI velocity; one of 25, 50, 75, 100 and 127.
        qualities: Which of `QUALITIES` it has, by their numbers.
        instrument_family: Which of `FAMILIES` it is of.
        instrument_source: Which of `SOURCES` it is of.
    """

    note: int
    note_str: str
    instrument: int
    instrument_str: str
    pitch: int
    velocity: int
    qualities: tuple[int, ...]
    instrument_family: int
    instrument_source: int

    def __getitem__(self, label: str) -> Any:
        if label not in self.__slots__:
            raise KeyError(label)
        return getattr(self, label)

    def __iter__(self) -> Iterator[str]:
        return iter(self.__slots__)

    def __len__(self) -> int:
        return len(self.__slots__)

    @property
    def family(self) -> str:
        """The name of its family."""
        return FAMILIES[self.instrument_family]

    @property
    def source(self) -> str:
        """The name of its source."""
        return SOURCES[self.instrument_source]

    @property
    def family_source(self) -> str:
        """The names of both, as the names of instruments begin."""
        return f"{self.family}_{self.source}"


def parse(values: Mapping[str, Any]) -> Note:
    """Makes a note of what a published form says.

    Args:
        values: The labels of `PUBLISHED`; qualities are ten numbers, 0 or 1. Others are
            passed over.

    Raises:
        ValueError: If one is missing, or is not what it can be.
    """
    for label, kind in PUBLISHED.items():
        if label not in values:
            raise ValueError(f"note {values.get('note_str')!r} has no {label!r}")
        if not isinstance(values[label], kind):
            raise _impossible(values, label)
    for label, count in _COUNTS.items():
        if not 0 <= values[label] < count:
            raise _impossible(values, label)
    flags = values["qualities"]
    if len(flags) != len(QUALITIES) or any(flag not in (0, 1) for flag in flags):
        raise _impossible(values, "qualities")
    return Note(
        note=values["note"],
        note_str=values["note_str"],
        instrument=values["instrument"],
        instrument_str=sys.intern(values["instrument_str"]),
        pitch=values["pitch"],
        velocity=values["velocity"],
        qualities=_which(tuple(flags)),
        instrument_family=values["instrument_family"],
        instrument_source=values["instrument_source"],
    )


def _impossible(values: Mapping[str, Any], label: str) -> ValueError:
    return ValueError(
        f"note {values.get('note_str')!r} cannot have {label}={values[label]!r}"
    )


@functools.cache
def _which(flags: Sequence[int]) -> tuple[int, ...]:
    """The numbers of those that are set; one object for all notes with the same."""
    return tuple(number for number, flag in enumerate(flags) if flag)
