"""Synthesises single notes from soundfonts: SF2 and SF3 files of SoundFont 2.04.

What makes the timbre is here: samples, loops, tuning, volume envelope and the low-pass
filter with its envelope. Vibrato, tremolo, panning and effects are left out.
"""

import dataclasses
import importlib.util
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
import soxr

from pipelines.scores import instruments
from pipelines.scores.tones import HELD_SECONDS, Tone, tone_seconds

# Generators, by their numbers in the specification.
START, END, LOOP_START, LOOP_END = 0, 1, 2, 3
START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE = 4, 12, 45, 50
FILTER_CENTS, FILTER_Q, ENVELOPE_TO_FILTER = 8, 9, 11
MOD_ENVELOPE, VOLUME_ENVELOPE = 25, 33
INSTRUMENT, KEY_RANGE, VELOCITY_RANGE = 41, 43, 44
ATTENUATION, COARSE_TUNE, FINE_TUNE, SAMPLE = 48, 51, 52, 53
LOOP_MODE, SCALE_TUNING, ROOT_KEY = 54, 56, 58

_EVERYTHING = 127 << 8
_ENVELOPE_DEFAULTS = dict.fromkeys((25, 26, 27, 28, 30, 33, 34, 35, 36, 38), -12000)
_DEFAULTS = {
    **_ENVELOPE_DEFAULTS,
    KEY_RANGE: _EVERYTHING,
    VELOCITY_RANGE: _EVERYTHING,
    FILTER_CENTS: 13500,
    SCALE_TUNING: 100,
    ROOT_KEY: -1,
}
_OPEN_FILTER_CENTS = 13500

# Ranges intersect, and what concerns a sample is the instrument's alone.
_NOT_ADDED = {
    *(KEY_RANGE, VELOCITY_RANGE, INSTRUMENT, LOOP_MODE, ROOT_KEY),
    *(START, END, LOOP_START, LOOP_END),
    *(START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE),
}
_COMPRESSED = 0x10  # The type of samples that an SF3 file keeps as Ogg Vorbis.

# Synthesizers have taken attenuation for 0.4 of what it says since the first one did.
_ATTENUATION_SHARE = 0.4

