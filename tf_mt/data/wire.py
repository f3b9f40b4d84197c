"""Finds what lies where in files of serialized `tf.train.Example`s, and reads no more.

Parsing an example reads all of it; where most of it is audio, and the audio is not
wanted, that is most of the work.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

# A TFRecord is a length, its checksum, the data, and the data's checksum.
_HEADER = struct.Struct("<QI")
_CHECKSUM_BYTES = 4

# The types of a field, in the low three bits of its first byte.
_TYPE_BITS = 0b111
_BYTES = 2
_FLOAT = 5

_FLOAT_LIST = 2
_UNPACKED = np.dtype([("tag", "u1"), ("value", "<f4")])


def records(path: Path) -> Iterator[tuple[memoryview, int, int]]:
    """The records of a TFRecord file; their checksums are not looked at.

    Args:
        path: The file; it is mapped, not read.

    Yields:
        The bytes of the file, and where in them the data of a record starts and ends.

    Raises:
        ValueError: If the file ends within a record, or is empty.
        OSError: If it cannot be read.
    """
    data = _mapped(path)
    position = 0
    while position < len(data):
        start = position + _HEADER.size
        end = len(data)
        if start < end:
            size, _ = _HEADER.unpack_from(data, position)
            end = start + size
        if end + _CHECKSUM_BYTES > len(data):
            raise ValueError(
                f"path={str(path)!r}: the record at byte {position} goes past the end "
                "of the file; it was cut short, or is no TFRecord file."
            )
        yield data, start, end
        position = end + _CHECKSUM_BYTES


def features(data: memoryview, start: int, end: int) -> dict[str, tuple[int, int]]:
    """The features of a serialized `Example`.

    Args:
        data: The bytes that hold it.
        start: Where it starts.
        end: Where it ends.

    Returns:
        Start and end of each serialized `Feature`, by its name.

    Raises:
        ValueError: If it is not an `Example`.
    """
    found = {}
    for _, entries, entries_end in fields(data, start, end):
        for _, entry, entry_end in fields(data, entries, entries_end):
            name, feature = b"", (entry_end, entry_end)
            for number, value, value_end in fields(data, entry, entry_end):
                if number == 1:
                    name = bytes(data[value:value_end])
                else:
                    feature = value, value_end
            found[name.decode()] = feature
    return found


def bytes_list(data: memoryview, start: int, end: int) -> list[tuple[int, int, int]]:
    """The values of a serialized `Feature` that is a list of bytes, as `fields` does.

    Raises:
        ValueError: If it is not a `Feature`.
    """
    return [
        value
        for _, list_start, list_end in fields(data, start, end)
        for value in fields(data, list_start, list_end)
    ]


def float_list(data: memoryview, start: int, end: int) -> np.ndarray:
    """The values of a serialized `Feature` that is a list of floats, packed or not.

    Returns:
        float32 `[values]`.

    Raises:
        ValueError: If it is not a list of floats.
    """
    found = list(fields(data, start, end))
    if [number for number, _, _ in found] != [_FLOAT_LIST]:
        raise ValueError("a feature is not a list of floats")
    ((_, start, end),) = found
    if start < end and data[start] & _TYPE_BITS == _FLOAT:
        if (end - start) % _UNPACKED.itemsize:
            raise ValueError("a list of floats ends within a float")
        return np.frombuffer(data[start:end], _UNPACKED)["value"]
    packed = [data[value:value_end] for _, value, value_end in fields(data, start, end)]
    return np.frombuffer(b"".join(packed), "<f4")


def fields(data: memoryview, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a protocol buffer, all of which are strings or messages.

    Yields:
        The number of each field, and the start and end of its value.

    Raises:
        ValueError: If it is not such a protocol buffer.
    """
    while start < end:
        tag = data[start]
        size, start = _varint(data, start + 1, end)
        if tag & _TYPE_BITS != _BYTES or start + size > end:
            raise ValueError("a field is not of bytes, or goes past its end")
        yield tag >> 3, start, start + size
        start += size


def _varint(data: memoryview, start: int, end: int) -> tuple[int, int]:
    """A number, and where what follows it starts."""
    value, shift = 0, 0
    while start < end:
        byte = data[start]
        start += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, start
        shift += 7
    raise ValueError("a field has no size")


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise ValueError(f"path={str(path)!r}: the file is empty.")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    # Without it, what is passed over is read ahead.
    mapped.madvise(mmap.MADV_RANDOM)
    return memoryview(mapped)
