"""Reads files of serialized `tf.train.Example`s without reading the audio in them.

Parsing a whole example would read the audio, which is most of it.
"""

import mmap
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import message

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
    """The records of a TFRecord file; their checksums are not verified.

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


def apart(
    data: memoryview, start: int, end: int, name: str
) -> tuple[tuple[int, int], Mapping[str, tf.train.Feature]]:
    """Locates one feature of a serialized `Example` and parses the others.

    The others are parsed by protobuf at once, for Python is slow and there can be many.

    Args:
        data: The bytes that hold the example.
        start: Where it starts.
        end: Where it ends.
        name: The name of the feature.

    Returns:
        Start and end of that serialized `Feature`, and the other features by their
        names; one that is not there is empty.

    Raises:
        ValueError: If it is not an `Example`, or has no such feature.
    """
    wanted = name.encode()
    for _, entries, entries_end in fields(data, start, end):
        before_end = entries
        for _, entry, entry_end in fields(data, entries, entries_end):
            named = sorted(fields(data, entry, entry_end))
            if named and data[slice(*named[0][1:])] == wanted:
                others = data[entries:before_end], data[entry_end:entries_end]
                return named[-1][1:], _parsed(b"".join(others))
            before_end = entry_end
    raise ValueError(f"it has no feature {name!r}")


def _parsed(features: bytes) -> Mapping[str, tf.train.Feature]:
    try:
        return tf.train.Features.FromString(features).feature
    except message.DecodeError as error:
        raise ValueError("its features cannot be parsed") from error


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
    while start + 1 < end:
        tag, size = data[start], data[start + 1]
        start += 2
        if size > 0x7F:
            size, start = _varint(data, start - 1, end)
        if tag & _TYPE_BITS != _BYTES or start + size > end:
            raise ValueError("a field is not of bytes, or goes past its end")
        yield tag >> 3, start, start + size
        start += size
    if start < end:
        raise ValueError("a field has no size")


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
