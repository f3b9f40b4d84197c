"""How the channels of a file become one, at a level that is fit for use.

The channels are averaged. Two cases are not left at that, and are found by decoding the
whole file before it is used:

- Channels that cancel each other, as where the polarity of one is inverted: the loudest
  channel is taken. Channels cancel where the variance of their mean is less than 5 % of
  what it would be if they were independent; for two of equal level that is a
  correlation below -0.95.
- Samples far beyond full scale, which only floats and lossy formats can have: a file
  with a peak above 1.5 is scaled to a peak of 1. Peaks up to that are common, after
  lossy coding or resampling, and are left alone.
"""

import contextlib
import dataclasses
import functools
import os
from pathlib import Path

import numpy as np

from tf_mt.audio import decoding
from tf_mt.audio.encoded import Encoded

_CANCELLING = 0.05
_HIGHEST_PEAK = 1.5

# What an MP3 has behind its sound is not worth a look if it is that short, and is more
# than the silence that encoders add if it is that long.
_TAG_BYTES = 1 << 10
_PADDING_SAMPLES = 4 * 1152

# Surveys that are kept, for files are asked for their length before they are read.
_KEPT = 4096


@dataclasses.dataclass(frozen=True)
class Survey:
    """What decoding the whole of a file shows.

    Attributes:
        samples: The samples of a channel; None if it was not decoded.
        channel: The channel to take; None for the mean of all.
        gain: What to multiply it with.
        past_claim: Whether the file has more than it claims; see `decoding.opened`.
    """

    samples: int | None = None
    channel: int | None = None
    gain: float = 1.0
    past_claim: bool = False


def choice(path: Path, encoded: Encoded) -> Survey:
    """Decides how a file is mixed; decodes it where that is needed.

    Args:
        path: The file.
        encoded: The same, open; not decoded here.

    Raises:
        ValueError: If the file is damaged.
    """
    decided = encoded.bounded and encoded.channels == 1
    return Survey() if decided else survey(path)


def survey(path: Path) -> Survey:
    """Decodes the whole of a file, unless that was done before.

    Raises:
        ValueError: If the file is damaged.
    """
    status = os.stat(path)
    return _surveyed(Path(path), status.st_size, status.st_mtime_ns)


def mix(decoded: np.ndarray, chosen: Survey) -> np.ndarray:
    """Mixes float32 `[samples, channels]` to float32 `[samples]`."""
    if chosen.channel is None:
        # Many times as fast as a mean over an axis that short.
        mono = functools.reduce(np.add, decoded.T) / np.float32(decoded.shape[1])
    else:
        mono = decoded[:, chosen.channel]
    return mono if chosen.gain == 1.0 else mono * np.float32(chosen.gain)


@functools.lru_cache(maxsize=_KEPT)
def _surveyed(path: Path, size: int, modified_ns: int) -> Survey:
    del size, modified_ns  # They tell a file from an older one of its name.
    found, unclaimed_bytes = _decoded(path, past_claim=False)
    if unclaimed_bytes > _TAG_BYTES:
        # What is there may be tags, or damaged.
        with contextlib.suppress(ValueError):
            beyond, _ = _decoded(path, past_claim=True)
            if beyond.samples > found.samples + _PADDING_SAMPLES:
                return beyond
    return found


def _decoded(path: Path, past_claim: bool) -> tuple[Survey, int]:
    with decoding.opened(path, past_claim) as encoded:
        samples, peaks, mean_peak = 0, np.zeros(encoded.channels), 0.0
        sums = np.zeros(encoded.channels)
        products = np.zeros((encoded.channels, encoded.channels))
        for chunk in encoded.chunks:
            # Sums along the rows of this are many times as fast as down columns.
            rows = np.ascontiguousarray(chunk.T)
            samples += len(chunk)
            sums += rows.sum(axis=1)
            products += rows @ rows.T
            if not encoded.bounded:
                mean_peak = max(mean_peak, _peak(mix(chunk, Survey())))
                peaks = np.maximum(peaks, [_peak(row) for row in rows])
        channel = _loudest_of_cancelling(samples, sums, products)
        peak = mean_peak if channel is None else float(peaks[channel])
        gain = 1.0 / peak if peak > _HIGHEST_PEAK else 1.0
        return Survey(samples, channel, gain, past_claim), encoded.unclaimed_bytes


def _peak(samples: np.ndarray) -> float:
    return max(float(samples.max()), -float(samples.min()))


def _loudest_of_cancelling(
    samples: int, sums: np.ndarray, products: np.ndarray
) -> int | None:
    """The loudest channel if the channels cancel each other; None if they do not."""
    if not samples:
        return None
    means = sums / samples
    covariance = products / samples - np.outer(means, means)
    variances = np.diag(covariance)
    cancel = covariance.sum() < _CANCELLING * variances.sum()
    return int(np.argmax(variances)) if cancel else None
