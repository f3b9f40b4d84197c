"""What a soundfont says of its tones, read anew from SoundFont 2.04: a reference.

It shares no code with the reader that is tested. Of an intact file it gives which
samples sound at a key, how fast each is played, and the sound of that by interpolation,
without filters and envelopes of loudness.
"""

import dataclasses
import io
import math
import mmap

import numpy as np
import soundfile

# Generators, by their numbers in section 8.1.2; offsets have a fine and a coarse one.
START, END, LOOP_START, LOOP_END = (0, 4), (1, 12), (2, 45), (3, 50)
ENVELOPE_TO_PITCH, ENVELOPE_SUSTAIN = 7, 29
INSTRUMENT, KEYS, VELOCITIES, KEY, COARSE, FINE = 41, 43, 44, 46, 51, 52
SAMPLE, LOOP_MODE, SCALE, ROOT = 53, 54, 56, 58

# Those of pitch that a preset adds to its instrument's, and what they are unsaid.
ADDED = {ENVELOPE_TO_PITCH: 0, ENVELOPE_SUSTAIN: 0, COARSE: 0, FINE: 0, SCALE: 100}

UNPITCHED = 255
COMPRESSED = 0x10

BAGS = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
GENERATORS = np.dtype([("kind", "<u2"), ("amount", "<i2")])
INSTRUMENTS = np.dtype([("name", "S20"), ("bag", "<u2")])
PRESETS = np.dtype(
    [
        ("name", "S20"),
        ("program", "<u2"),
        ("bank", "<u2"),
        ("bag", "<u2"),
        ("unused", "<u4", 3),
    ]
)
SAMPLES = np.dtype(
    [
        ("name", "S20"),
        ("start", "<u4"),
        ("end", "<u4"),
        ("loop_start", "<u4"),
        ("loop_end", "<u4"),
        ("rate_hz", "<u4"),
        ("root", "u1"),
        ("correction", "i1"),
        ("link", "<u2"),
        ("kind", "<u2"),
    ]
)


@dataclasses.dataclass(frozen=True)
class Layer:
    """A sample that sounds: its header, and the generators said of it."""

    header: np.void
    said: dict[int, int]

    def cents(self, pitch):
        """How far above its rate the sample is played, envelopes settled."""
        root = self.said.get(ROOT, -1)
        if root == -1:
            stored = int(self.header["root"])
            root = 60 if stored == UNPITCHED else stored
        settled = 1 - np.clip(self.said[ENVELOPE_SUSTAIN] / 1000, 0, 1)
        return (
            (self.said.get(KEY, pitch) - root) * self.said[SCALE]
            + 100 * self.said[COARSE]
            + self.said[FINE]
            + int(self.header["correction"])
            + self.said[ENVELOPE_TO_PITCH] * settled
        )

    def offset(self, kinds):
        fine, coarse = kinds
        return self.said.get(fine, 0) + 32768 * self.said.get(coarse, 0)


class Reference:
    """The presets and samples of a soundfont without faults."""

    def __init__(self, path):
        with path.open("rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._samples_at = self._data.find(b"sdtasmpl") + 12
        at = self._data.rfind(b"pdtaphdr") + 4
        self._chunks = {}
        for _ in range(9):
            size = int.from_bytes(self._data[at + 4 : at + 8], "little")
            self._chunks[self._data[at : at + 4]] = self._data[at + 8 : at + 8 + size]
            at += 8 + size

    def layers(self, program, pitch, velocity):
        """The layers of a melodic program at a key; none where it has a hole."""
        presets = self._records(b"phdr", PRESETS)
        wanted = (presets["program"] == program) & (presets["bank"] == 0)
        preset = int(np.flatnonzero(wanted[:-1])[0])
        headers = self._records(b"shdr", SAMPLES)
        layers = []
        for outer in self._zones(b"pbag", b"pgen", presets["bag"], preset, INSTRUMENT):
            bags = self._records(b"inst", INSTRUMENTS)["bag"]
            number = outer[INSTRUMENT]
            for inner in self._zones(b"ibag", b"igen", bags, number, SAMPLE):
                if sounds(outer, pitch, velocity) and sounds(inner, pitch, velocity):
                    sums = {
                        kind: inner.get(kind, unsaid) + outer.get(kind, 0)
                        for kind, unsaid in ADDED.items()
                    }
                    layers.append(Layer(headers[inner[SAMPLE]], {**inner, **sums}))
        return layers

    def sound(self, layer, pitch, seconds, rate_hz):
        """A layer by linear interpolation.

        Returns:
            `[samples]`, and its rate: a multiple of `rate_hz` that has room for all
            that the sample has.
        """
        speed_hz = int(layer.header["rate_hz"]) * 2 ** (layer.cents(pitch) / 1200)
        rate_hz *= math.ceil(speed_hz / rate_hz)
        audio, loop_start, loop_end = self._recording(layer)
        at = np.arange(round(seconds * rate_hz)) * (speed_hz / rate_hz)
        if layer.said.get(LOOP_MODE, 0) & 1:
            # A loop's end sounds as its start does.
            audio = np.append(audio[:loop_end], audio[loop_start])
            looped = loop_start + (at - loop_start) % (loop_end - loop_start)
            at = np.where(at < loop_end, at, looped)
        return np.interp(at, np.arange(len(audio)), audio, right=0.0), rate_hz

    def _records(self, chunk, fields):
        return np.frombuffer(self._chunks[chunk], fields)

    def _zones(self, bags, generators, firsts, number, last):
        """Each zone's generators over those of the first, if that one is of all."""
        bounds = self._records(bags, BAGS)["generator"]
        amounts = self._records(generators, GENERATORS)
        everywhere = {}
        for bag in range(firsts[number], firsts[number + 1]):
            said = dict(amounts[bounds[bag] : bounds[bag + 1]].tolist())
            if last in said:
                yield {**everywhere, **said}
            elif bag == firsts[number]:
                everywhere = said

    def _recording(self, layer):
        """The sample of a layer, and the first and the end of its loop in it."""
        start, end, loop_start, loop_end = (
            int(layer.header[name])
            for name in ("start", "end", "loop_start", "loop_end")
        )
        if layer.header["kind"] & COMPRESSED:
            ogg = self._data[self._samples_at + start : self._samples_at + end]
            audio = soundfile.read(io.BytesIO(ogg))[0]
            start = 0  # Of Vorbis, loops count from their sample's start.
        else:
            pcm = self._data[self._samples_at + 2 * start : self._samples_at + 2 * end]
            audio = np.frombuffer(pcm, "<i2") / 32768
        first = layer.offset(START)
        audio = audio[first : len(audio) + layer.offset(END)]
        loop_start += layer.offset(LOOP_START) - start - first
        loop_end += layer.offset(LOOP_END) - start - first
        return audio, loop_start, min(loop_end, len(audio))


def sounds(said, pitch, velocity):
    """Whether a key and its velocity lie in a zone's ranges."""
    return all(
        said.get(kind, 127 << 8) & 0xFF <= value <= said.get(kind, 127 << 8) >> 8
        for kind, value in ((KEYS, pitch), (VELOCITIES, velocity))
    )
