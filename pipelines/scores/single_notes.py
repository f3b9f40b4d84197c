"""A sampler instrument made of a folder of recordings of single notes.

The name of a file says its pitch and dynamics, in one of two ways:

* `cello_As2_15_forte_arco-normal.mp3`, as the Philharmonia Orchestra names its notes:
  instrument, note (`s` is a sharp, C4 is MIDI 60), length, dynamics, articulation.
* `string_acoustic_012-060-100.wav`, as NSynth names them: instrument, MIDI number of
  the pitch, velocity.

Musicians are not always in tune, and some names are an octave off; so the pitch of each
recording is measured. Recordings are brought to one level: theirs differ by how they
were made more than by what was played. How loud a note is to be is for the score.
"""

import collections
import concurrent.futures
import copy
import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

import librosa
import numpy as np
import soxr

from pipelines.scores import instruments
from pipelines.scores.tones import (
    HELD_SECONDS,
    LEVEL,
    Tone,
    note_level,
    tone_seconds,
)
from tf_mt import progress
from tf_mt.audio import files, finding

# A recording is played at most so far from its own pitch.
MAX_SHIFT_SEMITONES = 2

_RELEASE_SECONDS = 0.3
_SILENCE_DB = -40.0
_FADE_IN_SECONDS = 0.003

_PITCH_RATE_HZ = 16000
_PITCH_SECONDS = 0.4
_PITCH_FRAME = 2048
_PITCH_RANGE_HZ = (50.0, 4500.0)

_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_VELOCITIES = {
    "pianissimo": 40,
    "piano": 56,
    "mezzo-piano": 68,
    "mezzo-forte": 80,
    "forte": 96,
    "fortissimo": 112,
}
_PHILHARMONIA = re.compile(
    r"(?P<instrument>.+)_(?P<note>[A-G])(?P<sharp>s?)(?P<octave>\d)"
    r"_(?!phrase)[^_]+_(?P<dynamics>[^_]+)_[^_]*"
)
_NSYNTH = re.compile(r"(?P<instrument>.+)-(?P<pitch>\d{3})-(?P<velocity>\d{3})")


@dataclasses.dataclass(frozen=True)
class Note:
    """A recording of one note.

    Attributes:
        path: The file.
        instrument: The instrument.
        pitch: MIDI note number; a fraction where it is out of tune.
        velocity: 1 to 127.
        seconds: How long it lasts; zero while only its name is known.
    """

    path: Path
    instrument: str
    pitch: float
    velocity: int
    seconds: float = 0.0


class SingleNotes:
    """The tones of a folder of single notes.

    Args:
        folder: Has a folder for each instrument, or files that say theirs.
        sample_rate_hz: The rate of the tones.
        leave_out: Takes the error of each file that cannot be read.

    Attributes:
        ranges: The widest range of each instrument without a gap too wide to fill.
        source: What messages call the folder.

    Raises:
        FileNotFoundError: If there are no audio files.
        ValueError: If no file has the name of a note.
    """

    def __init__(
        self,
        folder: Path,
        sample_rate_hz: int,
        leave_out: Callable[[Exception], None],
    ):
        self.source = f"notes={str(folder)!r}"
        self._sample_rate_hz = sample_rate_hz
        named = [note for note in map(parse, finding.find(folder)) if note]
        if not named:
            raise ValueError(
                f"{self.source}: no file there has the name of a note, such as "
                "cello_As2_15_forte_arco-normal.mp3 or string_acoustic_012-060-100.wav."
            )
        self._notes = collections.defaultdict(list)
        for note in _in_tune(_measured(named, leave_out)):
            # A folder's name says what plays; files in no folder say it themselves.
            inside = note.path.parent != folder
            self._notes[note.path.parent.name if inside else note.instrument] += [note]
        self.ranges = {
            instrument: _range({round(note.pitch) for note in notes})
            for instrument, notes in sorted(self._notes.items())
        }
        self._tones: dict[tuple[Note, int, float], Tone] = {}

    def tone(
        self,
        domain: str,
        pitch: int,
        velocity: int,
        held_seconds: float = HELD_SECONDS,
    ) -> Tone:
        """The note nearest in pitch, then in dynamics, then the longest.

        Args:
            domain: The instrument.
            pitch: MIDI note number, within its range.
            velocity: 1 to 127.
            held_seconds: How long it is to be held; the tone ends with its recording.
        """
        note = min(
            self._notes[domain],
            key=lambda note: (
                abs(round(note.pitch) - pitch),
                abs(note.velocity - velocity),
                -note.seconds,
                note.path,
            ),
        )
        key = (note, pitch, tone_seconds(held_seconds))
        if key not in self._tones:
            self._tones[key] = self._load(*key)
        return self._tones[key]

    def anew(self) -> Self:
        """The same notes, without the tones that are in memory."""
        other = copy.copy(self)
        other._tones = {}
        return other

    def _load(self, note: Note, pitch: int, seconds: float) -> Tone:
        rate = self._sample_rate_hz
        audio = _trim(files.read(note.path, rate), rate)
        speed = 2.0 ** ((pitch - note.pitch) / 12)
        audio = soxr.resample(audio, rate * speed, rate)[: int(seconds * rate)]
        # A renderer gives it its dynamics.
        level = note_level(audio, rate)
        gain = LEVEL / level if level else 0.0
        return Tone(audio * np.float32(gain), _RELEASE_SECONDS)


