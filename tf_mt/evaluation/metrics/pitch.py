"""Raw pitch and chroma accuracy of pitch contours, by YIN.

Conventions: as in `log_mel`. A log-mel distance hardly notices that a spectrum has lost
its pitch, so it is never reported alone. Meant for one voice at a time.
"""

from typing import NamedTuple

import librosa
import numpy as np

from tf_mt.evaluation.metrics import log_mel

LOWEST_HZ = 55.0
HIGHEST_HZ = 2000.0
TOLERANCE_CENTS = 50.0

# Frames that much below the loudest are rests.
REST_DB = -40.0

# Frames below that level, of a full scale of 1, are silent.
SILENCE = 1e-5


class Contour(NamedTuple):
    """The pitch of a recording, in frames of 64 ms every 32 ms.

    Attributes:
        pitch_hz: `[frames]`, as if all had one; 0 in silence.
        sounding: bool `[frames]`, which frames are not rests.
    """

    pitch_hz: np.ndarray
    sounding: np.ndarray


class Accuracies(NamedTuple):
    """Shares of the reference's sounding frames, in [0, 1]; NaN where none sounds.

    Attributes:
        raw: Of those whose pitch is right within 50 cents.
        chroma: The same, but an octave or more off is right too.
    """

    raw: float
    chroma: float


def track(audio: np.ndarray, sample_rate_hz: int) -> Contour:
    """Finds the pitch by YIN (de Cheveigné and Kawahara 2002).

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.
    """
    frame, hop = _sizes(sample_rate_hz)
    pitch_hz = librosa.yin(
        audio,
        fmin=LOWEST_HZ,
        fmax=min(HIGHEST_HZ, sample_rate_hz / 4),
        sr=sample_rate_hz,
        frame_length=frame,
        hop_length=hop,
    )
    level = _level(audio, sample_rate_hz)
    return Contour(np.where(level > SILENCE, pitch_hz, 0.0), _above_rests(level))


def sounding(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Which frames of a recording `[samples]` are not rests, bool `[frames]`."""
    return _above_rests(_level(audio, sample_rate_hz))


def accuracies(reference: Contour, estimate: Contour) -> Accuracies:
    """Raw pitch accuracy and raw chroma accuracy (Poliner et al. 2007).

    The voiced frames are the reference's sounding ones. Where the estimate is silent,
    it is wrong.

    Args:
        reference: The expected contour.
        estimate: The contour found, for as many frames.

    Raises:
        ValueError: They differ in length.
    """
    if reference.pitch_hz.shape != estimate.pitch_hz.shape:
        raise ValueError(
            f"reference.pitch_hz.shape={reference.pitch_hz.shape} and "
            f"estimate.pitch_hz.shape={estimate.pitch_hz.shape} must be equal; track "
            "recordings of one length."
        )
    if not reference.sounding.any():
        return Accuracies(np.nan, np.nan)
    pitched = reference.sounding & (estimate.pitch_hz > 0.0)
    cents = 1200.0 * np.log2(estimate.pitch_hz[pitched] / reference.pitch_hz[pitched])
    folded = cents - 1200.0 * np.round(cents / 1200.0)
    right, right_class = (
        np.sum(np.abs(off) <= TOLERANCE_CENTS) / np.sum(reference.sounding)
        for off in (cents, folded)
    )
    return Accuracies(float(right), float(right_class))


def _level(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    frame, hop = _sizes(sample_rate_hz)
    return librosa.feature.rms(y=audio, frame_length=frame, hop_length=hop)[0]


def _above_rests(level: np.ndarray) -> np.ndarray:
    return level > max(level.max() * 10.0 ** (REST_DB / 20.0), SILENCE)


def _sizes(sample_rate_hz: int) -> tuple[int, int]:
    """Samples in a frame and from one frame to the next: 64 and 32 ms."""
    n_fft, hop = log_mel.sizes(sample_rate_hz)
    return n_fft, 2 * hop
