"""Signatures of examples: which they are, and which tasks go together."""

import grpc
import pytest
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import inference_pb2

from serving.server import examples, status


def signature(inputs, outputs):
    made = meta_graph_pb2.SignatureDef()
    for name in inputs:
        made.inputs[name].name = name
    for name in outputs:
        made.outputs[name].name = name
    return made


SIGNATURES = {
    "classify": signature(["inputs"], ["classes", "scores"]),
    "scores": signature(["inputs"], ["scores"]),
    "regress": signature(["inputs"], ["outputs"]),
    "three": signature(["inputs"], ["classes", "scores", "more"]),
}


def test_what_classifies():
    for name in ("classify", "scores"):
        examples.check_classification(SIGNATURES, name)
    for name, words in [
        ("three", "Expected one or two output Tensors, found 3"),
        ("regress", r"at least one of \"classes\" or \"scores\"\. Signature was: in"),
    ]:
        with pytest.raises(status.StatusError, match=words):
            examples.check_classification(SIGNATURES, name)


def test_what_regresses():
    examples.check_regression(SIGNATURES, "regress")
    with pytest.raises(status.StatusError, match="No regression outputs found in"):
        examples.check_regression(SIGNATURES, "scores")
    with pytest.raises(status.StatusError, match="Expected one output Tensor"):
        examples.check_regression(SIGNATURES, "classify")


def tasks(*names, models=("m", "m")):
    made = [
        inference_pb2.InferenceTask(method_name=f"tensorflow/serving/{name}")
        for name in names
    ]
    for task, name, model in zip(made, names, models, strict=False):
        task.model_spec.name = model
        task.model_spec.signature_name = name
    return made


def test_tasks_that_go_together():
    examples.check_tasks(SIGNATURES, tasks("classify", "regress"))


@pytest.mark.parametrize(
    "wrong, words",
    [
        (tasks("classify", "classify"), "Duplicate evaluation of signature: classify"),
        (tasks("classify", "regress", models=("m", "n")), "must access the same model"),
        (tasks("classify", "regress", models=("m", "")), "with an empty model name"),
    ],
)
def test_tasks_that_do_not(wrong, words):
    with pytest.raises(status.StatusError, match=words) as raised:
        examples.check_tasks(SIGNATURES, wrong)
    assert raised.value.code == grpc.StatusCode.INVALID_ARGUMENT
