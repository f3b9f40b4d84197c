"""Similarity of chromagrams: whether a translation keeps the harmony.

Conventions: recordings as in `log_mel`. A chromagram folds a constant-Q spectrum of 36
bands per octave, from C1 upward, to a row for each pitch class from C to B, in frames
32 ms apart. Octaves that reach beyond half the sample rate are left out.
"""

import numpy as np

from tf_mt.evaluation.metrics import constant_q, log_mel, pitch

CLASSES = 12
LOWEST_HZ = 440.0 * 2.0 ** (-45 / 12)
MOST_OCTAVES = 7
BANDS_PER_CLASS = 3


def similarity(
    reference: np.ndarray, estimate: np.ndarray, sounding: np.ndarray
) -> float:
    """Mean cosine of two recordings' chroma vectors, over the frames where both sound.

    Chroma vectors have no negative entries, so that unrelated music scores far above 0,
    too.

    Args:
        reference: Its chromagram, `[12, frames]`.
        estimate: That of the other recording.
        sounding: bool `[frames]`, where both sound.

    Returns:
        In [0, 1]; 1 for equal recordings; NaN where the two never sound together.
    """
    if not sounding.any():
        return np.nan
    expected, found = reference[:, sounding], estimate[:, sounding]
    norms = np.linalg.norm(expected, axis=0) * np.linalg.norm(found, axis=0)
    return float(np.mean(np.sum(expected * found, axis=0) / norms))


def chromagram(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """How strong each pitch class is, as a share of the strongest.

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.

    Returns:
        float32 `[12, frames]` in [0, 1], from C to B, with a 1 in every frame that is
        not silent.
    """
    per_octave = CLASSES * BANDS_PER_CLASS
    octaves = min(MOST_OCTAVES, int(np.log2(sample_rate_hz / 2 / LOWEST_HZ)))
    bands = np.arange(octaves * per_octave)
    centres_hz = LOWEST_HZ * 2.0 ** (bands / per_octave)
    # The bandwidth of a window reaches from the middle of one neighbour to the other's.
    ratio = 2.0 ** (2.0 / per_octave)
    lengths_seconds = (ratio + 1.0) / (ratio - 1.0) / centres_hz
    _, hop = log_mel.sizes(sample_rate_hz)
    strength = constant_q.magnitudes(
        audio, sample_rate_hz, centres_hz, lengths_seconds, 2 * hop
    )
    # A class has the band at its pitch and those around it; the last are C's again.
    around = np.roll(strength, BANDS_PER_CLASS // 2, axis=0)
    classes = around.reshape(octaves, CLASSES, BANDS_PER_CLASS, -1).sum(axis=(0, 2))
    loudest = classes.max(axis=0)
    return classes / np.maximum(loudest, pitch.SILENCE)
