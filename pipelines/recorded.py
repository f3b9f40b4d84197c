"""Recordings that are one audio file each: their samples and their length."""

from collections.abc import Iterator

import numpy as np

from tf_mt.audio import files
from tf_mt.data import chunk

_BLOCK_SAMPLES = 1 << 18


def audio(sample_rate_hz: int, recording: chunk.Source) -> Iterator[np.ndarray]:
    """Reads a recording whose origin is the path of its file; see `files.blocks`."""
    return files.blocks(recording.origin, sample_rate_hz, _BLOCK_SAMPLES)


def seconds(recording: chunk.Source) -> float:
    """The length of a recording whose origin is the path of its file.

    Returns:
        Seconds; 0 where the file cannot be read, which `audio` then says.
    """
    try:
        return files.duration_seconds(recording.origin)
    except (ValueError, OSError):
        return 0.0
