"""Lists of models, their replacement, new versions, and the states of versions."""

import signal
import time

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from tests.serving.conformance import models

CODES = grpc.StatusCode
State = get_model_status_pb2.ModelVersionStatus
WAIT_SECONDS = 60


def write(path, *entries):
    """Writes a list of models, whole or not at all."""
    listed = model_management_pb2.ReloadConfigRequest().config
    listed.model_config_list.config.extend(entries)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(text_format.MessageToString(listed))
    unfinished.rename(path)


def becomes(expected, look):
    """Whether a look shows in time what is expected; a refused one shows its code."""
    end = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < end:
        try:
            seen = look()
        except grpc.RpcError as error:
            seen = error.code()
        if seen == expected:
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def reload(server):
    """Asks the server for a list of models; the first list comes back in the end."""

    def reload(*entries):
        asked = model_management_pb2.ReloadConfigRequest()
        asked.config.model_config_list.config.extend(entries)
        return server.model.HandleReloadConfigRequest(asked)

    yield reload
    # A label may name only what is available, so it comes after its version.
    first = models.config(server.models_dir).model_config_list.config
    without = [models.model(each.name, each.base_path) for each in first]
    for bare, entry in zip(without, first, strict=True):
        bare.model_version_policy.CopyFrom(entry.model_version_policy)
    reload(*without)
    reload(*first)


# Lists that are given at the start


def test_good_model_config(server):
    assert server.predict("half_plus_two", x=[2.0])["y"] == [3.0]
    assert server.predict("half_plus_three", x=[2.0])["y"] == [4.0]


@pytest.mark.slow
def test_bad_model_config(restarted, tmp_path):
    config = tmp_path / "bad.config"
    config.write_text("nonsense")
    process = restarted(f"--model_config_file={config}", "--port=0").process
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Error parsing text-format tensorflow.serving.ModelServerConfig" in stderr


@pytest.mark.slow
def test_model_config_reload(restarted, models_dir, tmp_path, make_request):
    config = tmp_path / "models.config"
    two, three = (
        models.model(name, models_dir / name)
        for name in ("half_plus_two", "half_plus_three")
    )
    write(config, two)
    stubs = restarted(
        f"--model_config_file={config}",
        "--model_config_file_poll_wait_seconds=1",
        "--port=0",
    ).stubs()

    def ask(name):
        outputs = stubs.predict(make_request(name, x=[2.0])).outputs
        return outputs["y"].float_val[0]

    assert ask("half_plus_two") == 3.0
    write(config, three)
    assert becomes(4.0, lambda: ask("half_plus_three"))
    assert becomes(CODES.NOT_FOUND, lambda: ask("half_plus_two"))
    config.write_text("nonsense")
    time.sleep(2)
    assert ask("half_plus_three") == 4.0


@pytest.mark.slow
def test_model_config_reload_with_zero_poll_period(
    restarted, models_dir, tmp_path, make_request
):
    config = tmp_path / "models.config"
    write(config, models.model("half_plus_two", models_dir / "half_plus_two"))
    server = restarted(
        f"--model_config_file={config}",
        "--model_config_file_poll_wait_seconds=0",
        "--port=0",
    )
    stubs = server.stubs()
    write(config, models.model("half_plus_three", models_dir / "half_plus_three"))
    time.sleep(2)
    assert stubs.predict(make_request("half_plus_two", x=[2.0])).outputs
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0


# Lists that are given later


def test_good_reload(server, reload, make_request, refusal):
    folder = server.models_dir / "half_plus_two"
    reply = reload(models.model("again", folder))
    assert reply.status.error_code == 0
    assert server.predict("again", x=[2.0])["y"] == [3.0]
    code, _ = refusal(server.prediction.Predict, make_request("labelled", x=[2.0]))
    assert code == CODES.NOT_FOUND


