"""The server and the translator as processes, as a user runs them."""

import signal
import socket
import subprocess
import sys
import threading

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving import client
from serving.server.model import Model
from tf_mt.audio import files

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def watch_health(stubs):
    request = health_pb2.HealthCheckRequest()
    return health_pb2_grpc.HealthStub(stubs.channel).Watch(request, timeout=120)


@pytest.mark.slow
def test_sigterm_answers_what_was_asked(
    tmp_path, save_arithmetic, launch, make_request
):
    save_arithmetic(tmp_path / "3")
    server = launch(f"--model_base_path={tmp_path}", "--model_name=toys", "--port=0")
    stubs = server.stubs()
    assert server.first_line == (
        f"Listening on port {stubs.port}: serving version 3 of 'toys'.\n"
    )
    health = watch_health(stubs)
    assert next(health).status == SERVING
    under_way = stubs.predict.future(make_request("toys", "wait", seconds=3.0))
    assert stubs.predict(make_request("toys", x=[1.0])).outputs["y"].float_val == [2.5]

    server.process.send_signal(signal.SIGTERM)

    assert next(health).status == NOT_SERVING
    with pytest.raises(grpc.RpcError):
        next(health)
    with pytest.raises(grpc.RpcError) as refused:
        stubs.predict(make_request("toys", x=[1.0]))
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert under_way.result(timeout=60).outputs["turns"].int_val[0] > 0
    assert server.process.wait(60) == 0


@pytest.mark.slow
def test_a_base_path_without_a_version_is_waited_for(
    tmp_path, save_arithmetic, launch, make_request
):
    server = launch(f"--model_base_path={tmp_path}", "--model_name=toys", "--port=0")
    stubs = server.stubs()
    assert f"no version of 'toys' in '{tmp_path}' yet" in server.first_line
    health = watch_health(stubs)
    assert next(health).status == NOT_SERVING
    save_arithmetic(tmp_path / "1")
    assert next(health).status == SERVING
    assert stubs.predict(make_request("toys", x=[1.0])).model_spec.version.value == 1
    health.cancel()


@pytest.mark.slow
def test_mistakes_are_one_line(tmp_path, launch):
    missing = launch(f"--model_base_path={tmp_path}/nowhere", "--port=0")
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        busy = launch(f"--model_base_path={tmp_path}", f"--port={port}")
        for server, words in [
            (missing, f"error: model_base_path='{tmp_path}/nowhere' is not a folder"),
            (busy, f"error: port={port} cannot be had; is it in use?"),
        ]:
            stdout, stderr = server.process.communicate(timeout=120)
            assert server.process.returncode == 1
            assert stdout == ""
            assert stderr.splitlines()[-1].startswith(words)
            assert "Traceback" not in stderr


def test_new_versions_under_load_fail_no_request(
    tmp_path, save_translator, served, write_warmup
):
    base = tmp_path / "base"
    base.mkdir()
    save_translator(base / "1", {"any": 1.0})
    last = 4
    model = Model("toys", base, poll_wait_seconds=0.02)
    finished = threading.Event()
    errors, gains = [], [[], [], []]

    def ask(seen, address):
        audio = np.ones([1, 8], np.float32)
        with client.Client(address, "toys") as connected:
            # Retries would hide what is looked for.
            connected._send = lambda request: connected._predict(request, timeout=60)
            while not finished.is_set():
                try:
                    seen.append(connected.translate(audio, "any")[0, 0])
                except Exception as error:
                    errors.append(error)
                    return

    with served(model) as stubs:
        threads = [
            threading.Thread(target=ask, args=(seen, stubs.address)) for seen in gains
        ]
        for thread in threads:
            thread.start()
        for number in range(2, last + 1):
            save_translator(base / str(number), {"any": float(number)})
        while threads[0].is_alive() and not all(last in seen for seen in gains):
            finished.wait(0.01)
        finished.set()
        for thread in threads:
            thread.join()
    assert errors == []
    for seen in gains:
        assert seen[0] == 1.0 and seen[-1] == last
        assert seen == sorted(seen)


# serving.translate


def run_translate(stubs, *arguments, model="translator", domain="cello"):
    return subprocess.run(
        [
            *(sys.executable, "-m", "serving.translate"),
            f"--server={stubs.address}",
            f"--model={model}",
            f"--domain={domain}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_translate_a_file(tmp_path, translator):
    audio = 0.4 * np.sin(np.arange(50_000, dtype=np.float32))
    files.write(tmp_path / "in.wav", audio, 16000)
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    done = run_translate(translator, f"--input={source}", f"--output={target}")
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    np.testing.assert_allclose(files.read(target, 16000), 2 * audio, atol=1e-4)


def test_translate_a_folder_with_a_file_that_is_no_audio(tmp_path, translator):
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "suite").mkdir(parents=True)
    audio = 0.4 * np.sin(np.arange(10_000, dtype=np.float32))
    files.write(source / "suite" / "b.wav", audio, 16000)
    (source / "a.wav").write_text("no audio")
    done = run_translate(translator, f"--input={source}", f"--output={target}")
    assert done.returncode == 1
    assert f"error: path='{source}/a.wav': cannot be read as audio" in done.stderr
    assert "Traceback" not in done.stderr
    written = [path for path in target.rglob("*") if path.is_file()]
    assert written == [target / "suite" / "b.wav"]
    assert files.duration_seconds(written[0]) == 10_000 / 16000


@pytest.mark.parametrize(
    "options, words",
    [
        ({"domain": "celo"}, "domain='celo' is not known; did you mean 'cello'?"),
        ({"model": "other"}, "model='other' is not served by"),
    ],
)
def test_translate_mistakes_are_one_line(tmp_path, translator, options, words):
    arguments = f"--input={tmp_path}", f"--output={tmp_path}/out"
    done = run_translate(translator, *arguments, **options)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {words}")
