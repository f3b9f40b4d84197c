"""Mel spectra: magnitudes in bands that are narrow below and wide above.

The scale is Slaney's (linear to 1 kHz, logarithmic above) and each triangle has unit
area over frequency in Hz, as in `librosa.filters.mel`. Unlike there, a matrix has its
bands in columns, so that it multiplies a spectrum `[..., bins]` from the right.
"""

import numpy as np
import tensorflow as tf

_LINEAR_HZ_PER_MEL = 200.0 / 3.0
_LOG_FROM_HZ = 1000.0
_LOG_FROM_MEL = _LOG_FROM_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0

# A full-scale sine reaches about 20 dB in a low band of a frame of 64 ms.
LOWEST_DB = -80.0
HIGHEST_DB = 20.0

_LOWEST = 10.0 ** (LOWEST_DB / 20.0)
_HIGHEST = 10.0 ** (HIGHEST_DB / 20.0)
_HALF_RANGE = 0.5 * np.log(_HIGHEST / _LOWEST)


def matrix(
    sample_rate_hz: int, n_fft: int, n_mels: int, low_hz: float, high_hz: float
) -> np.ndarray:
    """Weights of the mel bands.

    Args:
        sample_rate_hz: The rate of the audio.
        n_fft: Samples that are transformed.
        n_mels: How many bands.
        low_hz: Where the lowest band begins.
        high_hz: Where the highest band ends, half the sample rate at most.

    Returns:
        float32 `[n_fft // 2 + 1, n_mels]`.

    Raises:
        ValueError: If the range is not within 0 to half the sample rate, or a band is
            so narrow that it holds no bin.
    """
    if not 0 <= low_hz < high_hz <= sample_rate_hz / 2:
        raise ValueError(
            f"low_hz={low_hz} and high_hz={high_hz} must satisfy "
            f"0 <= low_hz < high_hz <= {sample_rate_hz / 2}, half the sample rate."
        )
    edges = np.linspace(_to_mels(low_hz), _to_mels(high_hz), n_mels + 2)
    low, centre, high = (_to_hz(edges[i : n_mels + i]) for i in range(3))
    bins = np.arange(n_fft // 2 + 1)[:, np.newaxis] * sample_rate_hz / n_fft
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    weights = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)
    empty = int(np.sum(~weights.any(axis=0)))
    if empty:
        raise ValueError(
            f"n_mels={n_mels} leaves {empty} bands without a bin of n_fft={n_fft}; "
            "ask for fewer bands or a longer n_fft."
        )
    return weights.astype(np.float32)


def pseudo_inverse(matrix: np.ndarray) -> np.ndarray:
    """The least-squares inverse of `matrix`: float32 `[n_mels, n_fft // 2 + 1]`."""
    return np.linalg.pinv(matrix.astype(np.float64)).astype(np.float32)


def from_magnitude(magnitude: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
    """Magnitudes `[..., bins]` to mel magnitudes `[..., n_mels]`."""
    return tf.matmul(magnitude, matrix)


def to_magnitude(mel: tf.Tensor, inverse: np.ndarray) -> tf.Tensor:
    """Mel magnitudes `[..., n_mels]` to magnitudes `[..., bins]`, zero or more.

    Args:
        mel: float32, as from `from_magnitude`.
        inverse: As from `pseudo_inverse`.

    Returns:
        The least-squares solution, with what is negative in it set to zero.
    """
    return tf.nn.relu(tf.matmul(mel, inverse))


def to_log(mel: tf.Tensor) -> tf.Tensor:
    """Magnitudes to decibels on a scale where -80 dB is -1 and 20 dB is 1.

    Args:
        mel: float32, any shape, zero or more.

    Returns:
        float32 in [-1, 1]: `(20 log10(mel) + 80) / 50 - 1`, clipped.
    """
    log = tf.math.log(tf.clip_by_value(mel, _LOWEST, _HIGHEST))
    return (log - np.log(_LOWEST)) / _HALF_RANGE - 1.0


def from_log(log: tf.Tensor) -> tf.Tensor:
    """The inverse of `to_log`: [-1, 1] to magnitudes in [1e-4, 10]."""
    return tf.exp((log + 1.0) * _HALF_RANGE + np.log(_LOWEST))


def _to_mels(hz: float) -> float:
    if hz < _LOG_FROM_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _LOG_FROM_MEL + np.log(hz / _LOG_FROM_HZ) / _LOG_STEP


def _to_hz(mels: np.ndarray) -> np.ndarray:
    logarithmic = _LOG_FROM_HZ * np.exp(_LOG_STEP * (mels - _LOG_FROM_MEL))
    return np.where(mels < _LOG_FROM_MEL, _LINEAR_HZ_PER_MEL * mels, logarithmic)
