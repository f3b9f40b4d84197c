"""Plays the events of MIDI files on their channels, which gives notes.

A note lasts until its key is let go and, if a pedal holds it, until that is let go or
the key is struck again. Drums, channel 10, are left out, and so are notes of no length.
"""

import collections
import dataclasses
from pathlib import Path

import numpy as np

from pipelines.scores import midi, notes

# A note that nothing ends stops after this time, or with the file.
UNENDED_SECONDS = 10.0
LONGEST_SECONDS = 120.0

# How far a bend may lead from the pitch that a note has for the longest time.
BEND_LIMIT_SEMITONES = 24.0
# A smaller one is none.
_SMALLEST_BEND_SEMITONES = 0.01

# In all notes of a file; more would take gigabytes.
MAX_BEND_CHANGES = 1 << 22

_DRUMS = 9
_STROKES = 8  # Of one key, before it is let go.
_BEND_CENTRE = 8192

# Controllers, by their numbers.
_DATA, _DATA_FINE, _SUSTAIN, _SOSTENUTO = 6, 38, 64, 66
_NRPN_FINE, _NRPN, _RPN_FINE, _RPN = 98, 99, 100, 101
_SOUND_OFF, _RESET, _NOTES_OFF = 120, 121, 123
_BEND_RANGE = (0, 0)  # The registered parameter that says how far a bend goes.


@dataclasses.dataclass(eq=False)
class _Note:
    part: tuple[int, int, int]  # Track, channel, and program.
    pitch: int
    velocity: int
    onset: float
    released: float | None = None
    end: float | None = None


class _Channel:
    """What sounds on a channel, and how its pedals and its bend are."""

    def __init__(self) -> None:
        self.down: dict[tuple[int, int], collections.deque[_Note]] = {}
        self.held: dict[int, list[_Note]] = {}
        self.bends = [(0.0, 0.0)]  # From when, and semitones.
        self._sustain, self._sostenuto = False, False
        self._latched: set[_Note] = set()  # What the sostenuto pedal holds.
        self._bend, self._range = 0.0, [2, 0]  # Share; semitones and cents.
        self._parameter: list[int | None] = [None, None]

    def strike(self, note: _Note) -> None:
        for held in self.held.pop(note.pitch, []):
            held.end = note.onset
        keys = self.down.setdefault((note.part[0], note.pitch), collections.deque())
        if len(keys) == _STROKES:
            keys.popleft().end = note.onset
        keys.append(note)

    def let_go(self, track: int, pitch: int, seconds: float) -> None:
        """Lets go of the note that was struck first; each track has its own keys."""
        waiting = self.down.get((track, pitch))
        if not waiting:
            return
        note = waiting.popleft()
        if not waiting:
            del self.down[track, pitch]
        note.released = seconds
        if self._sustain or note in self._latched:
            self.held.setdefault(pitch, []).append(note)
        else:
            note.end = seconds

    def control(self, number: int, value: int, seconds: float) -> None:
        if number == _SUSTAIN:
            self._sustain = value >= 64
            self._end_held(seconds)
        elif number == _SOSTENUTO:
            self._set_sostenuto(value >= 64)
            self._end_held(seconds)
        elif number == _RESET:
            self._sustain, self._parameter = False, [None, None]
            self._set_sostenuto(False)
            self._end_held(seconds)
            self.bend(_BEND_CENTRE, seconds)
        elif number == _SOUND_OFF or number >= _NOTES_OFF:
            for track, pitch in [key for key, keys in self.down.items() for _ in keys]:
                self.let_go(track, pitch, seconds)
            if number == _SOUND_OFF:
                self._end_held(seconds, all_of_them=True)
        else:
            self._set_parameter(number, value, seconds)

    def bend(self, value: int, seconds: float) -> None:
        self._bend = (value - _BEND_CENTRE) / _BEND_CENTRE
        self._bent(seconds)

    def _set_sostenuto(self, pressed: bool) -> None:
        """Moves the pedal that holds the keys that are down when it is pressed."""
        if not pressed:
            self._latched = set()
        elif not self._sostenuto:
            self._latched = {note for keys in self.down.values() for note in keys}
        self._sostenuto = pressed

    def _end_held(self, seconds: float, all_of_them: bool = False) -> None:
        """Ends what no pedal holds any more, or all that pedals hold."""
        if self._sustain and not all_of_them:
            return
        kept = set() if all_of_them else self._latched
        held, self.held = self.held, {}
        for pitch, waiting in held.items():
            for note in waiting:
                if note in kept:
                    self.held.setdefault(pitch, []).append(note)
                else:
                    note.end = seconds

    def _set_parameter(self, number: int, value: int, seconds: float) -> None:
        if number in (_RPN, _RPN_FINE):
            self._parameter[number == _RPN_FINE] = value
        elif number in (_NRPN, _NRPN_FINE):
            self._parameter = [None, None]
        elif number in (_DATA, _DATA_FINE) and tuple(self._parameter) == _BEND_RANGE:
            self._range[number == _DATA_FINE] = value
            self._bent(seconds)

    def _bent(self, seconds: float) -> None:
        semitones = self._bend * (self._range[0] + self._range[1] / 100)
        if semitones != self.bends[-1][1]:
            self.bends.append((seconds, semitones))


