"""Answers to Predict in JSON: rows (`predictions`) or columns (`outputs`)."""

import base64
import json
from collections.abc import Callable, Mapping

import numpy as np
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving import tensors
from serving.server import servable, status

# {DataType: digits with which each of its numbers can be told from any other}
_FLOAT_DIGITS = {types_pb2.DT_FLOAT: 9, types_pb2.DT_DOUBLE: 17}
_INTEGERS = (
    types_pb2.DT_INT32,
    types_pb2.DT_INT16,
    types_pb2.DT_INT8,
    types_pb2.DT_UINT8,
    types_pb2.DT_INT64,
    types_pb2.DT_UINT32,
    types_pb2.DT_UINT64,
)
_SHORT_DIGITS = 6
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_NAMES_OF_BYTES = "_bytes"


def of_outputs(outputs: Mapping[str, tensor_pb2.TensorProto], rows: bool) -> bytes:
    """Writes the body of an answer.

    Strings are text, and those of outputs whose names end in `_bytes` are
    `{"b64": ...}`. A single output stands without its name.

    Args:
        outputs: The tensors, by name.
        rows: Whether to give one value, or object, for each clip of the batch.

    Raises:
        StatusError: JSON has no form for a tensor, or not in rows.
    """
    write = _rows if rows else _columns
    # What is no UTF-8 leaves as the bytes that came.
    return write(outputs).encode("utf-8", "surrogateescape")


def _columns(outputs: Mapping[str, tensor_pb2.TensorProto]) -> str:
    texts = {
        name: _text(tensors.to_array(tensor), _writer(name, tensor))
        for name, tensor in outputs.items()
    }
    if len(texts) == 1:
        (text,) = texts.values()
        return f'{{\n    "outputs": {text}\n}}'
    return f'{{\n    "outputs": {_object(texts, " " * 4)}\n}}'


def _rows(outputs: Mapping[str, tensor_pb2.TensorProto]) -> str:
    arrays = _batches(outputs)
    writers = {name: _writer(name, tensor) for name, tensor in outputs.items()}
    rows = []
    for number in range(len(next(iter(arrays.values())))):
        texts = {
            name: _text(array[number, ...], writers[name])
            for name, array in arrays.items()
        }
        if len(texts) == 1:
            rows += texts.values()
        else:
            rows.append(f"\n{' ' * 8}{_object(texts, ' ' * 8)}")
    between = ", " if len(arrays) == 1 else ","
    return f'{{\n    "predictions": [{between.join(rows)}\n    ]\n}}'


def _batches(
    outputs: Mapping[str, tensor_pb2.TensorProto],
) -> dict[str, np.ndarray]:
    """The arrays, once it is sure that they have the same number of rows."""
    arrays: dict[str, np.ndarray] = {}
    batch = None
    for name, tensor in outputs.items():
        array = arrays[name] = tensors.to_array(tensor)
        if not array.ndim:
            raise status.invalid_argument(
                f"Tensor name: {name} has no shape information "
            )
        if batch is not None and len(array) != batch:
            raise status.invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {batch}"
            )
        batch = len(array)
    return arrays


def _object(texts: Mapping[str, str], indent: str) -> str:
    lines = [f"{indent}    {json.dumps(name)}: {text}" for name, text in texts.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _text(array: np.ndarray, write: Callable[[np.ndarray], list[str]]) -> str:
    if array.ndim > 1:
        return f"[{', '.join(_text(inner, write) for inner in array)}]"
    texts = write(np.atleast_1d(array))
    return f"[{', '.join(texts)}]" if array.ndim else texts[0]


def _writer(
    name: str, tensor: tensor_pb2.TensorProto
) -> Callable[[np.ndarray], list[str]]:
    """What makes texts of the elements of `[n]`."""
    if tensor.dtype in _FLOAT_DIGITS:
        digits = _FLOAT_DIGITS[tensor.dtype]
        return lambda array: _decimals(array, digits)
    if tensor.dtype in _INTEGERS:
        return lambda array: list(map(str, array.tolist()))
    if tensor.dtype == types_pb2.DT_BOOL:
        return lambda array: list(map(json.dumps, array.tolist()))
    if tensor.dtype == types_pb2.DT_STRING:
        write = _base64 if name.endswith(_NAMES_OF_BYTES) else _string
        return lambda array: list(map(write, array.tolist()))
    raise status.invalid_argument(
        "Failed to write JSON value for tensor type: "
        f"{servable.type_name(tensor.dtype)}"
    )


def _decimals(array: np.ndarray, digits: int) -> list[str]:
    """Six digits, or as many as it takes to read the same number again."""
    numbers = array.tolist()
    texts = [f"{number:.{_SHORT_DIGITS}g}" for number in numbers]
    with np.errstate(over="ignore"):
        read = np.array(list(map(float, texts)), np.float64).astype(array.dtype)
    for place in np.flatnonzero((read != array) & np.isfinite(array)):
        texts[place] = f"{numbers[place]:.{digits}g}"
    return list(map(_as_decimal, texts))


def _as_decimal(text: str) -> str:
    if text in _NOT_FINITE:
        return _NOT_FINITE[text]
    return text if "." in text or "e" in text else f"{text}.0"


def _string(value: bytes) -> str:
    return json.dumps(value.decode("utf-8", "surrogateescape"), ensure_ascii=False)


def _base64(value: bytes) -> str:
    return f'{{"b64": "{base64.b64encode(value).decode()}"}}'
