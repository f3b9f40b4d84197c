"""Several models: which there are, their versions and labels, and changes of them."""

import functools
import threading
import time

import grpc
import httpx
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import get_model_status_pb2, model_management_pb2

from serving.server import model_config, status
from serving.server.grpc_endpoint import GrpcOptions
from serving.server.limits import Limits
from serving.server.model import Model
from serving.server.models import Config, Models
from serving.server.rest_endpoint import RestOptions
from serving.server.server import Server

CODES = grpc.StatusCode


@pytest.fixture
def bases(tmp_path, save_arithmetic):
    """Folders of two models: `a` has versions 1 to 3, which add 1 to 3; `b` adds 10."""
    for number in (1, 2, 3):
        save_arithmetic(tmp_path / "a" / str(number), b=float(number))
    save_arithmetic(tmp_path / "b" / "1", b=10.0)
    return tmp_path


@pytest.fixture
def models(tmp_path):
    made = Models(functools.partial(Model, poll_wait_seconds=0))
    yield made
    made.stop()


@pytest.fixture
def config(bases):
    def config(name, policy="", folder=None, **labels):
        made = Config(
            name=name,
            base_path=str(bases / (folder or name)),
            model_platform="tensorflow",
            version_labels=labels,
        )
        text_format.Parse(policy, made.model_version_policy)
        return made

    return config


def served_by(models):
    """{model: its AVAILABLE versions}"""
    return {
        name: [
            version.number
            for version in models.get(name).versions()
            if version.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
        ]
        for name in ("a", "b")
        if name in models
    }


def test_a_list_of_models(models, config):
    models.replace([config("a"), config("b")])
    assert served_by(models) == {"a": [3], "b": [1]}
    assert str(models) == "serving version 3 of 'a'; serving version 1 of 'b'"


@pytest.mark.parametrize(
    "policy, versions",
    [
        ("", [3]),
        ("latest {}", [3]),
        ("latest { num_versions: 2 }", [2, 3]),
        ("all {}", [1, 2, 3]),
        ("specific { versions: 1 versions: 3 versions: 9 }", [1, 3]),
        ("specific {}", []),
    ],
)
def test_policies(models, config, policy, versions):
    models.replace([config("a", "latest { num_versions: 2 }")])
    models.replace([config("a", policy)])
    assert served_by(models) == {"a": versions}


def test_without_a_version_in_the_request_the_newest_is_asked(models, config):
    models.replace([config("a", "all {}")])
    with models.get("a").lease(None) as version:
        assert version.number == 3
    with models.get("a").lease(2) as version:
        assert version.number == 2


def test_what_is_no_longer_listed_is_closed_by_its_last_user(models, config):
    models.replace([config("a"), config("b")])
    with models.get("a").lease(None) as version:
        models.replace([config("b")])
        assert served_by(models) == {"b": [1]}
        assert version.loaded is not None
    assert version.loaded is None
    models.replace([config("a"), config("b")])
    assert served_by(models) == {"a": [3], "b": [1]}


def test_another_folder_is_another_model(models, config):
    models.replace([config("a")])
    before = models.get("a")
    models.replace([config("a", folder="b")])
    assert models.get("a") is not before
    assert served_by(models) == {"a": [1]}
    models.replace([config("a", folder="b")])
    assert served_by(models) == {"a": [1]}


def changed(config, **fields):
    for name, value in fields.items():
        setattr(config, name, value)
    return config


@pytest.mark.parametrize(
    "fields, code, words",
    [
        (
            {"name": "a"},
            CODES.INVALID_ARGUMENT,
            "Illegal to list model a multiple times",
        ),
        (
            {"base_path": "b"},
            CODES.INVALID_ARGUMENT,
            r"Expected model b to have an absolute path or URI; got base_path\(\)=b",
        ),
        (
            {"base_path": "/nowhere/b"},
            CODES.INVALID_ARGUMENT,
            "base_path='/nowhere/b' of model b is not a folder",
        ),
        ({"model_platform": ""}, CODES.INVALID_ARGUMENT, "Illegal setting neither"),
        (
            {"model_platform": "torch"},
            CODES.INVALID_ARGUMENT,
            "model_platform='torch' of model b is not known; known: tensorflow",
        ),
    ],
)
def test_a_list_that_is_wrong_changes_nothing(models, config, fields, code, words):
    models.replace([config("a")])
    with pytest.raises(status.StatusError, match=words) as raised:
        models.replace([config("a", "all {}"), changed(config("b"), **fields)])
    assert raised.value.code == code
    assert served_by(models) == {"a": [3]}


