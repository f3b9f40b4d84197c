"""Classify, Regress and MultiInference, which take tf.Examples.

The embedded server knows which signatures could answer, and refuses others in the stock
server's words; what could be answered is UNIMPLEMENTED, as translators have none.
"""

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    regression_pb2,
)

CODES = grpc.StatusCode
CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


def example(**features):
    made = tf.train.Example()
    for name, value in features.items():
        made.features.feature[name].float_list.value.append(value)
    return made


def fill(asked, signature, *examples, model="half_plus_two"):
    asked.model_spec.name = model
    asked.model_spec.signature_name = signature
    asked.input.example_list.examples.extend(examples)
    return asked


def classification(*arguments):
    return fill(classification_pb2.ClassificationRequest(), *arguments)


def regression(*arguments):
    return fill(regression_pb2.RegressionRequest(), *arguments)


def inference(*tasks, examples=None):
    """A MultiInferenceRequest of (signature, method) pairs."""
    asked = inference_pb2.MultiInferenceRequest()
    for signature, method in tasks:
        task = asked.tasks.add(method_name=method)
        task.model_spec.name = "half_plus_two"
        task.model_spec.signature_name = signature
    asked.input.example_list.examples.extend(examples or [example(x=2.0)])
    return asked


@pytest.fixture
def answer_of(server, refusal):
    """Makes the answer; None where the embedded server says that it has none."""

    def answer_of(call, asked):
        if server.is_ours:
            code, words = refusal(call, asked)
            assert code == CODES.UNIMPLEMENTED
            assert words.endswith("is not served here; use Predict.")
            return None
        return call(asked)

    return answer_of


def test_classify(server, answer_of):
    asked = classification("classify_x_to_y", example(x=2.0), example(x=4.0))
    if (answer := answer_of(server.prediction.Classify, asked)) is not None:
        scores = [
            [each.score for each in row.classes]
            for row in answer.result.classifications
        ]
        assert scores == [[3.0], [4.0]]
        assert answer.model_spec.signature_name == "classify_x_to_y"


def test_regress(server, answer_of):
    asked = regression("regress_x_to_y", example(x=2.0), example(x=4.0))
    if (answer := answer_of(server.prediction.Regress, asked)) is not None:
        assert [each.value for each in answer.result.regressions] == [3.0, 4.0]
        assert answer.model_spec.signature_name == "regress_x_to_y"


def test_multi_inference(server, answer_of):
    asked = inference(("regress_x_to_y", REGRESS), ("classify_x_to_y", CLASSIFY))
    if (answer := answer_of(server.prediction.MultiInference, asked)) is not None:
        regressed, classified = answer.results
        assert regressed.regression_result.regressions[0].value == 3.0
        (row,) = classified.classification_result.classifications
        assert [each.score for each in row.classes] == [3.0]


def test_empty_input(server, refusal):
    for call, asked in (
        (server.prediction.Classify, classification("classify_x_to_y")),
        (server.prediction.Regress, regression("regress_x_to_y")),
    ):
        code, words = refusal(call, asked)
        if server.is_ours:
            assert code == CODES.UNIMPLEMENTED
        else:
            assert (code, words) == (CODES.INVALID_ARGUMENT, "Input is empty.")


@pytest.mark.parametrize(
    "signature, words",
    [
        ("nothing", "No signature was found with the name: nothing"),
        ("serving_default", "No classification inputs found in SignatureDef"),
        ("regress_x_to_y", "Expected classification signature outputs to contain"),
    ],
)
def test_classify_errors(server, refusal, signature, words):
    code, told = refusal(
        server.prediction.Classify, classification(signature, example(x=2.0))
    )
    assert code == CODES.INVALID_ARGUMENT
    assert words in told


@pytest.mark.parametrize(
    "signature, words",
    [
        ("nothing", "No signature was found with the name: nothing"),
        ("serving_default", "No regression inputs found in SignatureDef"),
        ("classify_x_to_y", "No regression outputs found in SignatureDef"),
    ],
)
def test_regress_errors(server, refusal, signature, words):
    code, told = refusal(
        server.prediction.Regress, regression(signature, example(x=2.0))
    )
    assert code == CODES.INVALID_ARGUMENT
    assert words in told


def test_examples_for_an_unknown_model(server, refusal):
    asked = fill(regression_pb2.RegressionRequest(), "", model="nothing")
    assert refusal(server.prediction.Regress, asked) == (
        CODES.NOT_FOUND,
        "Servable not found for request: Latest(nothing)",
    )


@pytest.mark.parametrize(
    "tasks, code, words",
    [
        (
            [("regress_x_to_y", REGRESS)] * 2,
            CODES.INVALID_ARGUMENT,
            "Duplicate evaluation of signature: regress_x_to_y",
        ),
        (
            [("regress_x_to_y", "tensorflow/serving/predict")],
            CODES.UNIMPLEMENTED,
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (
            [("nothing", REGRESS)],
            CODES.INVALID_ARGUMENT,
            "Requested signature not found in model graph: nothing",
        ),
    ],
)
def test_multi_inference_errors(server, refusal, tasks, code, words):
    asked = inference(*tasks)
    assert refusal(server.prediction.MultiInference, asked) == (code, words)


def test_classify_rest(server):
    path = "/v1/models/half_plus_two:classify"
    body = {"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}]}
    answer = server.rest.post(path, json=body)
    if server.is_ours:
        assert answer.status_code == 501
        assert "Classify is not served here" in answer.json()["error"]
    else:
        assert answer.json() == {"results": [[["", 3.0]]]}


def test_regress_rest(server):
    path = "/v1/models/half_plus_two:regress"
    body = {"signature_name": "regress_x_to_y", "examples": [{"x": 2.0}]}
    answer = server.rest.post(path, json=body)
    if server.is_ours:
        assert answer.status_code == 501
        assert "Regress is not served here" in answer.json()["error"]
    else:
        assert answer.json() == {"results": [3.0]}


@pytest.mark.parametrize(
    "body", [{}, {"examples": []}, {"examples": 2.0}, {"examples": [2.0]}]
)
def test_examples_errors_rest(server, body):
    answer = server.rest.post("/v1/models/half_plus_two:classify", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]
