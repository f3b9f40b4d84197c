"""What goes wrong around servers: ends under load, half-copied versions, full disks."""

import http.client
import itertools
import pathlib
import shutil
import signal
import socket
import tempfile
import threading
import time

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_status_pb2

from serving.server.model import Model
from serving.server.rest_endpoint import RestOptions
from tf_mt.audio import files

State = get_model_status_pb2.ModelVersionStatus
WAIT_SECONDS = 60


# Ends


class Diary(tf.Module):
    """Writes down what it has run, before it answers."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def run(self, x):
        written = tf.print(x, summarize=-1, output_stream=f"file://{self.path}")
        with tf.control_dependencies([written]):
            return {"x": tf.identity(x)}

    def read(self):
        """The numbers that have been run."""
        lines = pathlib.Path(self.path).read_text().splitlines()
        return {float(line.strip("[]")) for line in lines}


@pytest.fixture
def diary(tmp_path):
    made = Diary(str(tmp_path / "diary.txt"))
    folder = str(tmp_path / "diary" / "1")
    tf.saved_model.save(made, folder, signatures={"serving_default": made.run})
    return made


@pytest.mark.slow
def test_sigterm_under_load_answers_what_was_taken(
    tmp_path, diary, launch, make_request
):
    with socket.create_server(("localhost", 0)) as free:
        rest_port = free.getsockname()[1]
    server = launch(
        f"--model_base_path={tmp_path / 'diary'}",
        "--model_name=diary",
        "--port=0",
        f"--rest_api_port={rest_port}",
    )
    stubs = server.stubs()
    numbers, answered, failed = itertools.count(), [], []
    loaded = threading.Event()

    def over_grpc(number):
        return stubs.predict(make_request("diary", x=[number])).outputs["x"].float_val

    def over_rest(number):
        url = f"http://localhost:{rest_port}/v1/models/diary:predict"
        answer = httpx.post(url, content=f'{{"instances": [{number}.0]}}', timeout=60)
        return answer.json()["predictions"]

    def ask(call):
        for number in numbers:
            try:
                assert list(call(number)) == [number]
            except (grpc.RpcError, httpx.HTTPError, AssertionError) as error:
                failed.append(error)
                return
            answered.append(float(number))
            if number > 200:
                loaded.set()

    calls = (over_grpc,) * 4 + (over_rest,) * 2
    threads = [threading.Thread(target=ask, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    assert loaded.wait(WAIT_SECONDS)
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(WAIT_SECONDS)
    assert server.process.wait(WAIT_SECONDS) == 0
    assert diary.read() == set(answered)
    # Each client ends with a request that was not taken.
    assert len(failed) == len(calls)
    for error in failed:
        if isinstance(error, grpc.RpcError):
            assert error.code() == grpc.StatusCode.UNAVAILABLE
        else:
            assert isinstance(error, httpx.TransportError)


@pytest.mark.slow
def test_sigterm_answers_what_waits_for_a_thread(
    tmp_path, save_arithmetic, launch, make_request
):
    save_arithmetic(tmp_path / "toys" / "1")
    config = tmp_path / "monitoring.config"
    config.write_text("prometheus_config { enable: true path: '/metrics' }")
    with socket.create_server(("localhost", 0)) as free:
        rest_port = free.getsockname()[1]
    server = launch(
        f"--model_base_path={tmp_path / 'toys'}",
        "--model_name=toys",
        "--port=0",
        f"--rest_api_port={rest_port}",
        f"--monitoring_config_file={config}",
        "--grpc_max_threads=1",
    )
    stubs = server.stubs()
    count = 20
    asked = [
        stubs.predict.future(make_request("toys", "wait", seconds=0.2))
        for _ in range(count)
    ]
    most, end = 0, time.monotonic() + WAIT_SECONDS
    while most < count - 5 and time.monotonic() < end:
        page = httpx.get(f"http://localhost:{rest_port}/metrics").text
        (pending,) = (
            float(line.rpartition(" ")[2])
            for line in page.splitlines()
            if line.startswith(":tf_mt:serving:pending_requests ")
        )
        most = max(most, pending)
    assert most >= count - 5
    server.process.send_signal(signal.SIGTERM)
    for each in asked:
        assert each.result(timeout=WAIT_SECONDS).outputs["turns"].int_val[0] > 0
    assert server.process.wait(WAIT_SECONDS) == 0


# Half-copied versions


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_variables(version):
    shutil.rmtree(version / "variables")


def without_their_index(version):
    (version / "variables" / "variables.index").unlink()


def without_their_data(version):
    (version / "variables" / "variables.data-00000-of-00001").unlink()


def with_half_their_data(version):
    cut(version / "variables" / "variables.data-00000-of-00001")


def without_a_graph(version):
    (version / "saved_model.pb").unlink()


def with_half_a_graph(version):
    cut(version / "saved_model.pb")


def with_an_empty_graph(version):
    (version / "saved_model.pb").write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [
        without_variables,
        without_their_index,
        without_their_data,
        with_half_their_data,
        without_a_graph,
        with_half_a_graph,
        with_an_empty_graph,
    ],
    ids=lambda damage: damage.__name__,
)
def test_the_old_version_stays_until_the_new_one_is_whole(
    tmp_path, save_arithmetic, served, make_request, damage
):
    """As where a disk is full, or a copy is under way."""
    base, whole = tmp_path / "base", tmp_path / "whole"
    base.mkdir()
    save_arithmetic(base / "1", b=1.0)
    save_arithmetic(whole, b=2.0)
    model = Model("toys", base, poll_wait_seconds=0, load_retry_interval_seconds=0)
    asked = make_request("toys", x=[0.0])
    with served(model) as stubs:
        shutil.copytree(whole, tmp_path / "half")
        damage(tmp_path / "half")
        (tmp_path / "half").rename(base / "2")
        for _ in range(3):
            model.poll()
            assert stubs.predict(asked).outputs["y"].float_val == [1.0]
        first, second = model.versions()
        assert first.state == State.AVAILABLE
        assert second.state == State.LOADING
        assert second.error.code != grpc.StatusCode.OK
        assert second.error.message
        # The copy goes on in the same folder.
        shutil.copytree(whole, base / "2", dirs_exist_ok=True)
        model.poll()
        response = stubs.predict(asked)
        assert response.outputs["y"].float_val == [2.0]
        assert response.model_spec.version.value == 2


# Full disks


def test_a_full_disk_is_told_and_over(tmp_path, save_translator, served, monkeypatch):
    """Audio files lie in the folder for temporary ones; here it has no room for one."""
    save_translator(tmp_path / "1", {"flute": 0.5})
    files.write(tmp_path / "in.wav", np.full(2000, 0.5, np.float32), 16000)
    audio = (tmp_path / "in.wav").read_bytes()
    directory = tempfile.TemporaryDirectory
    is_full = threading.Event()

    def make(*arguments, **named):
        made = directory(*arguments, **named)
        if is_full.is_set():
            pathlib.Path(made.name, "body.wav").symlink_to("/dev/full")
        return made

    monkeypatch.setattr(tempfile, "TemporaryDirectory", make)
    model = Model("translator", tmp_path, poll_wait_seconds=0)
    with served(model, RestOptions(port=0)) as stubs:
        url = f"{stubs.rest_address}/v1/models/translator/translate?domain=flute"
        is_full.set()
        answer = httpx.post(url, content=audio, timeout=60)
        assert answer.status_code == http.client.INTERNAL_SERVER_ERROR
        assert "No space left on device" in answer.json()["error"]
        is_full.clear()
        answer = httpx.post(url, content=audio, timeout=60)
        assert answer.status_code == http.client.OK
        (tmp_path / "out.wav").write_bytes(answer.content)
    heard = files.read(tmp_path / "out.wav", 16000)
    np.testing.assert_allclose(heard, np.full(2000, 0.25), atol=1e-3)