_BAGS = [("generator", "<u2"), ("modulator", "<u2")]
_GENERATORS = [("kind", "<u2"), ("amount", "<i2")]
_LISTS = {
    "phdr": [
        ("name", "S20"),
        ("program", "<u2"),
        ("bank", "<u2"),
        ("bag", "<u2"),
        ("unused", "<u4", 3),
    ],
    "pbag": _BAGS,
    "pgen": _GENERATORS,
    "inst": [("name", "S20"), ("bag", "<u2")],
    "ibag": _BAGS,
    "igen": _GENERATORS,
    "shdr": [
        ("name", "S20"),
        ("start", "<u4"),
        ("end", "<u4"),
        ("loop_start", "<u4"),
        ("loop_end", "<u4"),
        ("rate", "<u4"),
        ("pitch", "u1"),
        ("correction", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ],
}


@dataclasses.dataclass(frozen=True)
class Zone:
    """A sample and how it is played, for a range of pitches and velocities.

    Attributes:
        generators: The sums of the preset's and the instrument's amounts.
        pitches: The lowest and the highest pitch.
        velocities: The lowest and the highest velocity.
    """

    generators: dict[int, int]
    pitches: tuple[int, int]
    velocities: tuple[int, int]

    def distance(self, pitch: int, velocity: int) -> int:
        """How far a note lies outside of the zone; 0 inside."""
        return sum(
            max(low - value, value - high, 0)
            for value, (low, high) in (
                (pitch, self.pitches),
                (velocity, self.velocities),
            )
        )


def default_path() -> Path:
    """The small General MIDI soundfont that pretty_midi carries.

    Raises:
        FileNotFoundError: If pretty_midi is not installed.
    """
    package = importlib.util.find_spec("pretty_midi")
    if package is None or package.origin is None:
        raise FileNotFoundError(
            "soundfont='': the default one comes with pretty_midi, which is not "
            "installed; install it or name a soundfont."
        )
    return Path(package.origin).with_name("TimGM6mb.sf2")


class Soundfont:
    """The tones of a soundfont's instruments.

    Args:
        path: An SF2 or SF3 file with the programs of General MIDI.
        sample_rate_hz: The rate of the tones.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a soundfont.
    """

    def __init__(self, path: Path, sample_rate_hz: int):
        if not Path(path).is_file():
            raise FileNotFoundError(f"soundfont={str(path)!r}: no such file.")
        self._path = path
        self._sample_rate_hz = sample_rate_hz
        chunks = dict(_chunks(Path(path).read_bytes()))
        try:
            self._lists = {
                name: np.frombuffer(chunks[name], columns)
                for name, columns in _LISTS.items()
            }
            self._samples = chunks["smpl"]
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"soundfont={str(path)!r} is not an SF2 or SF3 file."
            ) from error
        self._zones: dict[str, list[Zone]] = {}
        # Several velocities sound with the same samples.
        self._tones: dict[tuple[str, int, tuple[int, ...], float], Tone] = {}

    def zones(self, domain: str) -> list[Zone]:
        """The zones of an instrument, as General MIDI names it.

        Raises:
            ValueError: If the soundfont does not have it.
        """
        if domain not in self._zones:
            presets = self._lists["phdr"][:-1]
            found = np.flatnonzero(
                (presets["bank"] == 0)
                & (presets["program"] == instruments.PROGRAMS[domain])
            )
            if not len(found):
                raise ValueError(
                    f"soundfont={str(self._path)!r} has no {domain!r}; choose other "
                    "domains or another soundfont."
                )
            self._zones[domain] = list(self._preset_zones(int(found[0])))
        return self._zones[domain]

    def tone(
        self,
        domain: str,
        pitch: int,
        velocity: int,
        held_seconds: float = HELD_SECONDS,
    ) -> Tone:
        """A note at full velocity; a sample that loops sounds as long as it is held.

        Args:
            domain: The instrument.
            pitch: MIDI note number.
            velocity: 1 to 127; chooses the samples, and does not scale them.
            held_seconds: How long it is to be held.

        Raises:
            ValueError: If the soundfont does not have the instrument.
        """
        distances = [zone.distance(pitch, velocity) for zone in self.zones(domain)]
        # Some soundfonts have holes; the nearest zone fills them.
        zones = tuple(np.flatnonzero(np.equal(distances, min(distances))))
        seconds = tone_seconds(held_seconds)
        key = (domain, pitch, zones, seconds)
        if key not in self._tones:
            chosen = [self.zones(domain)[i] for i in zones]
            self._tones[key] = self._tone(pitch, chosen, seconds)
        return self._tones[key]

    def _tone(self, pitch: int, zones: list[Zone], seconds: float) -> Tone:
        layers = [self._layer(zone, pitch, seconds) for zone in zones]
        audio = np.zeros(max(map(len, layers)), np.float32)
        for layer in layers:
            audio[: len(layer)] += layer
        release = max(_seconds(zone.generators[VOLUME_ENVELOPE + 5]) for zone in zones)
        return Tone(audio, release)

    def _preset_zones(self, preset: int) -> Iterator[Zone]:
        for outer in self._bags("phdr", "pbag", "pgen", preset, INSTRUMENT):
            for inner in self._bags("inst", "ibag", "igen", outer[INSTRUMENT], SAMPLE):
                ranges = {}
                for kind in (KEY_RANGE, VELOCITY_RANGE):
                    amounts = inner.pop(kind, _EVERYTHING), outer.get(kind, _EVERYTHING)
                    ranges[kind] = (
                        max(amount & 0xFF for amount in amounts),
                        min(amount >> 8 & 0xFF for amount in amounts),
                    )
                generators = {**_DEFAULTS, **inner}
                for kind, amount in outer.items():
                    if kind not in _NOT_ADDED:
                        generators[kind] = generators.get(kind, 0) + amount
                yield Zone(generators, ranges[KEY_RANGE], ranges[VELOCITY_RANGE])

    def _bags(
        self, heads: str, bags: str, generators: str, number: int, last: int
    ) -> Iterator[dict[int, int]]:
        """The generators of each zone of a preset or instrument, global ones included.

        Only a zone that ends in `last` plays; a first one that does not is global.
        """
        head, bag = self._lists[heads]["bag"], self._lists[bags]["generator"]
        everywhere: dict[int, int] = {}
        for zone in range(head[number], head[number + 1]):
            found = self._lists[generators][bag[zone] : bag[zone + 1]].tolist()
            if last in dict(found):
                yield {**everywhere, **dict(found)}
            elif zone == head[number]:
                everywhere = dict(found)

    def _layer(self, zone: Zone, pitch: int, held_seconds: float) -> np.ndarray:
        """One zone's sound at a pitch, held: float32 `[samples]`."""
        generators = zone.generators
        header = self._lists["shdr"][generators[SAMPLE]]
        root = generators[ROOT_KEY]
        cents = (
            (pitch - (int(header["pitch"]) if root < 0 else root))
            * generators[SCALE_TUNING]
            + 100 * generators.get(COARSE_TUNE, 0)
            + generators.get(FINE_TUNE, 0)
            + int(header["correction"])
        )
        speed_hz = float(header["rate"]) * 2.0 ** (cents / 1200)
        audio = self._held(header, generators, int(held_seconds * speed_hz) + 1)
        audio = soxr.resample(audio, speed_hz, self._sample_rate_hz)
        seconds = np.arange(len(audio)) / self._sample_rate_hz
        audio = _low_pass(audio, seconds, generators, self._sample_rate_hz)
        attenuation_db = generators.get(ATTENUATION, 0) / 10 * _ATTENUATION_SHARE
        level = _volume(seconds, generators) * 10 ** (-attenuation_db / 20)
        return (audio * level).astype(np.float32)

    def _held(
        self, header: np.void, generators: dict[int, int], samples: int
    ) -> np.ndarray:
        """A sample at its own rate, looped if it loops: float32 `[at most samples]`."""
        edges = {}
        for name, fine, coarse in (
            ("start", START, START_COARSE),
            ("end", END, END_COARSE),
            ("loop_start", LOOP_START, LOOP_START_COARSE),
            ("loop_end", LOOP_END, LOOP_END_COARSE),
        ):
            offset = generators.get(fine, 0) + 32768 * generators.get(coarse, 0)
            edges[name] = int(header[name]) + offset
        if header["type"] & _COMPRESSED:
            stored = self._samples[header["start"] : header["end"]]
            whole, _ = soundfile.read(io.BytesIO(stored), dtype="float32")
            loop_start, loop_end = edges["loop_start"], edges["loop_end"]
        else:
            pcm = self._samples[2 * edges["start"] : 2 * edges["end"]]
            whole = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
            loop_start = edges["loop_start"] - edges["start"]
            loop_end = edges["loop_end"] - edges["start"]
        if not generators.get(LOOP_MODE, 0) & 1 or loop_end <= loop_start:
            return whole[:samples]
        loop = whole[loop_start:loop_end]
        rounds = max(0, -(-(samples - loop_end) // len(loop)))
        return np.concatenate([whole[:loop_end], np.tile(loop, rounds)])[:samples]


def _chunks(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The chunks of a RIFF file, lists opened."""
    position = 0
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + size]
        if name in (b"RIFF", b"LIST"):
            yield from _chunks(body[4:])
        else:
            yield name.decode("latin-1"), body
        position += 8 + size + size % 2


def _seconds(timecents: int) -> float:
    return 2.0 ** (timecents / 1200)


def _stages(
    seconds: np.ndarray, generators: dict[int, int], first: int
) -> tuple[np.ndarray, np.ndarray]:
    """How far an envelope has come: the rise from 0 to 1, and seconds of decay."""
    delay, attack, hold = (_seconds(generators[first + i]) for i in range(3))
    rise = np.clip((seconds - delay) / attack, 0.0, 1.0)
    return rise, np.maximum(seconds - delay - attack - hold, 0.0)


def _volume(seconds: np.ndarray, generators: dict[int, int]) -> np.ndarray:
    """The volume envelope of a held note: it falls by 100 dB in the decay time."""
    rise, fallen = _stages(seconds, generators, VOLUME_ENVELOPE)
    sustain_db = generators.get(VOLUME_ENVELOPE + 4, 0) / 10
    fall_db = 100 * fallen / _seconds(generators[VOLUME_ENVELOPE + 3])
    return rise * 10 ** (-np.minimum(fall_db, np.clip(sustain_db, 0, 100)) / 20)


def _low_pass(
    audio: np.ndarray,
    seconds: np.ndarray,
    generators: dict[int, int],
    sample_rate_hz: int,
) -> np.ndarray:
    """The resonant low-pass filter, which an envelope may open and close."""
    rise, fallen = _stages(seconds, generators, MOD_ENVELOPE)
    sustained = 1 - np.clip(generators.get(MOD_ENVELOPE + 4, 0) / 1000, 0, 1)
    fall = fallen / _seconds(generators[MOD_ENVELOPE + 3])
    envelope = rise * np.maximum(1 - fall, sustained)
    cents = generators[FILTER_CENTS] + generators.get(ENVELOPE_TO_FILTER, 0) * envelope
    if np.min(cents, initial=_OPEN_FILTER_CENTS) >= _OPEN_FILTER_CENTS:
        return audio
    cutoff_hz = np.clip(8.176 * 2 ** (cents / 1200), 20.0, 0.45 * sample_rate_hz)
    q = 10 ** (np.clip(generators.get(FILTER_Q, 0), 0, 960) / 10 / 20)
    block = sample_rate_hz // 200
    filtered = np.empty_like(audio)
    state = np.zeros(2)
    for start in range(0, len(audio), block):
        part = slice(start, start + block)
        b, a = _biquad(cutoff_hz[start], q, sample_rate_hz)
        filtered[part], state = scipy.signal.lfilter(b, a, audio[part], zi=state)
    return filtered


def _biquad(
    cutoff_hz: float, q: float, sample_rate_hz: int
) -> tuple[np.ndarray, np.ndarray]:
    """A second-order low-pass (Bristow-Johnson), with `q` above a flat response."""
    omega = 2 * np.pi * cutoff_hz / sample_rate_hz
    alpha = np.sin(omega) / (2 * q / np.sqrt(2))
    cosine = np.cos(omega)
    b = np.array([(1 - cosine) / 2, 1 - cosine, (1 - cosine) / 2])
    a = np.array([1 + alpha, -2 * cosine, 1 - alpha])
    return b / a[0], a / a[0]
