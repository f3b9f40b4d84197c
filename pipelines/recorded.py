"""Recordings that are one audio file each: their samples and their length."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tf_mt.audio import files
from tf_mt.data import chunk, storing

_BLOCK_SAMPLES = 1 << 18


def audio(sample_rate_hz: int, recording: chunk.Source) -> Iterator[np.ndarray]:
    """Reads a recording whose origin is the path of its file; see `files.blocks`."""
    return files.blocks(recording.origin, sample_rate_hz, _BLOCK_SAMPLES)


def sounding(
    domain: str,
    recordings: Sequence[chunk.Source],
    leave_out: Callable[[Exception], None],
) -> list[chunk.Source]:
    """The recordings of a domain that have sound, for only those can fill a split.

    Args:
        domain: The name of the domain.
        recordings: All of its recordings; the origin of each is the path of its file.
        leave_out: Takes an error for each that is silent or cannot be read.

    Raises:
        ValueError: If there are recordings, but none with sound.
    """
    found = []
    for recording in recordings:
        try:
            has_sound = files.has_sound(recording.origin)
        except (ValueError, OSError) as error:
            leave_out(error)
            continue
        if has_sound:
            found.append(recording)
        else:
            leave_out(storing.SilentError(recording.recording))
    if recordings and not found:
        raise ValueError(
            f"domain={domain!r} has nothing to store: all of its {len(recordings)} "
            "recordings are silent or unreadable; bring one with sound."
        )
    return found


def seconds(recording: chunk.Source) -> float:
    """The length of a recording whose origin is the path of its file.

    Returns:
        Seconds; 0 where the file cannot be read, which `audio` then says.
    """
    try:
        return files.duration_seconds(recording.origin)
    except (ValueError, OSError):
        return 0.0