@pytest.mark.parametrize(
    "change, words",
    [
        ({"name": "twice"}, "Illegal to list model twice multiple times"),
        ({"base_path": "relative"}, "to have an absolute path or URI"),
        ({"model_platform": ""}, "Illegal setting neither"),
    ],
)
def test_bad_reload(server, reload, change, words):
    folder = server.models_dir / "half_plus_two"
    entries = [models.model(name, folder) for name in ("twice", "other")]
    for field, value in change.items():
        setattr(entries[1], field, value)
    with pytest.raises(grpc.RpcError) as raised:
        reload(*entries)
    assert raised.value.code() == CODES.INVALID_ARGUMENT
    assert words in raised.value.details()
    assert server.predict("half_plus_three", x=[2.0])["y"] == [4.0]


def test_reload_without_a_list(server, refusal):
    asked = model_management_pb2.ReloadConfigRequest()
    code, _ = refusal(server.model.HandleReloadConfigRequest, asked)
    assert code == CODES.INVALID_ARGUMENT


def test_reload_of_labels(server, reload, make_request):
    entry = models.config(server.models_dir).model_config_list.config[2]
    entry.version_labels["stable"] = 2
    assert reload(entry).status.error_code == 0
    asked = make_request("labelled", x=[0.0])
    asked.model_spec.version_label = "stable"
    assert server.prediction.Predict(asked).outputs["y"].float_val == [2.0]
    entry.version_labels["stable"] = 9
    with pytest.raises(grpc.RpcError, match="Request to assign label to ver") as raised:
        reload(entry)
    assert raised.value.code() == CODES.FAILED_PRECONDITION


# Versions


def test_new_version(server):
    base = server.models_dir / "swapped"
    number = 1 + max(int(path.name) for path in base.iterdir() if path.name.isdecimal())
    models.write_half_plus(base / str(number), float(number))
    assert becomes([number], lambda: server.predict("swapped", x=[0.0])["y"].tolist())


def status_of(server, name, version=None):
    asked = get_model_status_pb2.GetModelStatusRequest()
    asked.model_spec.name = name
    if version is not None:
        asked.model_spec.version.value = version
    return server.model.GetModelStatus(asked).model_version_status


@pytest.mark.parametrize("version", [None, models.VERSION])
def test_get_model_status(server, version):
    (told,) = status_of(server, "half_plus_two", version)
    assert told.version == models.VERSION
    assert told.state == State.AVAILABLE
    assert told.status.error_code == 0
    assert told.status.error_message == ""


def test_get_model_status_of_all_versions(server):
    told = status_of(server, "labelled")
    assert {each.version: each.state for each in told} == {
        1: State.AVAILABLE,
        2: State.AVAILABLE,
    }


@pytest.mark.parametrize(
    "name, version, words",
    [
        ("nothing", None, "Could not find any versions of model nothing"),
        ("half_plus_two", 9, "Could not find version 9 of model half_plus_two"),
    ],
)
def test_bad_get_model_status(server, name, version, words):
    with pytest.raises(grpc.RpcError, match=words) as raised:
        status_of(server, name, version)
    assert raised.value.code() == CODES.NOT_FOUND


@pytest.mark.slow
def test_bad_model(restarted, tmp_path, make_request):
    """A version whose variables are missing: nothing is served, and it is said why."""
    models.write_half_plus(tmp_path / "1", 1.0)
    for path in (tmp_path / "1" / "variables").iterdir():
        path.unlink()
    stubs = restarted(f"--model_base_path={tmp_path}", "--port=0").stubs()
    with pytest.raises(grpc.RpcError) as raised:
        stubs.predict(make_request("default", x=[2.0]))
    assert raised.value.code() == CODES.NOT_FOUND
    asked = get_model_status_pb2.GetModelStatusRequest()
    asked.model_spec.name = "default"
    (told,) = stubs.model.GetModelStatus(asked).model_version_status
    assert told.state != State.AVAILABLE
    assert told.status.error_code != 0
