"""Signatures of serialized tf.Examples, which Classify and Regress run.

Bundles of translators have none; these are the words that say so.
"""

from collections.abc import Mapping
from typing import Any

from tensorflow.core.protobuf import meta_graph_pb2

from serving.server import json_text, status

_INPUTS, _OUTPUTS = "inputs", "outputs"
_CLASSES, _SCORES = "classes", "scores"

Signatures = Mapping[str, meta_graph_pb2.SignatureDef]


def check_classification(signatures: Signatures, name: str) -> None:
    """Whether a signature classifies.

    Raises:
        StatusError: There is no such signature, or it does something else.
    """
    signature = _named(signatures, name)
    if len(signature.inputs) != 1:
        raise status.invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) not in (1, 2):
        raise status.invalid_argument(
            f"Expected one or two output Tensors, found {len(signature.outputs)}"
        )
    if _INPUTS not in signature.inputs:
        raise status.invalid_argument(
            f"No classification inputs found in SignatureDef: {signature}"
        )
    if not {_CLASSES, _SCORES} & set(signature.outputs):
        raise status.invalid_argument(
            "Expected classification signature outputs to contain at least one of "
            f'"{_CLASSES}" or "{_SCORES}". Signature was: {signature}'
        )


def check_regression(signatures: Signatures, name: str) -> None:
    """Whether a signature regresses.

    Raises:
        StatusError: There is no such signature, or it does something else.
    """
    signature = _named(signatures, name)
    if len(signature.inputs) != 1:
        raise status.invalid_argument("Expected one input Tensor.")
    if len(signature.outputs) != 1:
        raise status.invalid_argument("Expected one output Tensor.")
    if _INPUTS not in signature.inputs:
        raise status.invalid_argument(
            f"No regression inputs found in SignatureDef: {signature}"
        )
    if _OUTPUTS not in signature.outputs:
        raise status.invalid_argument(
            f"No regression outputs found in SignatureDef: {signature}"
        )


def check_json(document: Mapping[str, Any]) -> None:
    """Whether the body of a REST request holds examples.

    Raises:
        StatusError: It does not.
    """
    if "context" in document:
        _check_example(document["context"])
    if "examples" not in document:
        raise json_text.malformed(
            document,
            "When method is classify, key 'examples' is expected and was not found",
        )
    listed = document["examples"]
    if not isinstance(listed, list):
        raise json_text.malformed(
            document, "Expecting 'examples' value to be an list/array"
        )
    if not listed:
        raise json_text.malformed(document, "'examples' value is an empty array")
    for example in listed:
        _check_example(example)


def _check_example(value: Any) -> None:
    if not isinstance(value, dict):
        raise status.invalid_argument(
            f"Example must be JSON object but got JSON {json_text.type_name(value)}"
        )


def _named(signatures: Signatures, name: str) -> meta_graph_pb2.SignatureDef:
    if name not in signatures:
        raise status.invalid_argument(f"No signature was found with the name: {name}")
    return signatures[name]
