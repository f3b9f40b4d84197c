"""Relative cycle loss: whether a translation there and back is the source again.

Conventions: recordings as in `log_mel`. A translator that changes nothing has a perfect
cycle, and so has one that hides the source in its translation: a cycle loss means
nothing alone.
"""

import numpy as np

from tf_mt.evaluation.metrics import log_mel, loudness, stft_distance

# The CycleGAN paper's frames, 20.4 ms every 5.1 ms.
FRAME_SAMPLES = 511
HOP_SAMPLES = 127
RATE_HZ = 25_000


def relative_loss(source: np.ndarray, cycle: np.ndarray, sample_rate_hz: int) -> float:
    """Relative forward cycle loss: `|S(cycle) - S(source)| / |S(source)|`.

    Sums of absolute values of S, the magnitudes of an STFT. The CycleGAN paper plots it
    (Figure 7) and gives no formula; this one is of magnitudes as they are, not of
    standardised ones. Frames are as long as the paper's at any rate: at 25 kHz, 511
    samples every 127, and at 16 kHz 327 every 81; the Fourier transform and its Hann
    window have as many.

    Args:
        source: What was translated, `[samples]`.
        cycle: Its translation translated back, `[samples]`.
        sample_rate_hz: The rate of both.

    Returns:
        0 for equal recordings, 1 for a silent cycle; has no upper bound; NaN if the
        source is silent, below -70 LUFS.

    Raises:
        ValueError: The two cannot be compared.
    """
    log_mel.validate(source, cycle)
    if loudness.silent(source, sample_rate_hz):
        return np.nan
    frame, hop = (
        round(samples * sample_rate_hz / RATE_HZ)
        for samples in (FRAME_SAMPLES, HOP_SAMPLES)
    )
    change = total = 0.0
    for expected, found in stft_distance.magnitudes(source, cycle, frame, hop, frame):
        change += np.sum(np.abs(found - expected))
        total += np.sum(expected)
    return float(change / total)
