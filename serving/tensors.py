"""NumPy arrays to and from TensorProto, TensorFlow's or the light one of `proto`.

A TensorProto holds its values in one of two encodings: raw bytes in `tensor_content`,
or a repeated field for its type (`float_val`, ...). Requests are written in the first,
which is the cheaper; answers in the second, as TensorFlow Serving writes them.
"""

import itertools
import math
from typing import Any

import ml_dtypes
import numpy as np

_STRING = 7

# A repeated field may be shorter than the shape says, as in TensorFlow, so that a few
# bytes stand for a tensor of any size. Nobody has to send a tensor larger than this so.
MOST_FILLED_BYTES = 1 << 24

_LONGEST_VARINT_BITS = 70

# {DataType: (type of the tensor, field, type of the numbers in the field)}
_NUMBERS = {
    1: (np.float32, "float_val", np.float32),
    2: (np.float64, "double_val", np.float64),
    3: (np.int32, "int_val", np.int32),
    4: (np.uint8, "int_val", np.uint8),
    5: (np.int16, "int_val", np.int16),
    6: (np.int8, "int_val", np.int8),
    8: (np.complex64, "scomplex_val", np.float32),
    9: (np.int64, "int64_val", np.int64),
    10: (np.bool_, "bool_val", np.bool_),
    14: (ml_dtypes.bfloat16, "half_val", np.uint16),
    17: (np.uint16, "int_val", np.uint16),
    18: (np.complex128, "dcomplex_val", np.float64),
    19: (np.float16, "half_val", np.uint16),
    22: (np.uint32, "uint32_val", np.uint32),
    23: (np.uint64, "uint64_val", np.uint64),
}
_DATA_TYPES = {np.dtype(row[0]): number for number, row in _NUMBERS.items()}


def to_array(tensor: Any) -> np.ndarray:
    """Reads a TensorProto in either encoding.

    As in TensorFlow, a repeated field that is too short is filled up with its last
    value: one value may stand for a whole tensor.

    Args:
        tensor: A TensorProto.

    Returns:
        The array; strings are an array of `bytes` objects.

    Raises:
        ValueError: If the message does not hold a tensor of a known type, or fills up
            more than `MOST_FILLED_BYTES`.
    """
    shape = shape_of(tensor)
    values = _strings(tensor) if tensor.dtype == _STRING else _numbers(tensor)
    if not tensor.tensor_content:
        values = _filled(values, math.prod(shape))
    return values.reshape(shape)


def shape_of(tensor: Any) -> tuple[int, ...]:
    """Reads the shape of a TensorProto once it is sure that an array can be had of it.

    The memory this takes does not depend on the shape.

    Args:
        tensor: A TensorProto.

    Raises:
        ValueError: As for `to_array`.
    """
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if min(shape, default=0) < 0:
        raise ValueError(f"shape={shape} has a negative size.")
    count = math.prod(shape)
    if tensor.dtype == _STRING:
        if not tensor.tensor_content:
            _check_filled(shape, count - len(tensor.string_val), np.dtype(object))
        return shape
    if tensor.dtype not in _NUMBERS:
        raise ValueError(f"dtype={tensor.dtype} is not the number of a known type.")
    kind, field, _ = _NUMBERS[tensor.dtype]
    dtype = np.dtype(kind)
    if not tensor.tensor_content:
        # A complex number is two numbers in the field.
        given = len(getattr(tensor, field)) // (2 if dtype.kind == "c" else 1)
        _check_filled(shape, count - given, dtype)
    elif len(tensor.tensor_content) != count * dtype.itemsize:
        raise ValueError(
            f"tensor_content has {len(tensor.tensor_content)} bytes, where a tensor of "
            f"shape={shape} and dtype={dtype} has {count * dtype.itemsize}."
        )
    return shape


