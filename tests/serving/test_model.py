"""Loading and unloading of versions; `poll` is called directly, so nothing waits."""

import shutil
import threading

import grpc
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving.server import status
from serving.server.model import Model, State

START, LOADING, AVAILABLE, UNLOADING, END = (
    State.START,
    State.LOADING,
    State.AVAILABLE,
    State.UNLOADING,
    State.END,
)


@pytest.fixture
def base(tmp_path):
    return tmp_path / "base"


@pytest.fixture
def start(base):
    """Starts a model, with no time between tries, and stops it after the test."""
    started = []

    def start(max_load_retries=0):
        base.mkdir(exist_ok=True)
        model = Model("toys", base, 0, max_load_retries, load_retry_interval_seconds=0)
        started.append(model)
        model.start()
        return model

    yield start
    for model in started:
        model.stop()


def states(model):
    return {version.number: version.state for version in model.versions()}


def newest(model):
    with model.lease(None) as version:
        return version.number


def answer(version, x=1.0):
    request = predict_pb2.PredictRequest()
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([x]))
    return list(version.loaded.predict(request).outputs["y"].float_val)


def test_a_base_path_that_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model_base_path=.*is not a folder"):
        Model("toys", tmp_path / "nowhere")


def test_no_version_yet(start, base, save_arithmetic):
    model = start()
    assert states(model) == {}
    assert str(model).startswith("no version of 'toys' in")
    with pytest.raises(status.StatusError, match="Servable not found"), model.lease(1):
        pass
    save_arithmetic(base / "1")
    model.poll()
    assert states(model) == {1: AVAILABLE}
    assert str(model) == "serving version 1 of 'toys'"


def test_the_newest_version_is_served(start, base, save_arithmetic):
    for number, b in [("3", 3.0), ("0020", 20.0), ("100x", 0.0), ("9", 9.0)]:
        save_arithmetic(base / number, b=b)
    (base / "1000").touch()
    (base / str(2**63)).mkdir()
    model = start()
    assert states(model) == {20: AVAILABLE}
    with model.lease(None) as version:
        assert answer(version) == [20.5]


def test_a_new_version_replaces_the_old(start, base, save_arithmetic):
    save_arithmetic(base / "1", b=1.0)
    model = start()
    save_arithmetic(base / "2", b=2.0)
    model.poll()
    assert states(model) == {1: END, 2: AVAILABLE}
    with model.lease(None) as version:
        assert answer(version) == [2.5]
    with (
        pytest.raises(status.StatusError, match=r"Specific\(toys, 1\)"),
        model.lease(1),
    ):
        pass


def test_a_version_in_use_is_closed_by_its_last_user(start, base, save_arithmetic):
    save_arithmetic(base / "1", b=1.0)
    model = start()
    with model.lease(None) as first:
        with model.lease(1) as second:
            save_arithmetic(base / "2", b=2.0)
            model.poll()
            assert newest(model) == 2
            assert states(model) == {1: UNLOADING, 2: AVAILABLE}
            assert answer(second) == [1.5]
        assert states(model)[1] == UNLOADING
        assert answer(first) == [1.5]
    assert states(model) == {1: END, 2: AVAILABLE}
    assert first.loaded is None


def test_without_the_newest_version_an_older_one_is_served(
    start, base, save_arithmetic
):
    save_arithmetic(base / "1", b=1.0)
    save_arithmetic(base / "2", b=2.0)
    model = start()
    shutil.rmtree(base / "2")
    model.poll()
    assert states(model) == {1: AVAILABLE, 2: END}
    save_arithmetic(base / "2", b=5.0)
    model.poll()
    assert states(model) == {1: END, 2: AVAILABLE}
    with model.lease(None) as version:
        assert answer(version) == [5.5]


def test_without_any_version_nothing_is_served(start, base, save_arithmetic):
    save_arithmetic(base / "1")
    model = start()
    shutil.rmtree(base / "1")
    model.poll()
    assert states(model) == {1: END}
    with pytest.raises(status.StatusError, match="not found"), model.lease(None):
        pass


def test_a_base_path_that_vanishes_changes_nothing(start, base, save_arithmetic):
    save_arithmetic(base / "1")
    model = start()
    base.rename(base.with_name("elsewhere"))
    model.poll()
    assert states(model) == {1: AVAILABLE}
    base.with_name("elsewhere").rename(base)


def test_a_damaged_version_is_tried_again_and_given_up(start, base, save_arithmetic):
    save_arithmetic(base / "1")
    model = start(max_load_retries=2)
    (base / "2").mkdir()
    (base / "2" / "saved_model.pb").write_bytes(b"\xff nonsense")
    seen = []
    for _ in range(4):
        model.poll()
        seen.append(states(model)[2])
    assert seen == [LOADING, LOADING, END, END]
    assert newest(model) == 1
    failed = model.versions()[1]
    assert failed.attempts == 3
    assert failed.error.code != grpc.StatusCode.OK
    assert "version 2 of 'toys' does not load: " in str(model)


def test_a_version_that_is_late_is_loaded_by_a_later_try(start, base, save_arithmetic):
    (base / "1").mkdir(parents=True)
    model = start(max_load_retries=5)
    assert states(model) == {1: LOADING}
    assert "does not exist" in model.versions()[0].error.message
    (base / "1").rmdir()
    save_arithmetic(base / "1")
    model.poll()
    assert states(model) == {1: AVAILABLE}
    assert model.versions()[0].error is None


