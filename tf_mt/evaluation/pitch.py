"""Whether a translation plays the notes that it should.

Conventions: as in `log_mel`. A log-mel distance hardly notices that a spectrum has lost
its pitch, so it is never reported alone. Meant for one voice at a time.
"""

import librosa
import numpy as np

from tf_mt.evaluation import log_mel

LOWEST_HZ = 55.0
HIGHEST_HZ = 2000.0
TOLERANCE_CENTS = 50.0

# Frames that much below the loudest are rests.
REST_DB = -40.0


def accuracy(reference: np.ndarray, estimate: np.ndarray, sample_rate_hz: int) -> float:
    """Share of the sounding frames whose pitch is right within 50 cents.

    Raw pitch accuracy (Poliner et al. 2007), with YIN's pitch of the reference for the
    true one and the reference's loud frames for the voiced ones.

    Args:
        reference: What it should sound like, `[samples]`.
        estimate: What it does sound like, `[samples]`.
        sample_rate_hz: The rate of both.

    Returns:
        In [0, 1]; 1 for equal recordings.

    Raises:
        ValueError: The reference is silent, or the two cannot be compared.
    """
    log_mel.validate(reference, estimate)
    loud = _loud(reference, sample_rate_hz)
    if not loud.any():
        raise ValueError("reference is silent; it has no pitch to keep.")
    octaves = np.log2(
        _pitch_hz(estimate, sample_rate_hz) / _pitch_hz(reference, sample_rate_hz)
    )
    return float(np.mean(np.abs(1200.0 * octaves[loud]) <= TOLERANCE_CENTS))


def _pitch_hz(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    frame, hop = _sizes(sample_rate_hz)
    return librosa.yin(
        audio,
        fmin=LOWEST_HZ,
        fmax=min(HIGHEST_HZ, sample_rate_hz / 4),
        sr=sample_rate_hz,
        frame_length=frame,
        hop_length=hop,
    )


def _loud(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    frame, hop = _sizes(sample_rate_hz)
    level = librosa.feature.rms(y=audio, frame_length=frame, hop_length=hop)[0]
    return level > max(level.max() * 10.0 ** (REST_DB / 20.0), 1e-5)


def _sizes(sample_rate_hz: int) -> tuple[int, int]:
    """Samples in a frame and from one frame to the next: 64 and 32 ms."""
    n_fft, hop = log_mel.sizes(sample_rate_hz)
    return n_fft, 2 * hop