def parse(path: Path) -> Note | None:
    """What the name of a file says; None if it is not the name of a note."""
    if match := _NSYNTH.fullmatch(path.stem):
        pitch, velocity = int(match["pitch"]), int(match["velocity"])
        return Note(path, match["instrument"], pitch, velocity)
    match = _PHILHARMONIA.fullmatch(path.stem)
    if match and match["dynamics"] in _VELOCITIES:
        octave = 12 * (int(match["octave"]) + 1)
        pitch = octave + _CLASSES[match["note"]] + len(match["sharp"])
        return Note(path, match["instrument"], pitch, _VELOCITIES[match["dynamics"]])
    return None


def _measured(
    named: Sequence[Note], leave_out: Callable[[Exception], None]
) -> list[tuple[Note, float]]:
    """Notes that can be read, with their lengths, and how far they are off pitch."""
    found = []
    with concurrent.futures.ThreadPoolExecutor() as executor:
        measuring = [executor.submit(_measure, note) for note in named]
        for measured in progress.bar(measuring, desc="measuring", unit="note"):
            try:
                found.append(measured.result())
            except ValueError as error:
                leave_out(error)
    return found


def _measure(note: Note) -> tuple[Note, float]:
    """A note with its length, and how far it is from its pitch in semitones."""
    audio = files.read(note.path, _PITCH_RATE_HZ)
    window = int(_PITCH_SECONDS * _PITCH_RATE_HZ)
    start = min(int(np.argmax(np.abs(audio))), max(0, len(audio) - window))
    part = audio[start : start + window]
    low, high = _PITCH_RANGE_HZ
    hz = librosa.yin(
        np.pad(part, (0, max(0, _PITCH_FRAME - len(part)))),
        fmin=low,
        fmax=high,
        sr=_PITCH_RATE_HZ,
        frame_length=_PITCH_FRAME,
        center=False,
    )
    pitch = float(librosa.hz_to_midi(np.median(hz)))
    note = dataclasses.replace(note, seconds=len(audio) / _PITCH_RATE_HZ)
    return note, pitch - note.pitch


def _in_tune(measured: Sequence[tuple[Note, float]]) -> list[Note]:
    """Corrects the pitches of notes by what was measured.

    A recording an octave below its name is believed if most of that pitch and dynamics
    are. To measure a note too high is a common mistake; its name is believed then.
    """
    alike = collections.defaultdict(list)
    for note, off in measured:
        alike[_kind(note)].append(off)
    tuned = []
    for note, off in measured:
        octave_down = abs(float(np.median(alike[_kind(note)])) + 12) < 1
        if abs(off) < 1 or (octave_down and abs(off + 12) < 1):
            tuned.append(dataclasses.replace(note, pitch=note.pitch + off))
        elif off > 0 and not octave_down:
            tuned.append(note)
    return tuned


def _kind(note: Note) -> tuple[Path, str, float, int]:
    return note.path.parent, note.instrument, note.pitch, note.velocity


def _range(pitches: set[int]) -> instruments.Range:
    """The widest range in which every pitch has a recorded one near it."""
    ordered = sorted(pitches)
    runs = [[ordered[0], ordered[0]]]
    for pitch in ordered[1:]:
        if pitch - runs[-1][1] > 2 * MAX_SHIFT_SEMITONES + 1:
            runs.append([pitch, pitch])
        runs[-1][1] = pitch
    return instruments.Range(*max(runs, key=lambda run: run[1] - run[0]))


def _trim(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Removes the silence before a note."""
    loud = np.abs(audio) >= np.max(np.abs(audio)) * 10 ** (_SILENCE_DB / 20)
    fade = int(_FADE_IN_SECONDS * sample_rate_hz)
    audio = audio[max(0, int(np.argmax(loud)) - fade) :].copy()
    ramp = np.linspace(0, 1, fade, endpoint=False, dtype=np.float32)
    audio[:fade] *= ramp[: len(audio)]
    return audio
