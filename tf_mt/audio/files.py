"""Reading and writing of audio files, as mono float32 samples."""

import contextlib
import functools
import os
import struct
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from tf_mt import atomic

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3")

# Samples per channel that are decoded at a time.
_DECODED_SAMPLES = 1 << 16

# A RIFF file begins with its name, its length and its kind; then come the chunks, each
# with a name and a length.
_RIFF_BYTES = 12
_RIFF_CHUNK = struct.Struct("<4sI")
_STREAMED_BYTES = 0x7FFFF000

# libsndfile's code for a file without MP3 frames; its words for it ("File does not
# exist") mislead.
_NO_MP3_FRAMES = 7


def find(source: Path) -> list[Path]:
    """The audio files at or below a path.

    Args:
        source: A file, which is taken whatever its name, or a folder, in which hidden
            files are passed over.

    Returns:
        The paths, sorted.

    Raises:
        FileNotFoundError: If there is no such path, or no audio file below it.
    """
    source = Path(source)
    if source.is_file():
        return [source]
    found = sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )
    if not found:
        raise FileNotFoundError(
            f"source={str(source)!r}: no audio file there "
            f"(looked for {', '.join(SUFFIXES)})."
        )
    return found


def read(path: Path, sample_rate_hz: int) -> np.ndarray:
    """Reads a whole file.

    An MP3 of variable rate that lacks the header that tells its length is read only as
    far as libsndfile guesses.

    Args:
        path: A WAV, FLAC, Ogg or MP3 file of any rate and any number of channels.
        sample_rate_hz: The rate that is wanted.

    Returns:
        float32 `[samples]`: the mean of the channels, resampled. Full scale is 1;
        resampling and files of floats may exceed it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not audio, is damaged, or has no samples or samples
            that are not finite. A file that was cut short, other than WAV, may pass
            for a whole one; then it gives the samples that it has.
    """
    return np.concatenate(list(_chunks(Path(path), sample_rate_hz)))


def blocks(path: Path, sample_rate_hz: int, block_samples: int) -> Iterator[np.ndarray]:
    """Reads a file piece by piece, in memory that does not grow with its length.

    Args:
        path: As for `read`.
        sample_rate_hz: The rate that is wanted.
        block_samples: Samples of a block.

    Yields:
        float32 `[block_samples]`, the last one `[1 to block_samples]`; together they
        are what `read` returns, bit for bit.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: As `read`; what came before the damage has been yielded by then.
    """
    waiting = np.empty(0, np.float32)
    for chunk in _chunks(Path(path), sample_rate_hz):
        waiting = np.concatenate([waiting, chunk])
        whole = len(waiting) - len(waiting) % block_samples
        yield from waiting[:whole].reshape(-1, block_samples)
        waiting = waiting[whole:]
    if len(waiting):
        yield waiting


def duration_seconds(path: Path) -> float:
    """The length of a file in seconds, without decoding it.

    Exact but for MP3, where libsndfile estimates it and has been seen to be 0.2 seconds
    off.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not audio or has no samples.
    """
    path = Path(path)
    with _open(path) as file:
        return file.frames / file.samplerate


def to_pcm16(audio: np.ndarray) -> np.ndarray:
    """Rounds samples to 16 bits; reading them back gives `audio` to within 2^-16.

    Args:
        audio: float `[...]`; clipped to [-1, 1].

    Returns:
        int16 `[...]`.

    Raises:
        ValueError: If a sample is not finite.
    """
    if not np.all(np.isfinite(audio)):
        raise ValueError("audio has samples that are not finite.")
    return np.clip(np.rint(audio * 32768.0), -32768, 32767).astype(np.int16)


def write(path: Path, audio: np.ndarray, sample_rate_hz: int) -> None:
    """Writes a 16-bit mono WAV file, whole or not at all.

    Args:
        path: The file; an older one is replaced.
        audio: float `[samples]`; clipped to [-1, 1].
        sample_rate_hz: The rate of `audio`.

    Raises:
        ValueError: If a sample is not finite.
    """
    with Writer(path, sample_rate_hz) as writer:
        writer.write(audio)


