"""Reads the arrays of PyTorch's files, without PyTorch and without trusting them.

`torch.save` writes a pickle, which can name any function to be called, and beside it
the arrays' bytes: as a zip archive, or before version 1.6 all in one stream. Here a
pickle may name what weights are made of and nothing else.
"""

import collections
import functools
import io
import math
import pickle
import types
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_ZIP = b"PK\x03\x04"
_STREAM = 0x1950A86A20F9469CFC6C
_STREAM_VERSION = 1001


class _ForeignError(Exception):
    """A pickle names what it has no business with."""


def load(path: Path) -> Any:
    """Reads what `torch.save` wrote.

    Args:
        path: The file.

    Returns:
        Its containers and numbers; tensors as arrays, not all of which can be written
        to; namespaces of `argparse` as `types.SimpleNamespace`; paths as text.

    Raises:
        OSError: It cannot be opened.
        ValueError: It is cut off, is no such file, or names a class or function that
            weights do not need.
    """
    with path.open("rb") as file:
        try:
            return _read_zip(file) if file.peek(4)[:4] == _ZIP else _read_stream(file)
        except _ForeignError as error:
            raise ValueError(
                f"file={str(path)!r} names {error}, which weights do not need and "
                "which may do harm; if you trust it, save it again without."
            ) from error
        # There is no telling what a broken pickle leads to.
        except Exception as error:
            raise ValueError(
                f"file={str(path)!r} cannot be read as one of torch.save "
                f"({error or type(error).__name__}); fetch it again if it was cut off."
            ) from error


def _read_zip(file: BinaryIO) -> Any:
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        (pickled,) = [name for name in names if name.endswith("/data.pkl")]
        folder = pickled.removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in names and archive.read(order) != b"little":
            raise ValueError("its numbers are big-endian")

        @functools.cache
        def storage(dtype: str, key: str, size: int) -> np.ndarray:
            return _sized(archive.read(f"{folder}data/{key}"), dtype, size)

        return _Unpickler(io.BytesIO(archive.read(pickled)), storage).load()


def _read_stream(file: BinaryIO) -> Any:
    """Reads four pickles and then the storages, one after the other."""
    magic, version, system = [_Unpickler(file).load() for _ in range(3)]
    if (magic, version) != (_STREAM, _STREAM_VERSION):
        raise ValueError("it begins otherwise")
    if not system["little_endian"]:
        raise ValueError("its numbers are big-endian")
    storages = {}

    def storage(dtype: str, key: str, size: int) -> np.ndarray:
        # Its numbers come after all that is made of it.
        return storages.setdefault(key, np.empty(size, dtype))

    found = _Unpickler(file, storage).load()
    keys = _Unpickler(file).load()
    if {*keys} != {*storages}:
        raise ValueError("it has other storages than its tensors")
    for key in keys:
        values = storages[key]
        size = int.from_bytes(file.read(8), "little")
        values[:] = _sized(file.read(values.nbytes), values.dtype, size)
    return found


def _sized(data: bytes, dtype: np.typing.DTypeLike, size: int) -> np.ndarray:
    values = np.frombuffer(data, dtype)
    if values.size != size:
        raise ValueError(f"{values.size} numbers where {size} should be")
    return values


class _WholeLines:
    """A file whose last line is not taken for whole if it was cut off."""

    def __init__(self, file: BinaryIO):
        self.read = file.read
        self._file = file

    def readline(self) -> bytes:
        """Reads a line with its end."""
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line


# The one in C makes a table as long as the largest number that a pickle gives to what
# it remembers: a few bytes can take all memory. This one keeps a dict.
class _Unpickler(pickle._Unpickler):
    """Knows what weights are made of.

    Args:
        file: Where the pickle begins.
        storage: Gives the numbers of a dtype, a key and a size; if there are any.
    """

    def __init__(
        self,
        file: BinaryIO,
        storage: Callable[[str, str, int], np.ndarray] | None = None,
    ):
        super().__init__(_WholeLines(file))
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """Finds what is known; see `pickle.Unpickler.find_class`."""
        if (module, name) not in _KNOWN:
            raise _ForeignError(f"{module}.{name}")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Sequence[Any]) -> np.ndarray:
        """Gives a storage; see `pickle.Unpickler.persistent_load`."""
        kind, dtype, key, _, size, *view = pid
        if kind != "storage" or any(view):
            raise ValueError("it has a storage of a kind that weights do not need")
        return self._storage(dtype, key, size)


def _tensor(
    storage: np.ndarray, offset: int, shape: Sequence[int], strides: Sequence[int], *_
) -> np.ndarray:
    """Views a tensor in a storage, none of it beyond the storage's ends."""
    last = offset
    for length, stride in zip(shape, strides, strict=True):
        if length < 0 or (length > 1 and stride < 1):
            raise ValueError(f"a tensor of shape {shape} has strides of {strides}")
        last += max(0, length - 1) * stride
    size = math.prod(shape)
    if not size:
        return np.zeros(shape, storage.dtype)
    if offset < 0 or last >= len(storage) or size > len(storage):
        raise ValueError("a tensor reaches beyond its storage")
    steps = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(
        storage[offset:], shape, steps, writeable=False
    )


def _parameter(tensor: np.ndarray, *_) -> np.ndarray:
    return tensor


def _path(*parts: str) -> str:
    return str(Path(*parts))


# What a pickle may name, and so call.
_KNOWN = {
    ("argparse", "Namespace"): types.SimpleNamespace,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("pathlib", "PosixPath"): _path,
    # As Python 3.13 names it.
    ("pathlib._local", "PosixPath"): _path,
    ("torch", "Size"): tuple,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    # Types of storages are only named; NumPy's names of them are text.
    ("torch", "BoolStorage"): "?",
    ("torch", "ByteStorage"): "u1",
    ("torch", "CharStorage"): "i1",
    ("torch", "DoubleStorage"): "<f8",
    ("torch", "FloatStorage"): "<f4",
    ("torch", "HalfStorage"): "<f2",
    ("torch", "IntStorage"): "<i4",
    ("torch", "LongStorage"): "<i8",
    ("torch", "ShortStorage"): "<i2",
}
