"""Opens audio files of all formats for decoding."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tf_mt.audio import ffmpeg, libsndfile, riff
from tf_mt.audio.encoded import INSTALL, Encoded, UnknownFormatError, unreadable

# The endings of the names of audio files.
SUFFIXES = (*libsndfile.SUFFIXES, *ffmpeg.SUFFIXES)

# A rate beyond is a damaged header, and resampling from it takes any amount of room.
LOWEST_HZ, HIGHEST_HZ = 100, 1_000_000

# No scale of a file has such samples, integers of 32 bits stored as floats included.
_GREATEST = 2.0**32


@contextlib.contextmanager
def opened(path: Path, past_claim: bool = False) -> Iterator[Encoded]:
    """Opens a file with libsndfile, or else with FFmpeg where PyAV is installed.

    Args:
        path: The file.
        past_claim: See `libsndfile.opened`.

    Raises:
        FileNotFoundError: If there is no such file, or a link to none.
        ValueError: If it is not audio, is damaged or has no samples; decoding raises
            it, too.
    """
    path = Path(path)
    _check_there(path)
    if fault := riff.fault(path):
        raise unreadable(path, fault)
    with contextlib.ExitStack() as resources:
        encoded = _opened(path, past_claim, resources)
        if not LOWEST_HZ <= encoded.sample_rate_hz <= HIGHEST_HZ:
            raise unreadable(
                path,
                f"its rate of {encoded.sample_rate_hz} Hz is not between {LOWEST_HZ} "
                f"and {HIGHEST_HZ} Hz",
            )
        yield dataclasses.replace(encoded, chunks=_checked(path, encoded.chunks))


def _check_there(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(
            f"path={str(path)!r}: a link to {str(path.readlink())!r}, which is not "
            "there."
        )
    if not path.exists():
        raise FileNotFoundError(f"path={str(path)!r}: no such file.")
    if not path.is_file():
        raise unreadable(path, "it is not a file")
    try:
        path.open("rb").close()
    except OSError as error:
        raise unreadable(path, error.strerror) from error


def _opened(path: Path, past_claim: bool, resources: contextlib.ExitStack) -> Encoded:
    try:
        return resources.enter_context(libsndfile.opened(path, past_claim))
    except UnknownFormatError as error:
        refused = error
    is_of_ffmpeg = path.suffix.lower() in ffmpeg.SUFFIXES
    if not ffmpeg.installed():
        needs = f"{path.suffix} files need {INSTALL}"
        raise unreadable(path, needs) if is_of_ffmpeg else refused
    try:
        return resources.enter_context(ffmpeg.opened(path))
    except UnknownFormatError as error:
        if is_of_ffmpeg:
            raise
        raise refused from error


def _checked(path: Path, chunks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for chunk in chunks:
        if not max(chunk.max(), -chunk.min()) <= _GREATEST:
            raise unreadable(path, "it has samples that are not finite, or huge")
        yield chunk
