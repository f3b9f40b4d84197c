"""Levels of a steady tone over time, and how far they deviate."""

import numpy as np


def levels_db(audio: np.ndarray, pitch_hz: float, rate_hz: int) -> np.ndarray:
    """The level of each 20 ms, taken over whole periods next to that."""
    span = round(rate_hz * round(0.02 * pitch_hz) / pitch_hz)
    spans = audio[: len(audio) // span * span].reshape(-1, span)
    return 10.0 * np.log10(np.mean(spans**2, axis=1))


def deviation_db(levels_db: np.ndarray) -> float:
    """How far levels move from where they mostly are."""
    return np.abs(levels_db - np.median(levels_db)).max()
