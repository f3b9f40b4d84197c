"""F-measure of note onsets: whether a translation keeps the rhythm.

Conventions: as in `log_mel`. Onsets are peaks of the spectral flux of the log-mel
spectrogram (Böck et al. 2012, section 2), so that soft onsets may be missed, and
vibrato may be taken for onsets.
"""

import librosa
import mir_eval
import numpy as np

from tf_mt.evaluation.metrics import log_mel

TOLERANCE_SECONDS = 0.05

# The strongest within so many frames of 16 ms before and after is an onset.
APART_FRAMES = 3


def f_measure(expected: np.ndarray, found: np.ndarray) -> float:
    """F-measure of the onsets of two recordings, matched one to one within 50 ms.

    Args:
        expected: Onsets of the reference in seconds, `[onsets]`, from `detect`.
        found: Those of the estimate.

    Returns:
        In [0, 1]; 1 for equal onsets; NaN if the reference has none.
    """
    if not len(expected):
        return np.nan
    if not len(found):
        return 0.0
    score, _, _ = mir_eval.onset.f_measure(expected, found, TOLERANCE_SECONDS)
    return float(score)


def detect(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """When notes begin, in seconds, `[onsets]`, in order.

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.
    """
    _, hop = log_mel.sizes(sample_rate_hz)
    # A rise over two frames is put at its end: that is where onsets are in the median.
    flux = librosa.onset.onset_strength(
        S=log_mel.spectrogram(audio, sample_rate_hz),
        sr=sample_rate_hz,
        hop_length=hop,
        lag=2,
        center=False,
    )
    return librosa.onset.onset_detect(
        onset_envelope=flux,
        sr=sample_rate_hz,
        hop_length=hop,
        units="time",
        pre_max=APART_FRAMES,
        post_max=APART_FRAMES + 1,
        wait=APART_FRAMES,
    )
