"""Audio from a pipe and to a pipe: raw samples of 16 bits, mono, or WAV files."""

import io
from collections.abc import Iterator

import numpy as np

from tf_mt.audio import decoding, files, pcm, wav_pipe

# A read returns earlier with what is there.
_READ_BYTES = 1 << 13


class Source:
    """Samples that come by a pipe.

    Args:
        pipe: What to read; the header of a WAV file is read at once.
        raw_rate_hz: The rate of raw samples; None for a WAV file.

    Raises:
        ValueError: It is no WAV file that can be read here, or of no such rate.

    Attributes:
        raw: Whether they come without a header.
        sample_rate_hz: Their rate.
        samples: How many have been read.
    """

    def __init__(self, pipe: io.RawIOBase, raw_rate_hz: int | None):
        self._pipe = pipe
        self._left_bytes: int | None = None
        self._stopped = False
        self.raw = raw_rate_hz is not None
        if self.raw:
            written = pcm.Format(raw_rate_hz)
        else:
            written, self._left_bytes = wav_pipe.read_header(self._read_fully)
        self._decoder = pcm.Decoder(written)
        self.sample_rate_hz = written.sample_rate_hz
        self.samples = 0
        if not decoding.LOWEST_HZ <= self.sample_rate_hz <= decoding.HIGHEST_HZ:
            raise ValueError(
                f"input has a rate of {self.sample_rate_hz} Hz, which must be between "
                f"{decoding.LOWEST_HZ} and {decoding.HIGHEST_HZ} Hz; resample it."
            )

    def blocks(self, sample_rate_hz: int) -> Iterator[np.ndarray]:
        """Yields what comes, as it comes, at another rate: float32 `[any]`.

        Raises:
            ValueError: A sample is not finite.
        """
        resample = files.resampler(self.sample_rate_hz, sample_rate_hz)
        while (data := self._read()) and not self._stopped:
            block = self._decoder.decode(data)
            self.samples += len(block)
            yield resample(block, False)
        yield resample(np.zeros(0, np.float32), True)

    def stop(self) -> None:
        """Makes `blocks` end with what has been read; of any thread."""
        self._stopped = True

    def _read(self) -> bytes:
        if self._left_bytes is None:
            return self._pipe.read(_READ_BYTES)
        data = self._pipe.read(min(_READ_BYTES, self._left_bytes))
        self._left_bytes -= len(data)
        return data

    def _read_fully(self, size: int) -> bytes:
        """Reads so many bytes; fewer only where the input ends."""
        parts = []
        while size and (part := self._pipe.read(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class Sink:
    """Sends samples as they came: with a header or without, at that rate, as many.

    Args:
        pipe: Where to write. Where nobody reads it any more, each method raises
            BrokenPipeError.
        source: Where the samples came from that these are made of.
        sample_rate_hz: The rate of what is to be written.
    """

    def __init__(self, pipe: io.RawIOBase, source: Source, sample_rate_hz: int):
        self._pipe = pipe
        self._source = source
        self._resample = files.resampler(sample_rate_hz, source.sample_rate_hz)
        self._samples = 0

    @property
    def seconds(self) -> float:
        """Length of what has been sent."""
        return self._samples / self._source.sample_rate_hz

    def begin(self) -> None:
        """Sends the header of a WAV file, if there is to be one."""
        if not self._source.raw:
            self._write_fully(wav_pipe.header(self._source.sample_rate_hz))

    def write(self, audio: np.ndarray) -> None:
        """Sends samples, float32 `[any]`; those of `source` have been read before.

        Raises:
            ValueError: A sample is not finite.
        """
        self._write(self._resample(audio, False))

    def end(self) -> None:
        """Sends what the change of the rate has held back."""
        audio = self._resample(np.zeros(0, np.float32), True)
        missing = self._source.samples - self._samples - len(audio)
        self._write(np.pad(audio, (0, max(0, missing))))

    def _write(self, audio: np.ndarray) -> None:
        # There and back, a change of the rate may have added a sample.
        audio = audio[: self._source.samples - self._samples]
        self._samples += len(audio)
        self._write_fully(files.to_pcm16(audio).astype("<i2").tobytes())

    def _write_fully(self, data: bytes) -> None:
        left = memoryview(data)
        while len(left):
            left = left[self._pipe.write(left) :]
