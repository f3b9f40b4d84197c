"""Requests to the embedded server and its answers, as TensorFlow Serving gives them.

The requests go over the wire; point `toys` at a stock server to compare.
"""

import threading
import time
import tracemalloc

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server import servable
from serving.server.model import Model

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND


def refusal(call, request, **options):
    """The code and the words with which a request is refused."""
    with pytest.raises(grpc.RpcError) as raised:
        call(request, **options)
    return raised.value.code(), raised.value.details()


# Predict


def test_predict_by_default_runs_serving_default_of_the_newest_version(
    toys, make_request
):
    response = toys.predict(make_request("toys", x=[1.0, 2.0, 5.0]))
    assert list(response.outputs) == ["y"]
    assert list(response.outputs["y"].float_val) == [2.5, 3.0, 4.5]
    assert not response.outputs["y"].tensor_content
    assert response.model_spec.name == "toys"
    assert response.model_spec.version.value == 7
    assert response.model_spec.signature_name == "serving_default"


def test_predict_of_a_version(toys, make_request):
    request = make_request("toys", x=[1.0])
    request.model_spec.version.value = 7
    assert toys.predict(request).outputs["y"].float_val == [2.5]


def test_predict_takes_values_and_content_alike(toys):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "toys"
    values = request.inputs["x"]
    values.dtype = tf.float32.as_datatype_enum
    values.tensor_shape.dim.add(size=3)
    values.float_val.append(1.0)
    assert toys.predict(request).outputs["y"].float_val == [2.5, 2.5, 2.5]
    values.ClearField("float_val")
    values.tensor_content = np.array([1, 2, 5], np.float32).tobytes()
    assert toys.predict(request).outputs["y"].float_val == [2.5, 3.0, 4.5]


def test_predict_of_strings(toys, make_request):
    request = make_request("toys", "shout", text=np.array([b"a", b"b"], object))
    outputs = toys.predict(request).outputs
    assert list(outputs["text"].string_val) == [b"A", b"B"]
    assert list(outputs["all"].string_val) == [b"a\0b"]
    assert not outputs["all"].tensor_shape.dim


def test_predict_without_a_model_spec(toys):
    refused = refusal(toys.predict, predict_pb2.PredictRequest())
    assert refused == (INVALID, "Missing ModelSpec")


def test_predict_without_a_name(toys):
    request = predict_pb2.PredictRequest()
    request.model_spec.SetInParent()
    refused = refusal(toys.predict, request)
    assert refused == (INVALID, "ModelSpec has no name specified.")


def test_predict_of_an_unknown_model(toys, make_request):
    refused = refusal(toys.predict, make_request("other", x=[1.0]))
    assert refused == (NOT_FOUND, "Servable not found for request: Latest(other)")


def test_predict_of_an_unknown_version(toys, make_request):
    request = make_request("toys", x=[1.0])
    request.model_spec.version.value = 3
    refused = refusal(toys.predict, request)
    assert refused == (NOT_FOUND, "Servable not found for request: Specific(toys, 3)")


def test_predict_of_a_label(toys, make_request):
    request = make_request("toys", x=[1.0])
    request.model_spec.version_label = "stable"
    refused = refusal(toys.predict, request)
    assert refused == (INVALID, "Unrecognized servable version label: stable")


def test_predict_of_an_unknown_signature(toys, make_request):
    refused = refusal(toys.predict, make_request("toys", "other", x=[1.0]))
    assert refused == (
        grpc.StatusCode.FAILED_PRECONDITION,
        'Serving signature key "other" not found.',
    )


