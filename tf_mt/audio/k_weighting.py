"""The weighting of loudness that stands for the head and the ear.

ITU-R BS.1770-4: a shelf and a high-pass filter. At 48 kHz the filters are the
recommendation's; at other rates they are those of its analogue prototype, by the
bilinear transform.
"""

import functools

import numpy as np

# Blocks of 400 ms that much below are silence (BS.1770-4, annex 1).
SILENCE_LUFS = -70.0
# Blocks that much below the mean of the others are rests.
GATE_LU = -10.0
OFFSET_DB = -0.691
# The mean square that silence does not exceed.
SILENCE_POWER = 10.0 ** ((SILENCE_LUFS - OFFSET_DB) / 10.0)
GATE_RATIO = 10.0 ** (GATE_LU / 10.0)


@functools.cache
def sections(sample_rate_hz: int) -> np.ndarray:
    """The two filters of BS.1770-4, `[2, 6]` as scipy's second-order sections."""
    quality, top = 0.7071752369554196, 10.0 ** (3.999843853973347 / 20.0)
    middle = top**0.4996667741545416
    k = np.tan(np.pi * 1681.974450955533 / sample_rate_hz)
    shelf = np.array(
        [
            *(top + middle * k / quality + k**2, 2 * (k**2 - top)),
            top - middle * k / quality + k**2,
            *(1 + k / quality + k**2, 2 * (k**2 - 1), 1 - k / quality + k**2),
        ]
    )
    quality = 0.5003270373238773
    k = np.tan(np.pi * 38.13547087602444 / sample_rate_hz)
    high_pass = np.array(
        [1 + k / quality + k**2, 2 * (k**2 - 1), 1 - k / quality + k**2]
    )
    return np.stack(
        [
            shelf / shelf[3],
            np.concatenate([[1.0, -2.0, 1.0], high_pass / high_pass[0]]),
        ]
    )
