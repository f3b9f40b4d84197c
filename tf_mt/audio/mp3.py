"""What libsndfile has to be told to decode an MP3 to its end.

An MP3 is a row of frames without a length. A first frame without sound may claim one;
where there is none, libsndfile guesses it from the rate of the first frame, and stops
there. It also stops at a claim that holds only for the first of files in a row.
"""

import io
import re
from pathlib import Path
from typing import IO

# The names of the claims of length, and how much of a file is searched for them.
_CLAIMS = (b"Xing", b"Info", b"VBRI")
_SEARCHED_BYTES = 1 << 16

# The names Xing and Info are followed by flags that say which numbers come then, of
# which the first two are those of frames and bytes. VBRI has the bytes at a place.
_HAS_FRAMES, _HAS_BYTES = 1, 2
_VBRI_BYTES_PLACE = 10

# How a frame begins.
_FRAME = re.compile(rb"\xff[\xe2-\xff]")

_ID3 = b"ID3"
_ID3_HEADER_BYTES = 10
_ID3_FOOTER_FLAG = 0x10

# The end of the file that is told, and what is looked at before it: an ID3v1 tag.
_TOLD_BYTES = 1 << 40
_ID3V1_BYTES = 128


def unclaimed_bytes(path: Path) -> int | None:
    """How much of a file is behind the end that it claims; None if it claims none."""
    with path.open("rb") as file:
        begin = _sound_begins(file)
        file.seek(begin)
        head = file.read(_SEARCHED_BYTES)
    found = [place for name in _CLAIMS if (place := head.find(name)) >= 0]
    if not found:
        return None
    place = min(found)
    if head.startswith(b"VBRI", place):
        at = place + _VBRI_BYTES_PLACE
    else:
        flags = int.from_bytes(head[place + 4 : place + 8])
        if not flags & _HAS_BYTES:
            return 0
        at = place + (12 if flags & _HAS_FRAMES else 8)
    claimed = int.from_bytes(head[at : at + 4])
    return max(0, path.stat().st_size - begin - claimed)


class Endless(io.FileIO):
    """The frames of an MP3, as if they had no end and claimed no length.

    What comes before the first frame is left out. All that follows is decoded, for the
    end that is told when one seeks there is far behind the file's own.
    """

    def __init__(self, path: Path):
        super().__init__(path)
        self._begin = 0
        self._begin = _sound_begins(self)
        self.seek(0)
        frame = _FRAME.search(self.read(_SEARCHED_BYTES))
        self._begin += frame.start() if frame else 0
        self.seek(0)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Seeks, counting from the first frame."""
        if whence == io.SEEK_CUR:
            return super().seek(offset, whence) - self._begin
        end = _TOLD_BYTES if whence == io.SEEK_END else 0
        return super().seek(self._begin + end + offset) - self._begin

    def tell(self) -> int:
        """The position, counted from the first frame."""
        return super().tell() - self._begin

    def readinto(self, buffer: memoryview) -> int:
        """Reads what is there, without claims, and zeros at the end that is told."""
        position, view = self.tell(), memoryview(buffer).cast("B")
        if position >= _TOLD_BYTES - _ID3V1_BYTES:
            view[:] = bytes(len(view))
            return len(view)
        read = super().readinto(view)
        if position < _SEARCHED_BYTES:
            for name in _CLAIMS:
                blank = bytes(len(name))
                view[:read] = bytes(view[:read]).replace(name, blank)
        return read


def _sound_begins(file: IO[bytes]) -> int:
    """The position after the ID3 tags that a file begins with."""
    begin = 0
    while True:
        file.seek(begin)
        header = file.read(_ID3_HEADER_BYTES)
        if len(header) < _ID3_HEADER_BYTES or not header.startswith(_ID3):
            return begin
        size = 0
        for byte in header[6:]:
            size = size << 7 | byte & 0x7F
        footer = _ID3_HEADER_BYTES if header[5] & _ID3_FOOTER_FLAG else 0
        begin += _ID3_HEADER_BYTES + size + footer