def test_a_failing_version_is_dropped_for_a_newer_one(start, base, save_arithmetic):
    (base / "1").mkdir(parents=True)
    model = start(max_load_retries=5)
    save_arithmetic(base / "2")
    model.poll()
    assert states(model) == {1: END, 2: AVAILABLE}
    assert model.versions()[0].error.code == grpc.StatusCode.CANCELLED


def test_a_version_that_failed_may_be_replaced(start, base, save_arithmetic):
    (base / "1").mkdir(parents=True)
    model = start()
    assert states(model) == {1: END}
    (base / "1").rmdir()
    model.poll()
    save_arithmetic(base / "1")
    model.poll()
    assert states(model) == {1: AVAILABLE}


def test_listeners_are_called_on_changes_only(base, save_arithmetic):
    base.mkdir()
    reported = []
    model = Model("toys", base, poll_wait_seconds=0)
    model.listen(reported.append)
    model.start()
    assert reported == []
    save_arithmetic(base / "1")
    for _ in range(2):
        model.poll()
    assert reported == [True]
    shutil.rmtree(base / "1")
    for _ in range(2):
        model.poll()
    assert reported == [True, False]
    model.stop()


def test_watching(base, save_arithmetic):
    base.mkdir()
    model = Model("toys", base, poll_wait_seconds=0.01)
    available = threading.Event()
    model.listen(lambda _: available.set())
    model.start()
    save_arithmetic(base / "1")
    assert available.wait(60)
    assert newest(model) == 1
    model.stop()
    assert states(model) == {1: END}


# Warm-up


def test_warmup_runs_before_a_version_is_available(
    start, base, save_arithmetic, write_warmup, make_request
):
    save_arithmetic(base / "1")
    write_warmup(base / "1", make_request("any", x=[1.0]), make_request("any", x=[2.0]))
    assert states(start()) == {1: AVAILABLE}


def test_an_empty_warmup_is_none(start, base, save_arithmetic, write_warmup):
    save_arithmetic(base / "1")
    write_warmup(base / "1")
    assert states(start()) == {1: AVAILABLE}


def failed_warmup(model):
    (version,) = model.versions()
    assert version.state == END
    return version.error


def test_a_warmup_that_fails_fails_the_version(
    start, base, save_arithmetic, write_warmup, make_request
):
    save_arithmetic(base / "1")
    write_warmup(base / "1", make_request("any", x=[1.0]), make_request("any", z=[1.0]))
    error = failed_warmup(start())
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert "Signature input alias: x" in error.message


def test_a_warmup_file_of_another_format(start, base, save_arithmetic, write_warmup):
    save_arithmetic(base / "1")
    write_warmup(base / "1")
    path = base / "1" / "assets.extra" / "tf_serving_warmup_requests"
    path.write_text("these are no records, though there is enough text for one")
    error = failed_warmup(start())
    assert error.code == grpc.StatusCode.DATA_LOSS
    assert error.message.endswith(
        "Please verify your warmup data is in TFRecord format."
    )


def test_warmup_records_that_are_no_requests(start, base, save_arithmetic):
    save_arithmetic(base / "1")
    path = base / "1" / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"\xff\xff\xff")
    error = failed_warmup(start())
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert error.message.startswith("Failed to parse warmup record")


def test_warmup_of_a_kind_that_is_not_served(start, base, save_arithmetic):
    save_arithmetic(base / "1")
    path = base / "1" / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir()
    log = prediction_log_pb2.PredictionLog()
    log.session_run_log.SetInParent()
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(log.SerializeToString())
    error = failed_warmup(start())
    assert error.code == grpc.StatusCode.UNIMPLEMENTED
    assert error.message == "Unsupported log_type for warmup: session_run_log"


def test_too_many_warmup_records(
    start, base, save_arithmetic, write_warmup, make_request
):
    save_arithmetic(base / "1")
    write_warmup(base / "1", *[make_request("any", x=[1.0])] * 1001)
    error = failed_warmup(start())
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
    assert "exceeds the maximum (1000)" in error.message


# Signatures with default values


def test_an_input_with_a_default_may_be_left_out(
    start, base, save_arithmetic, make_request
):
    save_arithmetic(base / "1")
    path = base / "1" / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    signature = saved.meta_graphs[0].signature_def["both"]
    signature.defaults["right"].CopyFrom(tf.make_tensor_proto([1.0, 2.0]))
    path.write_bytes(saved.SerializeToString())
    with start().lease(None) as version:
        response = version.loaded.predict(make_request("", "both", left=[5.0, 5.0]))
        assert list(response.outputs["sum"].float_val) == [6.0, 7.0]
        with pytest.raises(
            status.StatusError, match=r"alias: left.*input alias set: ri"
        ):
            version.loaded.predict(make_request("", "both", right=[5.0, 5.0]))
        with pytest.raises(
            status.StatusError, match=r"contains invalid name\. Used .*: l"
        ):
            version.loaded.predict(make_request("", "both", left=[1.0, 1.0], z=[1.0]))
