"""Structural similarity of two recordings' log-mel spectrograms.

Code around the VAE-GAN paper scores reconstructions and cycles so. Conventions: as in
`log_mel`. Spectrograms are taken for pictures of [0, 1], from -80 dB to 20 dB. Where
both are silent they are alike, so that rests raise the score.
"""

import numpy as np
from scipy import ndimage

from tf_mt.evaluation.metrics import log_mel

TOP_DB = 20.0
# Bands and frames of the windows that are compared.
SIDE = 7
# Squared K1 and K2 of the paper, times the squared range of 1.
LUMINANCE = 0.01**2
CONTRAST = 0.03**2


def similarity(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Mean structural similarity (Wang et al. 2004, eq. 13).

    In uniform windows of 7 bands and 7 frames with sample covariances, over all windows
    that lie within the spectrogram.

    Args:
        reference: `[bands, frames]` of `log_mel.spectrogram`, at least 7 frames.
        estimate: The same of the other recording.

    Returns:
        In [-1, 1]; 1 for equal recordings.
    """
    one, other = _picture(reference), _picture(estimate)
    mean_one, mean_other = _means(one), _means(other)
    sample = SIDE**2 / (SIDE**2 - 1)
    covariance = sample * (_means(one * other) - mean_one * mean_other)
    variances = sample * (_means(one**2 + other**2) - mean_one**2 - mean_other**2)
    luminance = (2.0 * mean_one * mean_other + LUMINANCE) / (
        mean_one**2 + mean_other**2 + LUMINANCE
    )
    structure = (2.0 * covariance + CONTRAST) / (variances + CONTRAST)
    return float(np.mean(luminance * structure))


def _picture(level_db: np.ndarray) -> np.ndarray:
    above_db = level_db.astype(np.float64) - log_mel.FLOOR_DB
    scaled = above_db / (TOP_DB - log_mel.FLOOR_DB)
    return np.clip(scaled, 0.0, 1.0)


def _means(picture: np.ndarray) -> np.ndarray:
    """Means of all windows that lie within a picture."""
    margin = SIDE // 2
    means = ndimage.uniform_filter(picture, SIDE)
    return means[margin:-margin, margin:-margin]