@pytest.mark.parametrize(
    "inputs, message",
    [
        (
            {"a": [1.0], "b": [1.0]},
            "input size does not match signature: 2!=1 len({a,b}) != len({x}). "
            "Sent extra: {a,b}. Missing but required: {x}.",
        ),
        (
            {},
            "input size does not match signature: 0!=1 len({}) != len({x}). "
            "Sent extra: {}. Missing but required: {x}.",
        ),
        (
            {"a": [1.0]},
            "Signature input alias: x(feed name: serving_default_x:0) not found in "
            "request and no default value provided. Inputs expected to be in the "
            "request {a}, or default input alias set: ",
        ),
    ],
)
def test_predict_with_the_wrong_inputs(toys, make_request, inputs, message):
    refused = refusal(toys.predict, make_request("toys", **inputs))
    assert refused == (INVALID, message)


def test_predict_with_the_wrong_type(toys, make_request):
    doubles = make_request("toys", x=np.array([1.0], np.float64))
    refused = refusal(toys.predict, doubles)
    assert refused == (INVALID, "Expects arg[0] to be float but double is provided")
    texts = make_request("toys", x=np.array([b"1"], object))
    refused = refusal(toys.predict, texts)
    assert refused == (INVALID, "Expects arg[0] to be float but string is provided")


@pytest.mark.parametrize("shape", [[], [1], [1, 1], [2, 1, 3]])
def test_the_operations_decide_about_shapes(toys, make_request, shape):
    x = np.full(shape, 6.0, np.float32)
    y = toys.predict(make_request("toys", "column", x=x)).outputs["y"]
    assert [dim.size for dim in y.tensor_shape.dim] == shape
    assert set(y.float_val) == {5.0}


def test_and_refuse_what_they_cannot_do(toys, translator, make_request):
    sizes = make_request("toys", "both", left=[1.0, 2.0, 3.0], right=[1.0, 2.0])
    assert refusal(toys.predict, sizes)[0] == INVALID
    flat = make_request("translator", "timbre_of", reference=[1.0, 2.0])
    code, message = refusal(translator.predict, flat)
    assert code == INVALID
    assert message.startswith("Invalid reduction dimension")


def test_predict_with_what_is_no_tensor(toys, make_request):
    request = make_request("toys", x=[1.0, 2.0])
    request.inputs["x"].tensor_content = b"123"
    assert refusal(toys.predict, request) == (INVALID, "tensor parsing error: x")


@pytest.mark.parametrize(
    "dtype, shape, words",
    [
        # As large as it may be, but of the wrong type.
        (tf.int32, [4_000_000], "Expects arg[0] to be float but int32"),
        (tf.float32, [20_000_000], "tensor parsing error: x"),
        (tf.float32, [2**36], "tensor parsing error: x"),
        (tf.float32, [2**62], "tensor parsing error: x"),
        (tf.float32, [2**62, 2**62, 0], "tensor parsing error: x"),
    ],
)
def test_a_shape_alone_takes_no_memory(toys, dtype, shape, words):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "toys"
    header = request.inputs["x"]
    header.dtype = dtype.as_datatype_enum
    for size in shape:
        header.tensor_shape.dim.add(size=size)
    tracemalloc.start()
    try:
        code, message = refusal(toys.predict, request)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert code == INVALID
    assert message.startswith(words)
    assert peak < 1_000_000


def test_a_domain_that_is_no_text_is_not_known(translator, make_request):
    audio = np.zeros([1, 8], np.float32)
    request = make_request(
        "translator", audio=audio, domain=np.array([b"\xff\xfe"], object)
    )
    code, message = refusal(translator.predict, request)
    assert code == INVALID
    assert "domain is not known" in message


def test_predict_with_a_type_that_does_not_exist(toys, make_request):
    request = make_request("toys", x=[1.0, 2.0])
    request.inputs["x"].dtype = 999
    assert refusal(toys.predict, request) == (INVALID, "tensor parsing error: x")


def test_bytes_that_are_no_request(toys):
    for service, method, kind in (
        ("PredictionService", "Predict", "PredictRequest"),
        ("PredictionService", "GetModelMetadata", "GetModelMetadataRequest"),
        ("ModelService", "GetModelStatus", "GetModelStatusRequest"),
    ):
        call = toys.channel.unary_unary(f"/tensorflow.serving.{service}/{method}")
        with pytest.raises(grpc.RpcError) as raised:
            call(b"\xff\xff")
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert f"Error parsing message with type 'tensorflow.serving.{kind}'" in (
            raised.value.details()
        )


