"""Normalised cross-correlation of pitch contours, as one of the papers scores.

Verma, "CPC + UMT" scores translations and cycles by it. Conventions: recordings as in
`log_mel`. The contour follows the highest partial that is found, not the fundamental,
and unrelated contours score far above 0: for a uniformly random pitch 0.49 ± 0.24 over
half a second, 0.40 ± 0.13 over 2 s and 0.34 ± 0.08 over 5 s; for a random walk 0.57,
0.53 and 0.49. A score means nothing without that level beside it.
"""

import librosa
import numpy as np

RATE_HZ = 22_050
N_FFT = 2048
HOP = 512
LOWEST_HZ = 150.0
HIGHEST_HZ = 4000.0
# Of the loudest bin of a frame; quieter peaks are no partials.
THRESHOLD = 0.1
SMOOTHING_FRAMES = 20


def contour(audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """The highest partial of each frame in hertz, `[frames]`; 0 where there is none.

    Args:
        audio: `[samples]`.
        sample_rate_hz: Its rate.
    """
    pitches_hz, _ = librosa.piptrack(
        y=librosa.resample(audio, orig_sr=sample_rate_hz, target_sr=RATE_HZ),
        sr=RATE_HZ,
        n_fft=N_FFT,
        hop_length=HOP,
        fmin=LOWEST_HZ,
        fmax=HIGHEST_HZ,
        threshold=THRESHOLD,
    )
    return pitches_hz.max(axis=0)


def correlation(reference: np.ndarray, estimate: np.ndarray) -> float:
    """The largest correlation of two smoothed, standardised contours over all lags.

    Of a translation and the truth it is the paper's NCC; of a cycle and its source, the
    cycle similarity.

    Args:
        reference: `[frames]`.
        estimate: `[frames]`.

    Returns:
        At most 1; NaN if one of them is constant.

    Raises:
        ValueError: They differ in length.
    """
    if reference.shape != estimate.shape:
        raise ValueError(
            f"reference.shape={reference.shape} and estimate.shape={estimate.shape} "
            "must be equal; take the contours of recordings of one length."
        )
    products = np.correlate(_standardised(reference), _standardised(estimate), "same")
    return float(products.max() / len(reference))


def _standardised(values: np.ndarray) -> np.ndarray:
    """Smooths by a Hann window; to mean 0 and variance 1, or all NaN if constant."""
    window = np.hanning(SMOOTHING_FRAMES)
    padded = np.pad(
        values.astype(np.float64),
        (SMOOTHING_FRAMES // 2, SMOOTHING_FRAMES - SMOOTHING_FRAMES // 2 - 1),
        "reflect",
        reflect_type="odd",
    )
    smooth = np.convolve(padded, window / window.sum(), "valid")
    deviation = smooth.std()
    # Smoothing rounds, so that what was constant is not quite.
    if deviation <= 1e-9 * np.abs(smooth).max():
        return np.full_like(smooth, np.nan)
    return (smooth - smooth.mean()) / deviation
