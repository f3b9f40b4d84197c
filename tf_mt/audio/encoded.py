"""An audio file that is open: what a decoder tells of it, and its samples."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# What the user does to read more formats than libsndfile's.
INSTALL = "pip install 'tf_mt[formats]'"


@dataclasses.dataclass(frozen=True)
class Encoded:
    """An open file, to be decoded once, from front to back.

    Attributes:
        sample_rate_hz: Its rate.
        channels: Their number.
        samples: The samples of a channel; None where only decoding tells.
        bounded: Whether its encoding cannot exceed full scale, as integers cannot.
        chunks: The samples, float32 `[samples, channels]` each; full scale is 1.
        unclaimed_bytes: How much of the file lies behind the end that its header claims
            and that decoding stops at.
    """

    sample_rate_hz: int
    channels: int
    samples: int | None
    bounded: bool
    chunks: Iterator[np.ndarray]
    unclaimed_bytes: int = 0


class UnknownFormatError(ValueError):
    """A file that a decoder makes nothing of; another one may."""


def unreadable(
    path: Path, reason: str, kind: type[ValueError] = ValueError
) -> ValueError:
    """The error of a file that is not audio or is damaged."""
    reason = reason.strip().rstrip(".")
    return kind(f"path={str(path)!r}: cannot be read as audio ({reason}).")