def test_a_request_whose_client_has_left_is_not_run(
    tmp_path, save_arithmetic, served, make_request, monkeypatch
):
    save_arithmetic(tmp_path / "1")
    ran, at_it = [], threading.Event()
    predict = servable.Servable.predict

    def spy(self, request, *arguments):
        ran.append(request.model_spec.signature_name)
        at_it.set()
        return predict(self, request, *arguments)

    monkeypatch.setattr(servable.Servable, "predict", spy)
    model = Model("toys", tmp_path, poll_wait_seconds=0)
    with served(model, threads=1) as stubs:
        at_work = stubs.predict.future(make_request("toys", "wait", seconds=2.0))
        assert at_it.wait(30)
        waiting = [
            stubs.predict.future(make_request("toys", "shout", text=b"a"))
            for _ in range(3)
        ]
        time.sleep(0.5)
        for call in waiting:
            call.cancel()
        assert at_work.result(timeout=60)
        assert stubs.predict(make_request("toys", "both", left=[1, 2], right=[1, 2]))
    assert ran == ["wait", "both"]


def test_errors_of_the_run_are_told_in_the_words_of_the_runtime(toys, make_request):
    request = make_request("toys", "both", left=[3.0, 1.0], right=[1.0, np.nan])
    code, message = refusal(toys.predict, request)
    assert code == INVALID
    assert message.startswith("right : Tensor had NaN values")


def test_output_filter(toys, make_request):
    request = make_request("toys", "both", left=[3.0, 1.0], right=[1.0, 1.0])
    assert set(toys.predict(request).outputs) == {"sum", "difference"}
    request.output_filter.append("sum")
    assert list(toys.predict(request).outputs) == ["sum"]


def test_output_filter_prunes_the_graph(tmp_path, served, make_request):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.float32, [None], "x")
        sound = x + 1.0
        broken = tf.debugging.check_numerics(x / 0.0, "broken")
        tf.compat.v1.saved_model.simple_save(
            session, str(tmp_path / "1"), {"x": x}, {"sound": sound, "broken": broken}
        )
    with served(Model("graph", tmp_path, poll_wait_seconds=0)) as stubs:
        request = make_request("graph", x=[1.0])
        code, message = refusal(stubs.predict, request)
        assert (code, message[:6]) == (INVALID, "broken")
        request.output_filter.append("sound")
        assert stubs.predict(request).outputs["sound"].float_val == [2.0]


def test_output_filter_with_an_unknown_name(toys, make_request):
    request = make_request("toys", "both", left=[1.0, 1.0], right=[1.0, 1.0])
    request.output_filter.append("z")
    assert refusal(toys.predict, request) == (
        INVALID,
        "output tensor alias not found in signature: z Outputs expected to be in the "
        "set {difference,sum}.",
    )


def test_output_filter_with_a_name_twice(toys, make_request):
    request = make_request("toys", x=[1.0])
    request.output_filter.extend(["y", "y"])
    refused = refusal(toys.predict, request)
    assert refused == (INVALID, "duplicate output tensor alias: y")


def test_long_messages_are_truncated(toys, make_request):
    request = make_request("toys", "fail", length=np.array(5000, np.int32))
    code, message = refusal(toys.predict, request)
    assert code == INVALID
    assert message.startswith("assertion failed: [xxx")
    assert message.endswith("x...TRUNCATED")
    assert len(message) == 1024 + len("...TRUNCATED")


def test_the_deadline_stops_the_run(tmp_path, save_arithmetic, served, make_request):
    save_arithmetic(tmp_path / "1")
    model = Model("toys", tmp_path, poll_wait_seconds=0)
    with served(model, threads=1) as stubs:
        code, _ = refusal(
            stubs.predict, make_request("toys", "wait", seconds=600.0), timeout=0.5
        )
        assert code == grpc.StatusCode.DEADLINE_EXCEEDED
        # The only thread is free again.
        assert stubs.predict(make_request("toys", x=[0.0]), timeout=30)


