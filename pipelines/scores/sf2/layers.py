"""The sound of one zone: its sample, tuned and looped, under its envelopes."""

import numpy as np
import soxr

from pipelines.scores.sf2 import envelopes, presets

# Synthesizers have taken attenuation for 0.4 of what it says since the first one did.
_ATTENUATION_SHARE = 0.4

# What is beyond them is an error of the file's, and would take hours or the memory.
_SPEEDS_HZ = (10, 4_000_000)

_SHORTEST_LOOP_SAMPLES = 2
_COARSE = 32768
# Enough for any sample; a damaged offset would have a whole file decoded for nothing.
_LONGEST_SAMPLES = 1 << 26


def render(
    zone: presets.Zone, pitch: int, held_seconds: float, sample_rate_hz: int
) -> np.ndarray:
    """A zone's sound at a pitch, held: float32 `[samples]`.

    Raises:
        ValueError: If its sample cannot be played at that pitch, or not at all.
    """
    generators = zone.at(pitch)
    octaves = zone.cents(pitch) / 1200
    speed_hz = float(zone.sample.rate_hz) * 2.0 ** min(max(octaves, -100), 100)
    if not _SPEEDS_HZ[0] <= speed_hz <= _SPEEDS_HZ[1]:
        raise ValueError(
            f"pitch {pitch} is {octaves:+.1f} octaves from sample "
            f"{zone.sample.name!r}, which is too far."
        )
    audio = _held(zone, int(held_seconds * speed_hz) + 1)
    audio = soxr.resample(audio, speed_hz, sample_rate_hz)
    seconds = np.arange(len(audio)) / sample_rate_hz
    audio = envelopes.low_pass(audio, seconds, generators, sample_rate_hz)
    tenths_db = np.clip(generators.get(presets.ATTENUATION, 0), -1440, 1440)
    attenuation_db = tenths_db / 10 * _ATTENUATION_SHARE
    level = envelopes.volume(seconds, generators) * 10 ** (-attenuation_db / 20)
    return (audio * level).astype(np.float32)


def _held(zone: presets.Zone, samples: int) -> np.ndarray:
    """The sample at its own rate, looped if it loops: float32 `[at most samples]`.

    A loop that leaves the sample ends with it; one that is too short to sound is none.
    """

    def offset(fine: int, coarse: int) -> int:
        found = zone.generators
        return found.get(fine, 0) + _COARSE * found.get(coarse, 0)

    start = max(0, offset(presets.START, presets.START_COARSE))
    unused = max(0, -offset(presets.END, presets.END_COARSE))
    loop_start, loop_end = zone.sample.loop
    loop_start += offset(presets.LOOP_START, presets.LOOP_START_COARSE) - start
    loop_end += offset(presets.LOOP_END, presets.LOOP_END_COARSE) - start

    whole = zone.sample.read(min(start + samples + unused, _LONGEST_SAMPLES))
    whole = whole[start : max(len(whole) - unused, 0)]
    if not len(whole):
        raise ValueError(f"nothing is left of sample {zone.sample.name!r}.")
    loop_start, loop_end = max(loop_start, 0), min(loop_end, len(whole))
    loops = zone.generators.get(presets.LOOP_MODE, 0) & 1
    if not loops or loop_end - loop_start < _SHORTEST_LOOP_SAMPLES:
        return whole[:samples]
    loop = whole[loop_start:loop_end]
    rounds = max(0, -(-(samples - loop_end) // len(loop)))
    return np.concatenate([whole[:loop_end], np.tile(loop, rounds)])[:samples]