def write_content(array: np.ndarray, tensor: Any) -> None:
    """Writes an array into an empty TensorProto as bytes: the encoding of requests.

    Args:
        array: Numbers, or an array of `bytes` objects.
        tensor: An empty TensorProto.
    """
    _write_type(array, tensor)
    if array.dtype == object:
        tensor.string_val.extend(array.ravel())
    else:
        tensor.tensor_content = array.tobytes()


def write_values(array: np.ndarray, tensor: Any) -> None:
    """Writes an array into an empty TensorProto as values: the encoding of answers.

    Args:
        array: Numbers, or an array of `bytes` objects.
        tensor: An empty TensorProto.
    """
    _write_type(array, tensor)
    if array.dtype == object:
        tensor.string_val.extend(array.ravel())
        return
    _, field, stored = _NUMBERS[tensor.dtype]
    numbers = array.ravel().view(stored)
    if np.issubdtype(stored, np.floating):
        # On the wire they are the array's bytes; `extend` is a hundred times slower.
        number = tensor.DESCRIPTOR.fields_by_name[field].number
        tensor.MergeFromString(_packed(number, numbers.tobytes()))
    else:
        getattr(tensor, field).extend(numbers.tolist())


def _write_type(array: np.ndarray, tensor: Any) -> None:
    if array.dtype == object:
        tensor.dtype = _STRING
    elif array.dtype in _DATA_TYPES:
        tensor.dtype = _DATA_TYPES[array.dtype]
    else:
        raise ValueError(f"dtype={array.dtype} has no place in a TensorProto.")
    tensor.tensor_shape.SetInParent()
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)


def _check_filled(shape: tuple[int, ...], missing: int, dtype: np.dtype) -> None:
    if missing > 0 and math.prod(shape) * dtype.itemsize > MOST_FILLED_BYTES:
        raise ValueError(
            f"shape={shape} and dtype={dtype}: {missing} values are missing, and no "
            f"more than {MOST_FILLED_BYTES} bytes are filled up; send all values."
        )


def _numbers(tensor: Any) -> np.ndarray:
    dtype, field, stored = _NUMBERS[tensor.dtype]
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype)
    return np.asarray(getattr(tensor, field), stored).view(dtype)


def _strings(tensor: Any) -> np.ndarray:
    strings = list(tensor.string_val)
    if tensor.tensor_content:
        count = math.prod(dim.size for dim in tensor.tensor_shape.dim)
        strings = _split(tensor.tensor_content, count)
    values = np.empty(len(strings), object)
    values[:] = strings
    return values


def _split(content: bytes, count: int) -> list[bytes]:
    """Takes apart the lengths of strings, as varints, and the strings behind them."""
    lengths, length, shift, start = [], 0, 0, 0
    while len(lengths) < count and start < len(content):
        length |= (content[start] & 0x7F) << shift
        shift += 7
        if length > len(content) or shift > _LONGEST_VARINT_BITS:
            raise ValueError(f"tensor_content does not hold {count} strings.")
        if not content[start] & 0x80:
            lengths.append(length)
            length = shift = 0
        start += 1
    ends = list(itertools.accumulate(lengths, initial=start))
    if len(lengths) < count or ends[-1] != len(content):
        raise ValueError(f"tensor_content does not hold {count} strings.")
    return [content[a:b] for a, b in itertools.pairwise(ends)]


def _filled(values: np.ndarray, count: int) -> np.ndarray:
    if len(values) >= count:
        return values[:count]
    zero = b"" if values.dtype == object else values.dtype.type()
    filled = np.full(count, values[-1] if len(values) else zero, values.dtype)
    filled[: len(values)] = values
    return filled


def _packed(field_number: int, content: bytes) -> bytes:
    """A packed repeated field on the wire: tag, length in bytes, bytes."""
    length, header = len(content), bytearray([field_number << 3 | 2])
    while length > 0x7F:
        header.append(length & 0x7F | 0x80)
        length >>= 7
    header.append(length)
    return bytes(header) + content
