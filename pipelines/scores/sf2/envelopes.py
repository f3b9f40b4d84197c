"""How a note's loudness and brightness change while it is held."""

import numpy as np
import scipy.signal

from pipelines.scores.sf2.presets import (
    ENVELOPE_TO_FILTER,
    FILTER_CENTS,
    FILTER_Q,
    MOD_ENVELOPE,
    VOLUME_ENVELOPE,
)

_OPEN_FILTER_CENTS = 13500


def release_seconds(generators: dict[int, int]) -> float:
    """How long a note takes to fall by 100 dB when it is let go."""
    return _seconds(generators[VOLUME_ENVELOPE + 5])


def _seconds(timecents: int) -> float:
    # What a damaged file says may be beyond any number of seconds.
    return 2.0 ** (min(max(timecents, -32768), 32767) / 1200)


def _stages(
    seconds: np.ndarray, generators: dict[int, int], first: int
) -> tuple[np.ndarray, np.ndarray]:
    """How far an envelope has come: the rise from 0 to 1, and seconds of decay."""
    delay, attack, hold = (_seconds(generators[first + i]) for i in range(3))
    rise = np.clip((seconds - delay) / attack, 0.0, 1.0)
    return rise, np.maximum(seconds - delay - attack - hold, 0.0)


def volume(seconds: np.ndarray, generators: dict[int, int]) -> np.ndarray:
    """The volume envelope of a held note: it falls by 100 dB in the decay time."""
    rise, fallen = _stages(seconds, generators, VOLUME_ENVELOPE)
    sustain_db = generators.get(VOLUME_ENVELOPE + 4, 0) / 10
    fall_db = 100 * fallen / _seconds(generators[VOLUME_ENVELOPE + 3])
    return rise * 10 ** (-np.minimum(fall_db, np.clip(sustain_db, 0, 100)) / 20)


def low_pass(
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
