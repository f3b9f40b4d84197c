"""The zones of a preset: which samples sound at which notes, and how."""

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from pipelines.scores.sf2 import samples
from pipelines.scores.sf2.file import File

# Generators, by their numbers in the specification.
START, END, LOOP_START, LOOP_END = 0, 1, 2, 3
START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE = 4, 12, 45, 50
ENVELOPE_TO_PITCH, FILTER_CENTS, FILTER_Q, ENVELOPE_TO_FILTER = 7, 8, 9, 11
MOD_ENVELOPE, VOLUME_ENVELOPE = 25, 33
INSTRUMENT, KEY_RANGE, VELOCITY_RANGE, KEY, VELOCITY = 41, 43, 44, 46, 47
ATTENUATION, COARSE_TUNE, FINE_TUNE, SAMPLE = 48, 51, 52, 53
LOOP_MODE, SCALE_TUNING, EXCLUSIVE_CLASS, ROOT_KEY = 54, 56, 57, 58

MOST_ZONES = 30_000

_LAST_KIND = 60

_EVERYTHING = 127 << 8
_NONE = -1
_DEFAULTS = {
    **dict.fromkeys((25, 26, 27, 28, 30, 33, 34, 35, 36, 38), -12000),
    FILTER_CENTS: 13500,
    SCALE_TUNING: 100,
    ROOT_KEY: _NONE,
    KEY: _NONE,
}

# The hold and the decay that get shorter towards high keys, each by how much.
_SHORTENED = {MOD_ENVELOPE + 2: 31, MOD_ENVELOPE + 3: 32}
_SHORTENED |= {VOLUME_ENVELOPE + 2: 39, VOLUME_ENVELOPE + 3: 40}

# Ranges intersect, and what concerns a sample is the instrument's alone.
_NOT_ADDED = {
    *(KEY_RANGE, VELOCITY_RANGE, INSTRUMENT, SAMPLE),
    *(KEY, VELOCITY, LOOP_MODE, EXCLUSIVE_CLASS, ROOT_KEY),
    *(START, END, LOOP_START, LOOP_END),
    *(START_COARSE, END_COARSE, LOOP_START_COARSE, LOOP_END_COARSE),
}


@dataclasses.dataclass(frozen=True)
class Zone:
    """A sample and how it is played, for a range of pitches and velocities.

    Attributes:
        sample: What sounds.
        root: The pitch at which the sample sounds at its rate, 0 to 127.
        generators: The sums of the preset's and the instrument's amounts.
        pitches: The lowest and the highest pitch.
        velocities: The lowest and the highest velocity.
    """

    sample: samples.Sample
    root: int
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

    def at(self, pitch: int) -> dict[int, int]:
        """The generators, envelopes as long as they are at a pitch."""
        below = samples.MIDDLE_C - self._key(pitch)
        shortened = {
            kind: self.generators[kind] + below * self.generators.get(by, 0)
            for kind, by in _SHORTENED.items()
        }
        return {**self.generators, **shortened}

    def cents(self, pitch: int) -> float:
        """How far above its rate the sample is played, once the envelopes settle."""
        generators = self.generators
        settled = 1 - generators.get(MOD_ENVELOPE + 4, 0) / 1000
        return (
            (self._key(pitch) - self.root) * generators[SCALE_TUNING]
            + 100 * generators.get(COARSE_TUNE, 0)
            + generators.get(FINE_TUNE, 0)
            + self.sample.correction_cents
            + generators.get(ENVELOPE_TO_PITCH, 0) * min(max(settled, 0), 1)
        )

    def _key(self, pitch: int) -> int:
        key = self.generators[KEY]
        return key if 0 <= key <= 127 else pitch


def zones(file: File, preset: int) -> list[Zone]:
    """The zones of a preset that can sound, all of them checked.

    Raises:
        ValueError: If there are none or too many, if an index leads nowhere, or if a
            sample, a root key or a length cannot be.
    """
    found: list[Zone] = []
    instrument = functools.cache(lambda number: list(_bags(file, "inst", number)))
    sample_of = functools.cache(functools.partial(samples.find, file))
    seen = 0
    for outer in _bags(file, "phdr", preset):
        for inner in instrument(outer[INSTRUMENT] & 0xFFFF):
            seen += 1
            if seen > MOST_ZONES:
                raise ValueError(f"it has more than {MOST_ZONES} zones.")
            pitches = _common(inner, outer, KEY_RANGE)
            velocities = _common(inner, outer, VELOCITY_RANGE)
            if pitches[0] > pitches[1] or velocities[0] > velocities[1]:
                continue
            sample = sample_of(inner[SAMPLE] & 0xFFFF)
            generators = {**_DEFAULTS, **inner}
            for kind, amount in outer.items():
                if kind not in _NOT_ADDED:
                    generators[kind] = generators.get(kind, 0) + amount
            root = _root(sample, generators)
            found.append(Zone(sample, root, generators, pitches, velocities))
    if not found:
        raise ValueError("it has no zone that sounds.")
    return found


def _common(inner: dict[int, int], outer: dict[int, int], kind: int) -> tuple[int, int]:
    amounts = [generators.get(kind, _EVERYTHING) for generators in (inner, outer)]
    return (
        max(amount & 0xFF for amount in amounts),
        min(amount >> 8 & 0xFF for amount in amounts),
    )


def _root(sample: samples.Sample, generators: dict[int, int]) -> int:
    root = generators[ROOT_KEY]
    root = sample.root if root == _NONE else root
    if not 0 <= root <= 127:
        raise ValueError(
            f"sample {sample.name!r} has the root key {root}; 0 to 127 are keys, and "
            f"{samples.UNPITCHED} of a sample without pitch."
        )
    return root


def _bags(file: File, records: str, number: int) -> Iterator[dict[int, int]]:
    """The generators of each zone of a preset or instrument, global ones included.

    Only a zone that names an instrument or a sample plays; a first one that does not
    is global.
    """
    bags, generators, last = {
        "phdr": ("pbag", "pgen", INSTRUMENT),
        "inst": ("ibag", "igen", SAMPLE),
    }[records]
    head = file.records[records]["bag"]
    if number >= len(head) - 1:
        raise ValueError(
            f"there is no instrument {number}; the last is {len(head) - 2}."
        )
    name = file.name(records, number)
    first, end = _bounds(head, number, len(file.records[bags]) - 1, name)
    everywhere: dict[int, int] = {}
    for zone in range(first, end):
        bounds = _bounds(
            file.records[bags]["generator"], zone, len(file.records[generators]), name
        )
        found: dict[int, int] = {}
        for kind, amount in file.records[generators][slice(*bounds)].tolist():
            if kind <= _LAST_KIND:
                found[kind] = amount
            if kind == last:  # What comes after it does not count.
                break
        if last in found:
            yield {**everywhere, **found}
        elif zone == first:
            everywhere = found


def _bounds(starts: np.ndarray, number: int, there: int, name: str) -> tuple[int, int]:
    first, end = int(starts[number]), int(starts[number + 1])
    if not first <= end <= there:
        raise ValueError(
            f"the zones of {name!r} go from {first} to {end}, where the file has "
            f"{there}."
        )
    return first, end
