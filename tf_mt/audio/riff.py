"""Whether a WAV file has what its header says.

A RIFF file begins with its name, its length and its kind; then come chunks, each with a
name and a length. A length that 32 bits cannot hold is in the chunk `ds64`.
"""

import io
import os
import re
import struct
from pathlib import Path

_NAMES = (b"RIFF", b"RF64", b"BW64")
_CHUNK = struct.Struct("<4sI")
_DS64 = struct.Struct("<QQ")
_LENGTH_BYTES = 4
# Lengths that need more than 32 bits are often written without the bits beyond.
_WRAPPED_BYTES = 1 << 32
_NAME = re.compile(rb"[ -~]{4}")

# Writers that could not go back to the header leave a length from here on.
STREAMED_BYTES = 0x7FFFF000

# Writers that count the header among the samples say that much too much.
_HEADER_BYTES = 128


def fault(path: Path) -> str:
    """What keeps a file from being read in full; empty if nothing does.

    Args:
        path: A file of any format; others than little-endian RIFF have no fault.
    """
    size, samples, long_bytes = path.stat().st_size, 0, 0
    has_data = False
    with path.open("rb") as file:
        head = file.read(_CHUNK.size + len(b"WAVE"))
        if not head.startswith(_NAMES) or not head.endswith(b"WAVE"):
            return ""
        while len(header := file.read(_CHUNK.size)) == _CHUNK.size:
            name, length = _CHUNK.unpack(header)
            begin = file.tell()
            if has_data and not _NAME.fullmatch(name):
                return ""
            if name == b"ds64" and len(long := file.read(_DS64.size)) == _DS64.size:
                _, long_bytes = _DS64.unpack(long)
            if name == b"data":
                if samples:
                    return "it has several chunks of samples; save it anew in an editor"
                streamed = length >= STREAMED_BYTES
                samples = long_bytes if streamed else length
                missing = begin + samples - size
                if missing > _HEADER_BYTES:
                    return (
                        f"it is cut short; {missing} bytes of its samples are missing"
                    )
                if streamed and not long_bytes:
                    return ""
                if size - begin - samples >= _WRAPPED_BYTES:
                    return "it is longer than its header can tell; save it as FLAC"
                has_data = True
            elif not has_data and begin + length > size:
                # FFmpeg would set aside that much room.
                return "its header is damaged"
            file.seek(begin + length + length % 2)
    return ""


def open_length(path: Path) -> int | None:
    """Where a WAV file says that it has no samples though it has.

    Writers that begin with a length of 0 leave it if they cannot come back.

    Returns:
        The position of the length of its samples; None if there is no such thing.
    """
    place = None
    with path.open("rb") as file:
        head = file.read(_CHUNK.size + len(b"WAVE"))
        if not head.startswith(b"RIFF") or not head.endswith(b"WAVE"):
            return None
        while len(header := file.read(_CHUNK.size)) == _CHUNK.size:
            name, length = _CHUNK.unpack(header)
            if place is not None and not _NAME.fullmatch(name):
                return place
            if name == b"data":
                if length:
                    return None
                place = file.tell() - _LENGTH_BYTES
            file.seek(length + length % 2, os.SEEK_CUR)
    return None


class Streamed(io.FileIO):
    """A WAV file whose length of samples is told to be open."""

    def __init__(self, path: Path, length_place: int):
        super().__init__(path)
        self._place = length_place

    def readinto(self, buffer: memoryview) -> int:
        """Reads what is there, but for the length."""
        begin, view = self.tell() - self._place, memoryview(buffer).cast("B")
        read = super().readinto(view)
        for place in range(max(0, -begin), min(read, _LENGTH_BYTES - begin)):
            view[place] = 0xFF
        return read
