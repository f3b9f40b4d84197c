"""Samples as bytes that come in pieces of any size."""

import dataclasses

import numpy as np

from tf_mt.audio import mixing

_BYTES_OF_24_BITS = 3


@dataclasses.dataclass(frozen=True)
class Format:
    """How samples are written.

    Attributes:
        sample_rate_hz: Their rate.
        channels: Values at a time, one for each channel.
        value_bytes: Bytes of a value, little-endian; one byte is unsigned.
        floating: Whether values are floats with full scale 1, and not integers.
    """

    sample_rate_hz: int
    channels: int = 1
    value_bytes: int = 2
    floating: bool = False


class Decoder:
    """Makes mono samples of bytes; holds less than one sample of each channel back.

    Args:
        written: How the samples are written.
    """

    def __init__(self, written: Format):
        self._written = written
        self._waiting = b""

    def decode(self, data: bytes) -> np.ndarray:
        """Takes the next bytes, any number.

        Returns:
            float32 `[samples]`: the mean of the channels of all that is complete.

        Raises:
            ValueError: A sample is not finite.
        """
        data = self._waiting + data
        whole = len(data) - len(data) % (
            self._written.channels * self._written.value_bytes
        )
        self._waiting = data[whole:]
        values = self._values(data[:whole]).reshape(-1, self._written.channels)
        if not np.all(np.isfinite(values)):
            raise ValueError("input has samples that are not finite.")
        return mixing.mix(values, mixing.Survey())

    def _values(self, data: bytes) -> np.ndarray:
        """The values of all channels in turn, with full scale 1."""
        size = self._written.value_bytes
        if self._written.floating:
            return np.frombuffer(data, f"<f{size}").astype(np.float32)
        if size == 1:
            return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
        if size == _BYTES_OF_24_BITS:
            # Eight zeros below make 32 bits of them.
            wide = np.zeros([len(data) // size, 4], np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, size)
            data, size = wide.tobytes(), 4
        scale = np.float32(2.0 ** (1 - 8 * size))
        return np.frombuffer(data, f"<i{size}").astype(np.float32) * scale
