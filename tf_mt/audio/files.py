"""Reading and writing of audio files, as mono float32 samples."""

import contextlib
import itertools
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from tf_mt import atomic
from tf_mt.audio import decoding, mixing
from tf_mt.audio.encoded import unreadable


def read(path: Path, sample_rate_hz: int) -> np.ndarray:
    """Reads a whole file.

    Args:
        path: A file of any format of `decoding.SUFFIXES`, of any rate and any number of
            channels.
        sample_rate_hz: The rate that is wanted.

    Returns:
        float32 `[samples]`: the channels, mixed as `mixing` says and resampled. Full
        scale is 1 and may be exceeded a little.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not audio, is damaged, or has no samples or samples
            that are not finite. A file that was cut short, other than WAV, may pass
            for a whole one; then it gives the samples that it has.
    """
    return np.concatenate(list(_chunks(path, sample_rate_hz)))


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
    for chunk in _chunks(path, sample_rate_hz):
        waiting = np.concatenate([waiting, chunk])
        whole = len(waiting) - len(waiting) % block_samples
        yield from waiting[:whole].reshape(-1, block_samples)
        waiting = waiting[whole:]
    if len(waiting):
        yield waiting


def duration_seconds(path: Path) -> float:
    """The length of a file in seconds.

    Takes as long as decoding where a header does not tell it for sure: FLAC, MP3, Ogg.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not audio or has no samples.
    """
    with decoding.opened(path) as encoded:
        samples = encoded.samples
        if samples is None:
            samples = mixing.survey(path).samples
        return samples / encoded.sample_rate_hz


def has_sound(path: Path) -> bool:
    """Whether any sample of any channel would not be zero in 16 bits.

    Decodes no more than it takes to find one.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not audio, or is damaged before its first sound.
    """
    with decoding.opened(path) as encoded:
        return any(to_pcm16(chunk).any() for chunk in encoded.chunks)


def resampler(from_hz: int, to_hz: int) -> Callable[[np.ndarray, bool], np.ndarray]:
    """Changes the rate of samples that come in chunks.

    Args:
        from_hz: Their rate.
        to_hz: The rate that is wanted.

    Returns:
        Takes a chunk, float32 `[any]`, and whether it is the last; gives what of the
        result is ready.
    """
    if from_hz == to_hz:
        return lambda chunk, last: chunk
    stream = soxr.ResampleStream(from_hz, to_hz, num_channels=1, dtype="float32")
    return stream.resample_chunk


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
    chosen = _choice(path)
    with decoding.opened(path, chosen.past_claim) as encoded:
        resample = resampler(encoded.sample_rate_hz, sample_rate_hz)
        samples = 0
        for chunk in itertools.chain(encoded.chunks, [None]):
            last = chunk is None
            mono = np.empty(0, np.float32) if last else mixing.mix(chunk, chosen)
            resampled = resample(mono, last)
            samples += len(resampled)
            yield resampled
        if not samples:
            raise unreadable(path, f"it has no sample at {sample_rate_hz} Hz")


def _choice(path: Path) -> mixing.Survey:
    with decoding.opened(path) as encoded:
        return mixing.choice(path, encoded)