def test_messages_are_not_limited_to_4_mib(toys, make_request):
    request = make_request("toys", x=np.zeros(3_000_000, np.float32))
    assert len(toys.predict(request).outputs["y"].float_val) == 3_000_000


def test_a_default_client_gets_the_error_it_gets_from_the_stock_server(
    toys, make_request
):
    with grpc.insecure_channel(toys.address) as channel:
        call = type(toys.prediction)(channel).Predict
        request = make_request("toys", x=np.zeros(2_000_000, np.float32))
        code, message = refusal(call, request)
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "Received message larger than max" in message


def test_signatures_that_do_not_take_examples(toys):
    classify = classification_pb2.ClassificationRequest()
    regress = regression_pb2.RegressionRequest()
    calls = (toys.prediction.Classify, classify), (toys.prediction.Regress, regress)
    for call, request in calls:
        assert refusal(call, request) == (INVALID, "Missing ModelSpec")
        request.model_spec.name = "other"
        assert refusal(call, request) == (
            NOT_FOUND,
            "Servable not found for request: Latest(other)",
        )
        request.model_spec.name = "toys"
        request.model_spec.signature_name = "both"
        assert refusal(call, request) == (INVALID, "Expected one input Tensor.")
        request.model_spec.signature_name = "other"
        assert refusal(call, request) == (
            INVALID,
            "No signature was found with the name: other",
        )
        request.model_spec.signature_name = ""
    words = "No classification inputs found in SignatureDef: inputs {"
    assert refusal(*calls[0])[1].startswith(words)
    words = "No regression inputs found in SignatureDef: inputs {"
    assert refusal(*calls[1])[1].startswith(words)


CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"


