"""Resampling to the sample rate of an embedder."""

import numpy as np
import soxr


def resample(audio: np.ndarray, sample_rate_hz: int, wanted_hz: int) -> np.ndarray:
    """Resamples a recording.

    Args:
        audio: `[samples]` in [-1, 1].
        sample_rate_hz: Its rate.
        wanted_hz: The rate that is wanted.

    Returns:
        float32 `[samples * wanted_hz / sample_rate_hz]`.

    Raises:
        ValueError: It has another shape, is empty, or is not finite.
    """
    audio = np.asarray(audio, np.float32)
    if audio.ndim != 1 or not audio.size:
        raise ValueError(f"audio.shape={audio.shape} must be one positive length.")
    if not np.isfinite(audio).all():
        raise ValueError("audio must be finite.")
    return soxr.resample(audio, sample_rate_hz, wanted_hz)