def test_a_new_model_that_does_not_load(models, config, bases):
    (bases / "c").mkdir()
    with pytest.raises(status.StatusError, match=r"1 servable\(s\) did not become av"):
        models.replace([config("a"), config("c")])
    assert served_by(models) == {"a": [3]}


def test_health_is_that_of_all(models, config, bases):
    told = []
    models.listen(told.append)
    (bases / "c").mkdir()
    models.replace([config("a")])
    with pytest.raises(status.StatusError):
        models.replace([config("a"), config("c")])
    models.replace([config("a"), config("b")])
    models.replace([])
    assert told == [True, False, True, False]


# Labels


def test_a_label_of_a_version_that_is_served(models, config):
    every = "all {}"
    models.replace([config("a", every)])
    models.replace([config("a", every, stable=2, canary=3)])
    assert models.get("a").labels == {"stable": 2, "canary": 3}
    models.replace([config("a", every, stable=3)])
    assert models.get("a").labels == {"stable": 3}


@pytest.mark.parametrize("number", [1, 9])
def test_a_label_of_a_version_that_is_not(models, config, number):
    with pytest.raises(status.StatusError, match="Request to assign label to version"):
        models.replace([config("a", stable=3)])
    models.replace([config("a")])
    with pytest.raises(status.StatusError, match="not currently available") as raised:
        models.replace([config("a", stable=number)])
    assert raised.value.code == CODES.FAILED_PRECONDITION


def test_labels_of_what_is_not_there_yet_may_be_allowed(config):
    models = Models(functools.partial(Model, poll_wait_seconds=0), True)
    models.replace([config("a", stable=3)])
    assert models.get("a").labels == {"stable": 3}
    with pytest.raises(
        status.StatusError, match="Request to assign label to version 1"
    ):
        models.replace([config("a", stable=1)])
    models.replace([config("a", stable=3, old=1)])
    assert models.get("a").labels == {"stable": 3, "old": 1}
    models.stop()


# Over the wire


@pytest.fixture
def server(models):
    started = Server(models, GrpcOptions(port=0), RestOptions(port=0), Limits())
    started.start()
    yield started
    started.stop()


def test_a_reload_by_rpc(server, stubs_of, config, make_request):
    stubs = stubs_of(server.port)
    request = model_management_pb2.ReloadConfigRequest()
    listed = request.config.model_config_list.config
    listed.append(config("a", "all {}"))
    reply = stubs.model.HandleReloadConfigRequest(request)
    assert reply.HasField("status")
    assert reply.status.error_code == 0
    listed[0].version_labels["stable"] = 2
    listed.append(config("b"))
    stubs.model.HandleReloadConfigRequest(request)
    asked = make_request("a", x=[0.0])
    assert stubs.predict(asked).outputs["y"].float_val == [3.0]
    asked.model_spec.version_label = "stable"
    response = stubs.predict(asked)
    assert response.outputs["y"].float_val == [2.0]
    assert response.model_spec.version.value == 2
    assert stubs.predict(make_request("b", x=[0.0])).outputs["y"].float_val == [10.0]
    answer = httpx.post(
        f"http://localhost:{server.rest_port}/v1/models/a/labels/stable:predict",
        content='{"instances": [0.0]}',
    )
    assert answer.json() == {"predictions": [2.0]}


def test_a_reload_tells_how_counters_grew(server, stubs_of, config):
    reload = stubs_of(server.port).model.HandleReloadConfigRequest
    loads = "/tensorflow/cc/saved_model/load_attempt_count"
    names = [loads, ":tensorflow:serving:request_count", "/no/counter"]
    request = model_management_pb2.ReloadConfigRequest(metric_names=names)
    request.config.model_config_list.config.append(config("a", "all {}"))
    for loaded in (3, 0):
        grown = [(m.name, m.int64_value_increase) for m in reload(request).metric]
        assert grown == [(loads, loaded), (names[1], 0), (names[2], 0)]
    request.config.model_config_list.config.append(config("b"))
    assert reload(request).metric[0].int64_value_increase == 1


def test_reloads_that_are_refused(server, stubs_of, config):
    reload = stubs_of(server.port).model.HandleReloadConfigRequest
    request = model_management_pb2.ReloadConfigRequest()
    with pytest.raises(
        grpc.RpcError, match="Only ModelConfigList is currently"
    ) as told:
        reload(request)
    assert told.value.code() == CODES.INVALID_ARGUMENT
    request.config.model_config_list.config.extend([config("a"), config("a")])
    with pytest.raises(grpc.RpcError, match="Illegal to list model a multiple") as told:
        reload(request)
    assert told.value.code() == CODES.INVALID_ARGUMENT


