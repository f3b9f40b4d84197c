"""Distance between two recordings' log-mel spectrograms.

Conventions: recordings are float arrays `[samples]` in [-1, 1], of one length and
sample rate. The spectrogram is that of magnitudes (not powers) in 128 Slaney mel bands
from 40 Hz to half the sample rate, in frames of 64 ms every 16 ms, in decibels with a
floor at -80 dB; a full-scale sine reaches about 20 dB.
"""

import functools

import librosa
import numpy as np

BANDS = 128
LOW_HZ = 40.0
FLOOR_DB = -80.0


def validate(reference: np.ndarray, estimate: np.ndarray) -> None:
    """Makes sure that two recordings can be compared.

    Raises:
        ValueError: They are not one-dimensional, differ in length, are empty, or hold
            what is not finite.
    """
    if reference.ndim != 1 or reference.shape != estimate.shape or not reference.size:
        raise ValueError(
            f"reference.shape={reference.shape} and estimate.shape={estimate.shape} "
            "must be one equal, positive length."
        )
    if not (np.isfinite(reference).all() and np.isfinite(estimate).all()):
        raise ValueError("reference and estimate must be finite.")


def distance(reference: np.ndarray, estimate: np.ndarray, sample_rate_hz: int) -> float:
    """Mean absolute difference of two log-mel spectrograms, in decibels.

    Args:
        reference: The true recording, float `[samples]`.
        estimate: The recording to score, float `[samples]`.
        sample_rate_hz: The rate of both.

    Returns:
        0 for equal recordings; has no upper bound that is reached in practice.
    """
    validate(reference, estimate)
    return difference(
        spectrogram(reference, sample_rate_hz), spectrogram(estimate, sample_rate_hz)
    )


def difference(reference: np.ndarray, estimate: np.ndarray) -> float:
    """The `distance` of recordings with these spectrograms, `[bands, frames]`."""
    return float(np.mean(np.abs(reference - estimate)))


def spectrogram(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Log-mel spectrogram in decibels, `[bands, frames]`."""
    n_fft, hop = sizes(sample_rate_hz)
    magnitude = np.abs(librosa.stft(audio, n_fft=n_fft, hop_length=hop))
    mel = _matrix(sample_rate_hz, n_fft) @ magnitude
    return 20.0 * np.log10(np.maximum(mel, 10.0 ** (FLOOR_DB / 20.0)))


def sizes(sample_rate_hz: int) -> tuple[int, int]:
    """Samples in a frame and from one frame to the next: 64 and 16 ms."""
    return 4 * (sample_rate_hz * 16 // 1000), sample_rate_hz * 16 // 1000


@functools.cache
def _matrix(sample_rate_hz: int, n_fft: int) -> np.ndarray:
    return librosa.filters.mel(
        sr=sample_rate_hz, n_fft=n_fft, n_mels=BANDS, fmin=LOW_HZ
    )
