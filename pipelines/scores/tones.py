"""Renders a performance to audio by summing the single notes of an instrument."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Protocol, Self

import numpy as np
import scipy.ndimage
import soxr

from pipelines.scores import instruments, performance
from pipelines.scores.notes import NOTE

# Tones are kept of this length, twice it, four times it and so on; and the longest
# that one sounds after it is let go.
TONE_SECONDS = 8.0
RELEASE_SECONDS = 1.0
HELD_SECONDS = TONE_SECONDS - RELEASE_SECONDS
SHORTEST_RELEASE_SECONDS = 0.01

# Root mean square of a loud passage, about -19 dB of full scale, and the highest peak.
LEVEL = 0.11
PEAK = 0.98
SCALE_VELOCITY = 100
_SCALE_NOTE_SECONDS = 0.5
# Parts of a note that its level is measured in.
_FRAMES = 10

# By so much tones are sampled more finely before they are bent.
_FINER = 4


@dataclasses.dataclass(frozen=True)
class Tone:
    """A note that is held.

    Attributes:
        audio: float32 `[samples]`; all of it is one note. It may end while the note
            should still be held, where an instrument or its recording does.
        release_seconds: How long it takes to fall by 100 dB when it is let go.
    """

    audio: np.ndarray
    release_seconds: float


class Tones(Protocol):
    """Whatever has the tones of instruments: a soundfont, a folder of single notes.

    Attributes:
        source: What messages call it, such as `soundfont='piano.sf2'`.
    """

    source: str

    def tone(
        self,
        domain: str,
        pitch: int,
        velocity: int,
        held_seconds: float = HELD_SECONDS,
    ) -> Tone:
        """The tone of an instrument for a note of that length, at full velocity."""

    def anew(self) -> Self:
        """The same instruments, without the tones that are in memory."""


def tone_seconds(held_seconds: float) -> float:
    """The length of tone that is kept for a note: enough to hold it and let it go."""
    needed = (held_seconds + RELEASE_SECONDS) / TONE_SECONDS
    return TONE_SECONDS * 2.0 ** math.ceil(math.log2(max(needed, 1.0)))


class Renderer:
    """Plays performances with the tones of instruments.

    All instruments are brought to one loudness, that of most notes of their range; what
    is loud and soft within a domain stays so.

    Args:
        tones: The tones.
        ranges: The range of each instrument that is to play.
        sample_rate_hz: The rate of the tones and of the audio.

    Raises:
        ValueError: If an instrument is not there or silent.
    """

    def __init__(
        self,
        tones: Tones,
        ranges: Mapping[str, instruments.Range],
        sample_rate_hz: int,
    ):
        self._tones = tones
        self._sample_rate_hz = sample_rate_hz
        self._gains = {
            domain: LEVEL / self._level(domain, playable)
            for domain, playable in ranges.items()
        }

    def __call__(self, played: performance.Performance) -> np.ndarray:
        """Renders a performance.

        Returns:
            float32 `[samples]`: as long as the notes and `RELEASE_SECONDS` more. It is
            turned down as a whole if its peak would clip.
        """
        audio = self._mix(played) * np.float32(self._gains[played.domain])
        peak = float(np.max(np.abs(audio), initial=0.0))
        return audio * np.float32(min(1.0, PEAK / max(peak, PEAK)))

    def held_samples(self, played: performance.Performance) -> np.ndarray:
        """How long each note of a performance is held, and its tone lasts.

        Returns:
            int64 `[notes]`, at least 1: less than the note's duration where the tone
            ends before.
        """
        rate = self._sample_rate_hz
        held = []
        for _, duration, pitch, velocity, bend in played.notes.tolist():
            curve = played.bends[bend - 1] if bend else None
            tone = self._tone(played.domain, pitch, velocity, duration, curve)
            held.append(min(round(duration * rate), len(tone.audio)))
        return np.maximum(np.array(held, np.int64), 1)

    def _mix(self, played: performance.Performance) -> np.ndarray:
        rate = self._sample_rate_hz
        ends = played.notes["onset"] + played.notes["duration"]
        mixed = np.zeros(math.ceil((np.max(ends) + RELEASE_SECONDS) * rate), np.float32)
        for onset, duration, pitch, velocity, bend in played.notes.tolist():
            curve = played.bends[bend - 1] if bend else None
            tone = self._tone(played.domain, pitch, velocity, duration, curve)
            held = round(duration * rate)
            fade = _release(tone.release_seconds, rate)
            note = tone.audio[: held + len(fade)] * np.float32((velocity / 127) ** 2)
            if len(note) < held + len(fade):
                ending = note[-round(SHORTEST_RELEASE_SECONDS * rate) :]
                ending *= np.linspace(1, 0, len(ending), dtype=np.float32)
            note[held:] *= fade[: max(0, len(note) - held)]
            start = round(onset * rate)
            note = note[: len(mixed) - start]
            mixed[start : start + len(note)] += note
        return mixed

    def _tone(
        self,
        domain: str,
        pitch: int,
        velocity: int,
        held_seconds: float,
        curve: np.ndarray | None,
    ) -> Tone:
        """The tone of a note, bent if it has a bend, at least as long as it is held.

        It is shorter where the tones' own is.
        """
        if curve is None:
            return self._tones.tone(domain, pitch, velocity, held_seconds)
        fastest = 2.0 ** (max(float(np.max(curve[:, 1])), 0.0) / 12)
        sounding_seconds = held_seconds + RELEASE_SECONDS
        tone = self._tones.tone(domain, pitch, velocity, sounding_seconds * fastest)
        return bent(tone, curve, self._sample_rate_hz, sounding_seconds)

    def _level(self, domain: str, playable: instruments.Range) -> float:
        """The root mean square of the louder half of a note: the median over the range.

        The median, as of recorded notes some are far louder than most.
        """
        scale = np.zeros(playable.high - playable.low + 1, NOTE)
        scale["onset"] = np.arange(len(scale)) * _SCALE_NOTE_SECONDS
        scale["duration"] = _SCALE_NOTE_SECONDS
        scale["pitch"] = np.arange(playable.low, playable.high + 1)
        scale["velocity"] = SCALE_VELOCITY
        audio = self._mix(performance.Performance(domain, scale))
        samples = round(_SCALE_NOTE_SECONDS * self._sample_rate_hz)
        starts = samples * np.arange(len(scale))
        of_notes = np.array(
            [note_level(audio[start:], self._sample_rate_hz) for start in starts]
        )
        sounding = of_notes[of_notes > 0.0]
        if not sounding.size:
            raise ValueError(
                f"{self._tones.source}: {domain!r} is silent from {playable}; choose "
                "other domains or other tones."
            )
        return float(np.median(sounding))


def note_level(audio: np.ndarray, sample_rate_hz: int) -> float:
    """The root mean square of the louder half of a note's first half second.

    Args:
        audio: `[samples]`, from where the note begins; 0 if there are none.
        sample_rate_hz: Its rate.
    """
    beginning = audio[: round(_SCALE_NOTE_SECONDS * sample_rate_hz)]
    parts = [part for part in np.array_split(beginning, _FRAMES) if part.size]
    power = np.sort([np.mean(np.square(part)) for part in parts])
    return float(np.sqrt(np.mean(power[len(power) // 2 :]))) if parts else 0.0


def bent(
    tone: Tone, curve: np.ndarray, sample_rate_hz: int, longest_seconds: float
) -> Tone:
    """A tone whose pitch changes: it is played faster and slower, without a break.

    Args:
        tone: The tone.
        curve: `[changes, 2]`: the seconds from which a bend holds, the first 0, and
            semitones.
        sample_rate_hz: The rate of the tone.
        longest_seconds: How much is needed at most.
    """
    if not len(tone.audio):
        return tone
    seconds = np.arange(round(longest_seconds * sample_rate_hz)) / sample_rate_hz
    holds = np.searchsorted(curve[:, 0], seconds, side="right") - 1
    speed = 2.0 ** (curve[holds, 1] / 12)
    positions = np.cumsum(speed) - speed
    positions = positions[positions <= len(tone.audio) - 1]
    audio = tone.audio[: int(positions[-1]) + sample_rate_hz // 10]
    fastest = float(np.max(speed))
    if fastest > 1:  # What would be above half of the sample rate would be mirrored.
        audio = soxr.resample(audio, sample_rate_hz, sample_rate_hz / fastest)
        audio = soxr.resample(audio, sample_rate_hz / fastest, sample_rate_hz)
    # Cubic interpolation is true well below half of the sample rate.
    fine = soxr.resample(audio, 1, _FINER)
    moved = scipy.ndimage.map_coordinates(
        fine, [positions * _FINER], output=np.float32, order=3, mode="nearest"
    )
    return dataclasses.replace(tone, audio=moved)


@functools.cache
def _release(release_seconds: float, sample_rate_hz: int) -> np.ndarray:
    """The gain of a tone that is let go: 100 dB down in its time, silent at the end."""
    # A tone that stops at once would click; one that rings on would drown the next.
    sounding = min(max(release_seconds, SHORTEST_RELEASE_SECONDS), RELEASE_SECONDS)
    passed = np.arange(round(sounding * sample_rate_hz)) / sample_rate_hz
    fall_db = 100 * passed / max(release_seconds, SHORTEST_RELEASE_SECONDS)
    return (10 ** (-fall_db / 20) * (1 - passed / sounding)).astype(np.float32)