def test_models_that_come_and_go_fail_no_request(
    server, stubs_of, config, models, make_request
):
    models.replace([config("a")])
    finished = threading.Event()
    answers, errors = [], []

    def ask():
        stubs = stubs_of(server.port)
        while not finished.is_set():
            try:
                answers.append(stubs.predict(make_request("a", x=[0.0])).outputs["y"])
            except grpc.RpcError as error:
                errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for policy in ("all {}", "specific { versions: 1 }", "latest {}") * 2:
        models.replace([config("a", policy), config("b")])
        models.replace([config("a", folder="b")])
        models.replace([config("a", policy)])
    finished.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(answers) > 10
    assert {answer.float_val[0] for answer in answers} <= {1.0, 2.0, 3.0, 10.0}


# The file


def write(path, *configs):
    listed = "".join(
        f"config {{ {text_format.MessageToString(config)} }}" for config in configs
    )
    path.write_text(f"model_config_list {{ {listed} }}")


def test_a_file_is_watched(models, config, tmp_path, caplog):
    path = tmp_path / "models.config"
    write(path, config("a"))
    model_config.serve(path, models)
    assert served_by(models) == {"a": [3]}
    stopped = threading.Event()
    watching = threading.Thread(
        target=model_config.watch, args=(path, 0.01, models, stopped)
    )
    watching.start()

    def becomes(expected):
        end = time.monotonic() + 30
        while served_by(models) != expected and time.monotonic() < end:
            time.sleep(0.01)
        return served_by(models) == expected

    time.sleep(0.2)
    write(path, config("a"), config("b"))
    assert becomes({"a": [3], "b": [1]})
    path.write_text("model_config_list { nonsense }")
    while "The models stay as they are" not in caplog.text:
        time.sleep(0.01)
    assert served_by(models) == {"a": [3], "b": [1]}
    write(path, config("b"))
    assert becomes({"b": [1]})
    stopped.set()
    watching.join()


@pytest.mark.parametrize(
    "text, words",
    [
        (
            "model_config_lists {}",
            r"model_config_file='.*': Error parsing text-format "
            r"tensorflow\.serving\.ModelServerConfig: .*model_config_lists",
        ),
        ("", "has no model_config_list; list the models in one"),
        (
            "model_config_list { config { name: 'a' base_path: '/a' } }",
            "Illegal setting neither",
        ),
    ],
)
def test_words_for_a_file_that_is_wrong(models, tmp_path, text, words):
    (tmp_path / "models.config").write_text(text)
    with pytest.raises(ValueError, match=words):
        model_config.serve(tmp_path / "models.config", models)


@pytest.mark.slow
def test_a_server_of_a_file(launch, config, tmp_path, make_request):
    path = tmp_path / "models.config"
    write(path, config("a", "latest { num_versions: 2 }"), config("b"))
    server = launch(
        f"--model_config_file={path}",
        "--model_config_file_poll_wait_seconds=1",
        "--port=0",
    )
    stubs = server.stubs()
    assert server.first_line == (
        f"Listening on port {stubs.port}: serving version 2 of 'a'; serving version 3 "
        "of 'a'; serving version 1 of 'b'.\n"
    )
    asked = make_request("a", x=[0.0])
    asked.model_spec.version.value = 2
    assert stubs.predict(asked).outputs["y"].float_val == [2.0]
    write(path, config("b"))
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            stubs.predict(asked)
        except grpc.RpcError as error:
            assert error.code() == CODES.NOT_FOUND
            break
    server.process.terminate()
    assert server.process.wait(60) == 0


@pytest.mark.slow
def test_mistakes_are_one_line(launch, config, tmp_path):
    wrong = tmp_path / "wrong.config"
    wrong.write_text("nonsense")
    twice = tmp_path / "twice.config"
    write(twice, config("a"), config("a"))
    for arguments, words in [
        (["--model_config_file", str(wrong)], "error: model_config_file='"),
        (["--model_config_file", str(twice)], "error: model_config_file='"),
        ([], "error: model_base_path=None and model_config_file=None: give exactly"),
    ]:
        server = launch(*arguments, "--port=0")
        stdout, stderr = server.process.communicate(timeout=120)
        assert server.process.returncode == 1
        assert stdout == ""
        assert stderr.splitlines()[-1].startswith(words)
        assert "Traceback" not in stderr
