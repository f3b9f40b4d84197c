"""Distance of mel-frequency cepstral coefficients, a measure of timbre.

One of the papers measures one-shot style transfer so ("l2-MFCC"). Conventions:
recordings as in `log_mel`. All are brought to zero mean and the loudness of EBU R 128
first. Coefficients are librosa's: the first 20 of the orthonormal DCT-II of the power
in 128 Slaney mel bands, in decibels down to 80 below the loudest, in frames of 2048
samples every 512. The first one, which is the mean level, is kept, as in the paper.
"""

import functools

import librosa
import numpy as np

from tf_mt.evaluation.metrics import loudness

COEFFICIENTS = 20
N_FFT = 2048
HOP = 512
# Mean and standard deviation of each coefficient.
STATISTICS = 2 * COEFFICIENTS


def means(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The mean of each coefficient, `[20]`; NaN for silence.

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.
    """
    level = loudness.normalised(audio, sample_rate_hz)
    if not level.any():
        return np.full(COEFFICIENTS, np.nan)
    return _coefficients(level, sample_rate_hz).mean(axis=1)


def distance(reference: np.ndarray, estimate: np.ndarray) -> float:
    """L2 distance of two recordings' mean coefficients.

    Args:
        reference: Its `means`.
        estimate: Those of the other recording.

    Returns:
        0 for equal recordings, whatever their level; has no upper bound; NaN if one of
        them is silent, below -70 LUFS.
    """
    return float(np.linalg.norm(reference - estimate))


def transfer_ratio(
    source: np.ndarray, style: np.ndarray, estimate: np.ndarray
) -> float:
    """Distance to the source as a share of that to the source and to the style.

    Args:
        source: The `means` of what was translated.
        style: Those of a recording of the target.
        estimate: Those of the translation.

    Returns:
        In [0, 1]; 0 if it sounds as the source, 1 if it sounds as the style, and above
        0.5 if it is closer to the style, the paper's criterion. NaN if one of them is
        silent or all three sound the same.
    """
    from_source = np.linalg.norm(estimate - source)
    from_style = np.linalg.norm(estimate - style)
    if from_source + from_style == 0.0:
        return np.nan
    return float(from_source / (from_source + from_style))


def statistics(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Mean and deviation of the coefficients in each second.

    An embedding of timbre that needs no training, for the Fréchet distance.

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.

    Returns:
        float32 `[windows, 40]`: 20 means, then 20 standard deviations, of windows of
        as many frames as fit into a second, that do not overlap. What remains after the
        last is left out; a shorter recording is one window. Finite for silence, too.

    Raises:
        ValueError: The audio is not one-dimensional, is empty or not finite.
    """
    found = _coefficients(loudness.normalised(audio, sample_rate_hz), sample_rate_hz)
    per_window = min(sample_rate_hz // HOP, found.shape[1])
    windows = found.shape[1] // per_window
    found = found[:, : windows * per_window].reshape(COEFFICIENTS, windows, per_window)
    return np.concatenate([found.mean(axis=2), found.std(axis=2)]).T.astype(np.float32)


def _coefficients(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """`[20, frames]`."""
    spectrum = librosa.stft(audio, n_fft=N_FFT, hop_length=HOP)
    mel = _matrix(sample_rate_hz) @ np.abs(spectrum) ** 2
    return librosa.feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=COEFFICIENTS)


@functools.cache
def _matrix(sample_rate_hz: int) -> np.ndarray:
    return librosa.filters.mel(sr=sample_rate_hz, n_fft=N_FFT)