@pytest.mark.parametrize(
    "tasks, code, words",
    [
        ([], INVALID, "ModelSpec has no name specified."),
        (
            [("other", "", CLASSIFY)],
            NOT_FOUND,
            "Servable not found for request: Latest(other)",
        ),
        ([("toys", "both", CLASSIFY)], INVALID, "Expected one input Tensor."),
        ([("toys", "shout", REGRESS)], INVALID, "Expected one output Tensor."),
        ([("toys", "", CLASSIFY)], INVALID, "No classification inputs found in"),
        (
            [("toys", "other", CLASSIFY)],
            INVALID,
            "Requested signature not found in model graph: other",
        ),
        (
            [("toys", "", "tensorflow/serving/predict")],
            grpc.StatusCode.UNIMPLEMENTED,
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
    ],
)
def test_inferences_that_are_none(toys, tasks, code, words):
    request = inference_pb2.MultiInferenceRequest()
    for model, signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name = model
        task.model_spec.signature_name = signature
    told_code, told = refusal(toys.prediction.MultiInference, request)
    assert told_code == code
    assert told.startswith(words)


# GetModelMetadata


def metadata_request(*fields):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = "toys"
    return request


def test_metadata(toys):
    response = toys.metadata(metadata_request("signature_def"))
    assert response.model_spec.name == "toys"
    assert response.model_spec.version.value == 7
    assert not response.model_spec.signature_name
    told = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(told)
    assert set(told.signature_def) == {
        "serving_default",
        "both",
        "shout",
        "column",
        "wait",
        "fail",
        "__saved_model_init_op",
    }
    signature = told.signature_def["serving_default"]
    assert signature.inputs["x"].dtype == tf.float32.as_datatype_enum
    assert [dim.size for dim in signature.outputs["y"].tensor_shape.dim] == [-1]
    assert signature.method_name == "tensorflow/serving/predict"


def test_metadata_refusals(toys):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    assert refusal(toys.metadata, request) == (INVALID, "Missing ModelSpec")
    assert refusal(toys.metadata, metadata_request()) == (
        INVALID,
        "GetModelMetadataRequest must specify at least one metadata_field",
    )
    assert refusal(toys.metadata, metadata_request("weights")) == (
        INVALID,
        "Metadata field weights is not supported",
    )
    request = metadata_request("signature_def")
    request.model_spec.name = "other"
    assert refusal(toys.metadata, request) == (
        NOT_FOUND,
        "Servable not found for request: Latest(other)",
    )


# GetModelStatus


def status_request(name, version=None):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    return request


@pytest.mark.parametrize("version", [None, 7])
def test_status(toys, version):
    response = toys.model.GetModelStatus(status_request("toys", version))
    (status,) = response.model_version_status
    assert status.version == 7
    assert status.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert status.HasField("status")
    assert status.status.error_code == 0
    assert status.status.error_message == ""


def test_status_does_not_look_at_labels(toys):
    request = status_request("toys")
    request.model_spec.version_label = "stable"
    assert len(toys.model.GetModelStatus(request).model_version_status) == 1


def test_status_refusals(toys):
    call = toys.model.GetModelStatus
    missing = get_model_status_pb2.GetModelStatusRequest()
    assert refusal(call, missing) == (INVALID, "Missing ModelSpec")
    assert refusal(call, status_request("toys", 3)) == (
        NOT_FOUND,
        "Could not find version 3 of model toys",
    )
    assert refusal(call, status_request("other")) == (
        NOT_FOUND,
        "Could not find any versions of model other",
    )


# Health and reflection

SERVICES = (
    "",
    "PredictionService",
    "ModelService",
    "tensorflow.serving.PredictionService",
    "tensorflow.serving.ModelService",
)


def health_of(stubs, service):
    request = health_pb2.HealthCheckRequest(service=service)
    answer = health_pb2_grpc.HealthStub(stubs.channel).Check(request)
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


@pytest.mark.parametrize("service", SERVICES)
def test_health(toys, service):
    assert health_of(toys, service) == "SERVING"


def test_health_follows_the_model(tmp_path, save_arithmetic, served):
    model = Model("toys", tmp_path, poll_wait_seconds=0)
    with served(model) as stubs:
        assert {health_of(stubs, name) for name in SERVICES} == {"NOT_SERVING"}
        save_arithmetic(tmp_path / "1")
        model.poll()
        assert {health_of(stubs, name) for name in SERVICES} == {"SERVING"}
        (tmp_path / "1").rename(tmp_path / "withdrawn")
        model.poll()
        assert {health_of(stubs, name) for name in SERVICES} == {"NOT_SERVING"}


def test_watchers_of_health_hold_no_thread(
    tmp_path, save_arithmetic, served, make_request
):
    save_arithmetic(tmp_path / "1")
    model = Model("toys", tmp_path, poll_wait_seconds=0)
    with served(model, threads=1) as stubs:
        health = health_pb2_grpc.HealthStub(stubs.channel)
        watch = health.Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        assert stubs.predict(make_request("toys", x=[0.0]), timeout=30)


def test_health_is_told_while_all_threads_are_at_work(
    tmp_path, save_arithmetic, served, make_request
):
    save_arithmetic(tmp_path / "1")
    model = Model("toys", tmp_path, poll_wait_seconds=0)
    with served(model, threads=1) as stubs:
        at_work = stubs.predict.future(
            make_request("toys", "wait", seconds=600.0), timeout=5
        )
        assert health_of(stubs, "") == "SERVING"
        assert not at_work.done()
        at_work.cancel()


def test_reflection(toys):
    database = ProtoReflectionDescriptorDatabase(toys.channel)
    assert {
        "tensorflow.serving.PredictionService",
        "tensorflow.serving.ModelService",
        "grpc.health.v1.Health",
    } <= set(database.get_services())
    file = database.FindFileContainingSymbol("tensorflow.serving.PredictRequest")
    assert "PredictRequest" in [message.name for message in file.message_type]
