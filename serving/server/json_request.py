"""Predict requests in JSON: rows (`instances`) or columns (`inputs`)."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2

from serving import tensors
from serving.server import json_tensor, json_text, status
from serving.server.servable import DEFAULT_SIGNATURE

_ROWS, _COLUMNS = "instances", "inputs"

Infos = Mapping[str, meta_graph_pb2.TensorInfo]


def signature_name(document: Mapping[str, Any]) -> str:
    """The name of the signature that a document asks for; empty for the default.

    Raises:
        StatusError: It is not a string.
    """
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise json_text.malformed(
            document,
            "not formatted correctly. 'signature_name' key must be a string value.",
        )
    return name


def has_rows(document: Mapping[str, Any]) -> bool:
    """Whether a document is in the form of rows, and wants its answer so."""
    return _ROWS in document


def predict_request(
    document: Mapping[str, Any],
    signatures: Mapping[str, meta_graph_pb2.SignatureDef],
) -> predict_pb2.PredictRequest:
    """Makes the message of a document; its model spec names the signature only.

    Args:
        document: The parsed body.
        signatures: Those of the model.

    Raises:
        StatusError: The document does not fit the signature that it asks for.
    """
    name = signature_name(document)
    key = name or DEFAULT_SIGNATURE
    if key not in signatures:
        raise status.invalid_argument(
            f'Serving signature name: "{key}" not found in signature def'
        )
    infos = signatures[key].inputs
    if not infos:
        raise status.invalid_argument(
            f"Failed to get input map for signature: {name or 'DEFAULT'}"
        )
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = name
    for alias, array in _arrays(document, infos).items():
        tensors.write_content(array, request.inputs[alias])
    return request


def _arrays(document: Mapping[str, Any], infos: Infos) -> dict[str, np.ndarray]:
    if _ROWS in document and _COLUMNS in document:
        raise json_text.malformed(
            document,
            f"Not formatted correctly expecting only one of '{_COLUMNS}' or "
            f"'{_ROWS}' keys to exist ",
        )
    if _ROWS in document:
        rows = document[_ROWS]
        if not isinstance(rows, list):
            raise json_text.malformed(
                document, f"Expecting '{_ROWS}' to be an list/array"
            )
        if not rows:
            raise json_text.malformed(document, f"No values in '{_ROWS}' array")
        return _of_rows(rows, infos)
    if _COLUMNS in document:
        return _of_columns(document[_COLUMNS], infos)
    raise status.invalid_argument(f"Missing '{_COLUMNS}' or '{_ROWS}' key")


def _of_columns(columns: Any, infos: Infos) -> dict[str, np.ndarray]:
    if not _is_named(columns):
        if len(infos) > 1:
            raise status.invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple "
                "input tensors required as per tensorinfo_map"
            )
        columns = dict.fromkeys(infos, columns)
    arrays = {}
    for alias, info in infos.items():
        if alias not in columns:
            raise status.invalid_argument(
                f"Missing named input: {alias} in 'inputs' object."
            )
        value = columns[alias]
        shape = json_tensor.shape_of(value)
        elements = json_tensor.flat(value, shape)
        arrays[alias] = json_tensor.array(elements, shape, info.dtype)
    return arrays


def _of_rows(rows: list[Any], infos: Infos) -> dict[str, np.ndarray]:
    """Stacks rows; each is an object of all inputs, or the value of the only one."""
    if not isinstance(rows[0], dict) and len(infos) > 1:
        raise status.invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map"
        )
    named = _is_named(rows[0])
    parts: dict[str, list[np.ndarray]] = {}
    for number, row in enumerate(rows):
        if named != _is_named(row):
            expected = "object but got list" if named else "value/list but got object"
            raise status.invalid_argument(
                f"Expecting {expected} at item {number} of input list"
            )
        if named:
            _add_row(parts, number, row, infos)
        else:
            alias = next(iter(infos))
            with _processing(f"{number}"):
                _add(parts.setdefault(alias, []), alias, row, infos)
    return {alias: np.stack(arrays) for alias, arrays in parts.items()}


def _add_row(
    parts: dict[str, list[np.ndarray]],
    number: int,
    row: Mapping[str, Any],
    infos: Infos,
) -> None:
    for alias, value in row.items():
        with _processing(f"{number} key: {alias}"):
            _add(parts.setdefault(alias, []), alias, value, infos)
    if set(row) != set(infos):
        raise status.invalid_argument(
            f"Failed to process element: {number} of 'instances' list. JSON object: "
            f"{json_text.shown(row)} keys must be equal to: {','.join(sorted(infos))}"
        )


@contextlib.contextmanager
def _processing(element: str) -> Iterator[None]:
    """Says of an error which element of the rows it is about."""
    try:
        yield
    except status.StatusError as error:
        raise status.invalid_argument(
            f"Failed to process element: {element} of 'instances' list. Error: "
            f"{error.code.name}: {error.message}"
        ) from error


def _add(parts: list[np.ndarray], alias: str, value: Any, infos: Infos) -> None:
    if alias not in infos:
        raise status.invalid_argument(
            f"JSON object: does not have named input: {alias}"
        )
    shape = json_tensor.shape_of(value)
    elements = json_tensor.flat(value, shape)
    array = json_tensor.array(elements, shape, infos[alias].dtype)
    if parts and parts[0].size != array.size:
        raise status.invalid_argument(
            f"Expecting tensor size: {parts[0].size} but got: {array.size}"
        )
    if parts and parts[0].shape != array.shape:
        raise status.invalid_argument(
            f"Expecting shape {_shape_text(parts[0])} but got: {_shape_text(array)}"
        )
    parts.append(array)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not json_tensor.is_base64(value)


def _shape_text(array: np.ndarray) -> str:
    return f"[{','.join(map(str, array.shape))}]"
