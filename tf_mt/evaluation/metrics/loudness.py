"""Integrated loudness, and correlation of frame levels (dynamics).

Conventions: recordings as in `log_mel`. Loudness is that of ITU-R BS.1770-4 for one
channel: mean squares after K-weighting, a shelf and a high-pass filter that stand for
the head and the ear (`tf_mt.audio.k_weighting`). Integrated loudness is in LUFS,
decibels in which a full-scale sine of 997 Hz has -3.01.
"""

import numpy as np
from scipy import signal

from tf_mt.audio import k_weighting
from tf_mt.evaluation.metrics import log_mel

# Frames that much below the loudest are rests.
REST_DB = -40.0
# Levels below count as equal.
FLOOR_DB = -80.0
# A standard deviation of the level that is inaudible.
STEADY_DB = 0.1


def integrated_lufs(audio: np.ndarray, sample_rate_hz: int) -> float:
    """Integrated loudness, gated (ITU-R BS.1770-4, annex 1).

    Over blocks of 400 ms every 100 ms. A shorter recording is one block.

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.

    Returns:
        In LUFS; -inf if no block is above -70 LUFS.

    Raises:
        ValueError: The audio is not one-dimensional, is empty or not finite.
    """
    log_mel.validate(audio, audio)
    powers = _powers(audio, sample_rate_hz, sample_rate_hz // 10)
    powers = powers[powers > k_weighting.SILENCE_POWER]
    if not powers.size:
        return -np.inf
    powers = powers[powers > powers.mean() * k_weighting.GATE_RATIO]
    return float(k_weighting.OFFSET_DB + 10.0 * np.log10(powers.mean()))


def silent(audio: np.ndarray, sample_rate_hz: int) -> bool:
    """Whether a recording `[samples]` has no loudness: all is below -70 LUFS."""
    return integrated_lufs(audio, sample_rate_hz) == -np.inf


def normalised(
    audio: np.ndarray, sample_rate_hz: int, target_lufs: float = -23.0
) -> np.ndarray:
    """Brings a recording to zero mean and one integrated loudness (EBU R 128).

    There is no limiter, neither of the true peak nor of the loudness range, so that the
    sound is scaled and nothing else, and can exceed [-1, 1].

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.
        target_lufs: The loudness to bring it to; EBU R 128 has -23.

    Returns:
        float32 `[samples]`; zeros if the recording is silent.

    Raises:
        ValueError: The audio is not one-dimensional, is empty or not finite.
    """
    log_mel.validate(audio, audio)
    centred = audio - np.mean(audio, dtype=np.float64)
    gain_db = target_lufs - integrated_lufs(centred, sample_rate_hz)
    if gain_db == np.inf:
        return np.zeros(audio.shape, np.float32)
    return (centred * 10.0 ** (gain_db / 20.0)).astype(np.float32)


def correlation(
    reference: np.ndarray, estimate: np.ndarray, sample_rate_hz: int
) -> float:
    """Pearson correlation of two recordings' levels in decibels.

    The levels are as the loudness of DDSP (Engel et al. 2020), but K-weighted where
    that is A-weighted: of frames of 64 ms every 16 ms, with a floor at -80 dB. Only
    those count in which the reference sounds, at most 40 dB below its loudest. How loud
    a recording is as a whole does not matter.

    Args:
        reference: The true recording, float `[samples]`.
        estimate: The recording to score, float `[samples]`.
        sample_rate_hz: The rate of both.

    Returns:
        In [-1, 1]; 1 for equal recordings; NaN if the level of one is constant, within
        a standard deviation of 0.1 dB.

    Raises:
        ValueError: The two cannot be compared.
    """
    log_mel.validate(reference, estimate)
    _, hop = log_mel.sizes(sample_rate_hz)
    levels_db = np.stack(
        [
            10.0 * np.log10(_powers(audio, sample_rate_hz, hop) + 10 ** (FLOOR_DB / 10))
            for audio in (reference, estimate)
        ]
    )
    levels_db = levels_db[:, levels_db[0] >= levels_db[0].max() + REST_DB]
    if levels_db.std(axis=1).min() < STEADY_DB:
        return np.nan
    return float(np.corrcoef(levels_db)[0, 1])


def _powers(audio: np.ndarray, sample_rate_hz: int, step: int) -> np.ndarray:
    """K-weighted mean squares of frames of four steps, one every step."""
    weighted = signal.sosfilt(
        k_weighting.sections(sample_rate_hz), audio.astype(np.float64)
    )
    squares = weighted**2
    if len(squares) < 4 * step:
        return squares.mean(keepdims=True)
    steps = squares[: len(squares) // step * step].reshape(-1, step).mean(axis=1)
    return np.convolve(steps, np.full(4, 0.25), "valid")
