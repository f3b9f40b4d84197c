"""Whether an Ogg file has several streams in a row, of which libsndfile reads one.

An Ogg file is a row of pages, each with the number of its stream. Recordings of
internet radio and files that were joined have streams that follow each other.
"""

import os
from pathlib import Path

_PAGE = b"OggS"
_STREAM_PLACE, _STREAM_BYTES = 14, 4
_LONGEST_PAGE_BYTES = 65_307


def is_chained(path: Path) -> bool:
    """Whether the last page of a file is of another stream than the first."""
    with path.open("rb") as file:
        head = file.read(_LONGEST_PAGE_BYTES)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LONGEST_PAGE_BYTES))
        tail = file.read()
    first, last = _stream(head, head.find(_PAGE)), _stream(tail, tail.rfind(_PAGE))
    return len(last) == _STREAM_BYTES and first != last


def _stream(content: bytes, page: int) -> bytes:
    place = max(page, 0) + _STREAM_PLACE
    return content[place : place + _STREAM_BYTES]
