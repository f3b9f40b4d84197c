"""Signatures of serialized tf.Examples: those of Classify, Regress, MultiInference.

Bundles of translators have none; these are the words that say so.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import grpc
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import inference_pb2

from serving.server import json_text, status
from serving.server.servable import DEFAULT_SIGNATURE

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


def check_tasks(
    signatures: Signatures, tasks: Iterable[inference_pb2.InferenceTask]
) -> None:
    """Whether the tasks of a MultiInference classify and regress as they say.

    Raises:
        StatusError: One does not, or they do not go together.
    """
    model, seen = "", set()
    for task in tasks:
        if not task.model_spec.name:
            raise status.invalid_argument("Found ModelSpec with an empty model name.")
        if model not in ("", task.model_spec.name):
            raise status.invalid_argument(
                "All ModelSpecs in a MultiInferenceRequest must access the same model "
                "name."
            )
        model = task.model_spec.name
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in seen:
            raise status.invalid_argument(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        if name not in signatures:
            raise status.invalid_argument(
                f"Requested signature not found in model graph: {name}"
            )
        if task.method_name not in _CHECKS:
            raise status.StatusError(
                grpc.StatusCode.UNIMPLEMENTED,
                f"Unsupported signature method_name: {task.method_name}",
            )
        _CHECKS[task.method_name](signatures, name)


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


_CHECKS = {
    "tensorflow/serving/classify": check_classification,
    "tensorflow/serving/regress": check_regression,
}


def _check_example(value: Any) -> None:
    if not isinstance(value, dict):
        raise status.invalid_argument(
            f"Example must be JSON object but got JSON {json_text.type_name(value)}"
        )


def _named(signatures: Signatures, name: str) -> meta_graph_pb2.SignatureDef:
    if name not in signatures:
        raise status.invalid_argument(f"No signature was found with the name: {name}")
    return signatures[name]
