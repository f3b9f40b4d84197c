"""Tensors of JSON lists, by the types that a signature declares."""

import base64
import binascii
import itertools
import math
from typing import Any

import grpc
import numpy as np
from tensorflow.core.framework import types_pb2

from serving.server import json_text, servable, status

_INT32 = (-(2**31), 2**31 - 1)
_FLOATS = {types_pb2.DT_FLOAT: np.float32, types_pb2.DT_DOUBLE: np.float64}

# {DataType: (type of the tensor, the integers that are taken for it)}. The short ones
# keep the lowest bits of what they are given.
_INTEGERS = {
    types_pb2.DT_INT32: (np.int32, _INT32),
    types_pb2.DT_INT16: (np.int16, _INT32),
    types_pb2.DT_INT8: (np.int8, _INT32),
    types_pb2.DT_UINT8: (np.uint8, _INT32),
    types_pb2.DT_INT64: (np.int64, (-(2**63), 2**63 - 1)),
    types_pb2.DT_UINT32: (np.uint32, (0, 2**32 - 1)),
    types_pb2.DT_UINT64: (np.uint64, (0, 2**64 - 1)),
}


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of lists within lists, by the first element of each."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def flat(value: Any, shape: tuple[int, ...]) -> list[Any]:
    """The elements of lists within lists, in their order.

    Args:
        value: A list, or a single element.
        shape: The shape that it is to have.

    Raises:
        StatusError: It has another one.
    """
    if not isinstance(value, list):
        _check_level(value, 0, len(shape))
        return [value]
    lists = [value]
    for level, size in enumerate(shape):
        for inner in lists:
            if not isinstance(inner, list):
                _check_level(inner, level, len(shape))
            if len(inner) != size:
                raise status.invalid_argument(
                    f"Encountered list at unexpected size: {len(inner)} at level: "
                    f"{level} expected size: {size}"
                )
        lists = list(itertools.chain.from_iterable(lists))
    if any(isinstance(element, list) for element in lists):
        raise status.invalid_argument(
            f"Encountered list at unexpected level: {len(shape)} expected < "
            f"{len(shape)}"
        )
    return lists


def array(elements: list[Any], shape: tuple[int, ...], dtype: int) -> np.ndarray:
    """Makes an array of elements.

    Args:
        elements: What `flat` gave: numbers, truth values, strings, or strings in
            base64 as `{"b64": ...}`.
        shape: The shape of the array.
        dtype: Its DataType.

    Returns:
        The array; strings are `bytes` objects.

    Raises:
        StatusError: An element is not of the type, or JSON has none for it.
    """
    if dtype == types_pb2.DT_STRING:
        values = np.empty(len(elements), object)
        values[:] = [_string(element) for element in elements]
    elif dtype == types_pb2.DT_BOOL:
        _check_types(elements, dtype, bool)
        values = np.array(elements, np.bool_)
    elif dtype in _FLOATS:
        _check_types(elements, dtype, int, float)
        values = _floats(elements, _FLOATS[dtype])
    elif dtype in _INTEGERS:
        _check_types(elements, dtype, int)
        values = _integers(elements, dtype)
    else:
        raise status.StatusError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {json_text.shown(elements)} to type: "
            f"{servable.type_name(dtype)}",
        )
    return values.reshape(shape)


def is_base64(value: Any) -> bool:
    """Whether a value is a string in base64."""
    if not isinstance(value, dict) or [*value] != ["b64"]:
        return False
    return isinstance(value["b64"], str)


def _check_level(value: Any, level: int, rank: int) -> None:
    if level != rank:
        raise status.invalid_argument(
            f"JSON Value: {json_text.shown(value)} found at incorrect level: "
            f"{level + 1} in the JSON DOM. Expected at level: {rank}"
        )


def _check_types(elements: list[Any], dtype: int, *types: type) -> None:
    if not set(map(type, elements)) <= set(types):
        raise _wrong_type(next(e for e in elements if type(e) not in types), dtype)


def _wrong_type(value: Any, dtype: int) -> status.StatusError:
    return status.invalid_argument(
        f"JSON Value: {json_text.shown(value)} Type: {json_text.type_name(value)} is "
        f"not of expected type: {servable.type_name(dtype)}"
    )


def _floats(elements: list[int | float], kind: type) -> np.ndarray:
    try:
        with np.errstate(over="ignore"):
            return np.array(elements, np.float64).astype(kind)
    except OverflowError as error:
        raise status.invalid_argument(
            "JSON Parse error: Number too big to be stored in double."
        ) from error


def _integers(elements: list[int], dtype: int) -> np.ndarray:
    kind, (least, most) = _INTEGERS[dtype]
    for element in elements:
        if not least <= element <= most:
            raise _wrong_type(element, dtype)
    wide = np.uint64 if dtype == types_pb2.DT_UINT64 else np.int64
    return np.array(elements, wide).astype(kind)


def _string(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, dict):
        raise _wrong_type(value, types_pb2.DT_STRING)
    if not is_base64(value):
        raise json_text.malformed(value, "not formatted correctly for base64 data")
    text = "".join(value["b64"].split()).rstrip("=")
    padding = "=" * (math.ceil(len(text) / 4) * 4 - len(text))
    try:
        return base64.b64decode(text + padding, validate=True)
    except (binascii.Error, ValueError) as error:
        raise status.invalid_argument("Unable to base64 decode") from error
