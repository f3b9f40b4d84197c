"""Multi-resolution STFT distance of two recordings.

Conventions: recordings as in `log_mel`. The resolutions are those of Parallel WaveGAN,
in samples at whatever rate the recordings have.
"""

from collections.abc import Iterator

import librosa
import numpy as np
from scipy import fft

from tf_mt.evaluation.metrics import log_mel, loudness

# Samples of the Fourier transform, from one frame to the next, and of the Hann window.
RESOLUTIONS = ((1024, 120, 600), (2048, 240, 1200), (512, 50, 240))
# Magnitudes below count as equal; a full-scale sine has up to 300.
FLOOR = 1e-4
# Spectra that fit into a processor's cache; all at once take twice as long.
BLOCK_FRAMES = 32


def distance(reference: np.ndarray, estimate: np.ndarray, sample_rate_hz: int) -> float:
    """Multi-resolution STFT distance (Yamamoto et al. 2020, section 2.2).

    The mean over three resolutions of the spectral convergence, `|S - S'| / |S|` in the
    Frobenius norm, and the mean absolute difference of `ln S`, with S the magnitudes,
    of at least 1e-4.

    Args:
        reference: The true recording, float `[samples]`.
        estimate: The recording to score, float `[samples]`.
        sample_rate_hz: The rate of both.

    Returns:
        0 for equal recordings; has no upper bound; NaN if the reference is silent,
        below -70 LUFS.

    Raises:
        ValueError: The two cannot be compared.
    """
    log_mel.validate(reference, estimate)
    if loudness.silent(reference, sample_rate_hz):
        return np.nan
    return float(np.mean([_distance(reference, estimate, *one) for one in RESOLUTIONS]))


def magnitudes(
    reference: np.ndarray, estimate: np.ndarray, n_fft: int, hop: int, window: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Magnitudes of the STFTs of two recordings, some frames at a time.

    The first frame is centred on sample 0; before and after a recording is silence.

    Args:
        reference: `[samples]`.
        estimate: `[samples]`.
        n_fft: Samples of the Fourier transform; at least `window`.
        hop: Samples from one frame to the next.
        window: Samples of the Hann window.

    Yields:
        Those of the reference and of the estimate, `[frames, bins]`.
    """
    taper = librosa.filters.get_window("hann", window).astype(np.float32)
    both = np.pad([reference, estimate], [(0, 0), (window // 2, window // 2)])
    frames = np.lib.stride_tricks.sliding_window_view(both, window, axis=1)[:, ::hop]
    for start in range(0, frames.shape[1], BLOCK_FRAMES):
        block = frames[:, start : start + BLOCK_FRAMES] * taper
        expected, found = np.abs(fft.rfft(block, n_fft))
        yield expected, found


def _distance(
    reference: np.ndarray, estimate: np.ndarray, n_fft: int, hop: int, window: int
) -> float:
    apart = energy = log_apart = count = 0.0
    for pair in magnitudes(reference, estimate, n_fft, hop, window):
        expected, found = (np.maximum(one, FLOOR) for one in pair)
        apart += np.sum((expected - found) ** 2)
        energy += np.sum(expected**2)
        log_apart += np.sum(np.abs(np.log(found / expected)))
        count += expected.size
    return np.sqrt(apart / energy) + log_apart / count
