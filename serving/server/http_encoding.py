"""Bodies of HTTP that are compressed by gzip, both ways."""

import gzip
import zlib
from collections.abc import Callable

from serving.server import status

# Numbers in text become half as long at the fastest level, and little less at others.
_LEVEL = 1
# What fits into a packet anyway is left as it is.
_LEAST_BYTES = 1024

# zlib's number for gzip, with windows of any size.
_GZIP = 16 + zlib.MAX_WBITS


def compress(accepted: str, content: bytes) -> tuple[bytes, dict[str, str]]:
    """Compresses an answer if its client reads that.

    Args:
        accepted: The header Accept-Encoding of the request; empty where it has none.
        content: The answer.

    Returns:
        The body of the answer and its headers about that.
    """
    headers = {"Vary": "Accept-Encoding"}
    if len(content) < _LEAST_BYTES or not _accepts_gzip(accepted):
        return content, headers
    return gzip.compress(content, _LEVEL), {**headers, "Content-Encoding": "gzip"}


def _accepts_gzip(accepted: str) -> bool:
    for part in accepted.lower().replace(" ", "").split(","):
        name, _, weight = part.partition(";q=")
        if name == "gzip":
            return weight.strip("0.") != "" or not weight
    return False


class Inflater:
    """Takes a body apart that may be compressed, chunk by chunk, up to a bound."""

    def __init__(self, encoding: str, take: Callable[[bytes], object], most_bytes: int):
        """Begins a body.

        Args:
            encoding: The header Content-Encoding; empty where there is none.
            take: Is given what the chunks are made of.
            most_bytes: The most that it is given in all.

        Raises:
            StatusError: The encoding is not known.
        """
        encoding = encoding.lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise status.invalid_argument(
                f"Content-Encoding={encoding!r} is not known; send gzip, or the body "
                "as it is."
            )
        self._stream = zlib.decompressobj(_GZIP) if encoding.endswith("gzip") else None
        self._take = take
        self._most_bytes = most_bytes
        self._given_bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Takes the next chunk.

        Raises:
            StatusError: It is not gzip, or the body is too large.
        """
        while self._stream is not None and chunk:
            if self._stream.eof:
                self._stream = zlib.decompressobj(_GZIP)
            room_bytes = self._most_bytes - self._given_bytes
            try:
                inflated = self._stream.decompress(chunk, room_bytes + 1)
            except zlib.error as error:
                raise status.invalid_argument(
                    f"The body is not gzip: {error}"
                ) from None
            self._give(inflated)
            chunk = self._stream.unused_data or self._stream.unconsumed_tail
        if self._stream is None:
            self._give(chunk)

    def end(self) -> None:
        """Ends the body.

        Raises:
            StatusError: More of it was to come.
        """
        if self._stream is not None and not self._stream.eof:
            raise status.invalid_argument("The body ends within gzip.")

    def _give(self, data: bytes) -> None:
        self._given_bytes += len(data)
        if self._given_bytes > self._most_bytes:
            raise status.invalid_argument(
                f"The body has more than {self._most_bytes} bytes; send shorter pieces."
            )
        self._take(data)