class Writer:
    """Writes a 16-bit mono WAV file block by block.

    A context manager. The file appears under its name when the block of code is left
    without an error, and not otherwise.
    """

    def __init__(self, path: Path, sample_rate_hz: int):
        self._path = Path(path)
        self._sample_rate_hz = sample_rate_hz
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> "Writer":
        with contextlib.ExitStack() as resources:
            temporary = resources.enter_context(atomic.path(self._path))
            self._file = resources.enter_context(
                soundfile.SoundFile(
                    temporary, "w", self._sample_rate_hz, 1, "PCM_16", format="WAV"
                )
            )
            self._resources = resources.pop_all()
        return self

    def write(self, block: np.ndarray) -> None:
        """Appends samples: float `[samples]`, clipped to [-1, 1].

        Raises:
            ValueError: If a sample is not finite.
            OSError: If the disk takes no more.
        """
        samples = to_pcm16(block)
        try:
            self._file.write(samples)
        except soundfile.LibsndfileError as error:
            # Its own words do not tell what the operating system has against it.
            raise OSError(
                f"path={str(self._path)!r}: cannot be written ({error.error_string}) "
                "Is its disk full?"
            ) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._resources.__exit__(kind, error, traceback)


def _chunks(path: Path, sample_rate_hz: int) -> Iterator[np.ndarray]:
    """Decodes, mixes to mono and resamples a file, a chunk at a time."""
    with _open(path) as file:
        resample = _resampler(file.samplerate, sample_rate_hz)
        samples, last = 0, False
        while not last:
            try:
                decoded = file.read(_DECODED_SAMPLES, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise _unreadable(path, error.error_string) from error
            # Many times as fast as a mean over an axis that short.
            with np.errstate(invalid="ignore"):
                mono = functools.reduce(np.add, decoded.T) / np.float32(file.channels)
            if not np.all(np.isfinite(mono)):
                raise _unreadable(path, "it has samples that are not finite")
            last = not len(decoded)
            chunk = resample(mono, last)
            samples += len(chunk)
            yield chunk
        if not samples:
            raise _unreadable(path, f"it has no sample at {sample_rate_hz} Hz")


def _resampler(from_hz: int, to_hz: int) -> Callable[[np.ndarray, bool], np.ndarray]:
    """Takes a chunk and whether it is the last; gives what of the result is ready."""
    if from_hz == to_hz:
        return lambda chunk, last: chunk
    stream = soxr.ResampleStream(from_hz, to_hz, num_channels=1, dtype="float32")
    return stream.resample_chunk


class _FrontToBack(soundfile.SoundFile):
    """A file that is never sought in.

    After every read soundfile seeks to where it already is. In an MP3 of variable rate
    libsndfile then lands elsewhere, and what follows is not what was recorded.
    """

    def seekable(self) -> bool:
        return False


def _open(path: Path) -> soundfile.SoundFile:
    if not path.exists():
        raise FileNotFoundError(f"path={str(path)!r}: no such file.")
    try:
        file = _FrontToBack(path)
    except soundfile.LibsndfileError as error:
        no_mp3 = error.code == _NO_MP3_FRAMES
        reason = "no MP3 frames in it" if no_mp3 else error.error_string
        raise _unreadable(path, reason) from error
    missing = _missing_bytes(path) if file.format in ("WAV", "WAVEX") else 0
    if missing or not file.frames:
        file.close()
        cut_short = f"it is cut short; {missing} bytes of its samples are missing"
        raise _unreadable(path, cut_short if missing else "it has no samples")
    return file


def _missing_bytes(path: Path) -> int:
    """How much less a WAV file has than it says; libsndfile takes what there is."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.seek(_RIFF_BYTES)
        while header := file.read(_RIFF_CHUNK.size):
            if len(header) < _RIFF_CHUNK.size:
                return 0
            name, length = _RIFF_CHUNK.unpack(header)
            if name == b"data":
                # Writers that could not go back to the header leave such a length.
                streamed = length >= _STREAMED_BYTES
                return 0 if streamed else max(0, file.tell() + length - size)
            file.seek(length + length % 2, os.SEEK_CUR)
    return 0


def _unreadable(path: Path, reason: str) -> ValueError:
    reason = reason.strip().rstrip(".")
    return ValueError(f"path={str(path)!r}: cannot be read as audio ({reason}).")
