"""A zone's sample, as long as a note lasts."""

import numpy as np

from pipelines.scores.sf2 import presets

SHORTEST_LOOP_SAMPLES = 2
_COARSE = 32768
# Enough for any sample; a damaged offset would have a whole file decoded for nothing.
_LONGEST_SAMPLES = 1 << 26


def held(zone: presets.Zone, samples: int) -> np.ndarray:
    """The sample at its own rate, looped if it loops: float32 `[at most samples]`.

    A loop that leaves the sample ends with it; one that is too short to sound is none.

    Raises:
        ValueError: If nothing is left of the sample, or it cannot be decoded.
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
    if not loops or loop_end - loop_start < SHORTEST_LOOP_SAMPLES:
        return whole[:samples]
    loop = whole[loop_start:loop_end]
    rounds = max(0, -(-(samples - loop_end) // len(loop)))
    return np.concatenate([whole[:loop_end], np.tile(loop, rounds)])[:samples]