def read(path: Path) -> notes.Score:
    """Reads a MIDI file.

    A note whose pitch is bent counts as the pitch that it has for the longest time, to
    the nearest semitone; the bend is told from there.

    Returns:
        A part for each program of each channel of each track that has notes.

    Raises:
        ValueError: If the file cannot be read as MIDI.
    """
    bends: list[np.ndarray] = []
    try:
        with path.open("rb") as file:
            sequences = midi.read(file.read(midi.MAX_BYTES + 1))
        parts = [part for sequence in sequences for part in _play(sequence, bends)]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(
            f"path={str(path)!r}: cannot be read as MIDI: {reason}."
        ) from error
    return notes.Score(notes.without_rests(parts), tuple(bends))


def _play(sequence: midi.Sequence, bends: list[np.ndarray]) -> list[np.ndarray]:
    """The parts of a sequence, `[notes]` of `NOTE`; adds their bends to `bends`."""
    channels: dict[int, _Channel] = collections.defaultdict(_Channel)
    programs: dict[tuple[int, int], int] = {}
    struck: list[_Note] = []
    for seconds, track, number, kind, (first, second) in sequence.events:
        if number % 16 == _DRUMS:
            continue
        channel = channels[number]
        if kind == midi.NOTE_ON and second:
            part = (track, number, programs.get((track, number), 0))
            struck.append(_Note(part, first, second, seconds))
            channel.strike(struck[-1])
        elif kind in (midi.NOTE_ON, midi.NOTE_OFF):
            channel.let_go(track, first, seconds)
        elif kind == midi.CONTROL:
            channel.control(first, second, seconds)
        elif kind == midi.PROGRAM:
            programs[track, number] = first
        elif kind == midi.BEND:
            channel.bend(second << 7 | first, seconds)
    for channel in channels.values():
        _end(channel, sequence.seconds)
    histories = {number: np.array(c.bends) for number, c in channels.items()}
    parts = collections.defaultdict(list)
    changes = 0
    for note in struck:
        duration = min(note.end - note.onset, LONGEST_SECONDS)
        if duration > 0:
            pitch, curve = _bent(note.pitch, histories[note.part[1]], note)
            if curve is not None:
                bends.append(curve)
                changes += len(curve)
                if changes > MAX_BEND_CHANGES:
                    raise ValueError(f"its bends change over {MAX_BEND_CHANGES} times")
            bend = 0 if curve is None else len(bends)
            row = (note.onset, duration, pitch, note.velocity, bend)
            parts[note.part].append(row)
    # Tracks and channels in their order, programs as they come.
    ordered = sorted(parts, key=lambda part: part[:2])
    return [np.array(parts[part], notes.NOTE) for part in ordered]


def _end(channel: _Channel, seconds: float) -> None:
    """Ends what still sounds: at the next stroke of the key, or after some time."""
    for keys in channel.down.values():
        strokes = [*[note.onset for note in keys][1:], seconds]
        for note, following in zip(keys, strokes, strict=True):
            note.end = min(following, seconds, note.onset + UNENDED_SECONDS)
    for waiting in channel.held.values():
        for note in waiting:
            note.end = min(seconds, note.released + UNENDED_SECONDS)


def _bent(
    pitch: int, history: np.ndarray, note: _Note
) -> tuple[int, np.ndarray | None]:
    """The pitch that a note has for the longest time, and its bend from there.

    Args:
        pitch: The pitch of its key.
        history: `[changes, 2]`: from when a bend of the channel holds, and semitones.
        note: The note, ended.

    Returns:
        The pitch, and `[changes, 2]`, seconds from the onset and semitones; None if it
        is not bent.
    """
    if len(history) == 1:
        return pitch, None
    first = np.searchsorted(history[:, 0], note.onset, side="right") - 1
    last = np.searchsorted(history[:, 0], note.end, side="left")
    curve = history[first:last].copy()
    curve[:, 0] = np.maximum(curve[:, 0] - note.onset, 0)
    lasting = np.diff(curve[:, 0], append=note.end - note.onset)
    nearest, at, which = np.unique(
        np.rint(curve[:, 1]), return_index=True, return_inverse=True
    )
    # Of pitches that last as long as each other, to the microsecond, the first.
    total = np.rint(1e6 * np.bincount(which, lasting))
    longest = int(nearest[min(range(len(nearest)), key=lambda i: (-total[i], at[i]))])
    away = curve[:, 1] - longest
    curve[:, 1] = np.clip(away, -BEND_LIMIT_SEMITONES, BEND_LIMIT_SEMITONES)
    bent = np.max(np.abs(curve[:, 1])) >= _SMALLEST_BEND_SEMITONES
    return pitch + longest, curve if bent else None
