"""The server and the translator as processes, as a user runs them."""

import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent import futures

import grpc
import httpx
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving import client, proto, retries, tensors
from serving.server.batching_parameters import BatchingParameters
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
def test_sigterm_answers_what_was_asked_over_rest(tmp_path, save_arithmetic, launch):
    save_arithmetic(tmp_path / "3")
    config = tmp_path / "monitoring.config"
    config.write_text("prometheus_config { enable: true path: '/metrics' }")
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    server = launch(
        f"--model_base_path={tmp_path}",
        "--model_name=toys",
        "--port=0",
        f"--rest_api_port={port}",
        f"--monitoring_config_file={config}",
    )
    server.stubs()
    assert f"REST on port {port}: serving version 3" in server.first_line
    url = f"http://localhost:{port}/v1/models/toys"
    assert httpx.get(url).json()["model_version_status"][0]["state"] == "AVAILABLE"
    metrics = httpx.get(f"http://localhost:{port}/metrics").text
    assert ':request_count{model_name="toys",status="OK"} 1.0' in metrics
    with futures.ThreadPoolExecutor() as pool:
        body = '{"signature_name": "wait", "inputs": 3.0}'
        asked = pool.submit(httpx.post, f"{url}:predict", content=body, timeout=60)
        time.sleep(1.0)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(1.0)
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)
        assert asked.result().json()["outputs"] > 0
    assert server.process.wait(60) == 0


@pytest.mark.slow
def test_sigterm_answers_what_waits_for_a_batch(
    tmp_path, save_arithmetic, launch, make_request
):
    save_arithmetic(tmp_path / "3")
    parameters = tmp_path / "batching.config"
    parameters.write_text(
        "max_batch_size { value: 100 } batch_timeout_micros { value: 3000000 }"
    )
    server = launch(
        f"--model_base_path={tmp_path}",
        "--model_name=toys",
        "--port=0",
        "--enable_batching",
        f"--batching_parameters_file={parameters}",
    )
    stubs = server.stubs()
    asked = [stubs.predict.future(make_request("toys", x=[float(n)])) for n in range(3)]
    time.sleep(1.0)
    assert not any(call.done() for call in asked)
    server.process.send_signal(signal.SIGTERM)
    answers = [call.result(timeout=60).outputs["y"].float_val[0] for call in asked]
    assert answers == [2.0, 2.5, 3.0]
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
        rest = f"--rest_api_port={port}"
        busy_rest = launch(f"--model_base_path={tmp_path}", "--port=0", rest)
        config = tmp_path / "monitoring.config"
        config.write_text("prometheus_config { enable: true }")
        no_rest = launch(
            f"--model_base_path={tmp_path}", f"--monitoring_config_file={config}"
        )
        unused = tmp_path / "batching.config"
        no_batching = launch(
            f"--model_base_path={tmp_path}", f"--batching_parameters_file={unused}"
        )
        for server, words in [
            (no_batching, f"error: batching_parameters_file='{unused}' needs --enab"),
            (missing, f"error: model_base_path='{tmp_path}/nowhere' is not a folder"),
            (busy, f"error: port={port} cannot be had; is it in use?"),
            (busy_rest, f"error: rest_api_port={port} cannot be had; is it in use?"),
            (no_rest, f"error: monitoring_config_file='{config}': metrics are served"),
        ]:
            stdout, stderr = server.process.communicate(timeout=120)
            assert server.process.returncode == 1
            assert stdout == ""
            assert stderr.splitlines()[-1].startswith(words)
            assert "Traceback" not in stderr


@pytest.mark.parametrize("batching", [None, BatchingParameters()])
def test_new_versions_under_load_fail_no_request(
    tmp_path, save_translator, served, monkeypatch, batching
):
    # Retries would hide what is looked for.
    monkeypatch.setattr(retries, "RETRY_SECONDS", ())
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
            while not finished.is_set():
                try:
                    seen.append(connected.translate(audio, "any")[0, 0])
                except Exception as error:
                    errors.append(error)
                    return

    with served(model, batching=batching) as stubs:
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


def translate_command(address, *arguments, model="translator"):
    return [
        *(sys.executable, "-m", "serving.translate"),
        f"--server={address}",
        f"--model={model}",
        *arguments,
    ]


def run_translate(stubs, *arguments, model="translator"):
    return subprocess.run(
        translate_command(stubs.address, *arguments, model=model),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_translate_a_file(tmp_path, translator):
    audio = 0.4 * np.sin(np.arange(50_000, dtype=np.float32))
    files.write(tmp_path / "in.wav", audio, 16000)
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    paths = f"--input={source}", f"--output={target}"
    done = run_translate(translator, "--domain=cello", *paths)
    assert done.returncode == 0, done.stderr
    assert "100%" in done.stderr
    np.testing.assert_allclose(files.read(target, 16000), 2 * audio, atol=1e-4)


def test_transfer_from_a_reference(tmp_path, translator):
    audio = 0.4 * np.sin(np.arange(50_000, dtype=np.float32))
    files.write(tmp_path / "in.wav", audio, 16000)
    # The model uses 800 samples; what comes after them is louder.
    reference = np.repeat(np.float32([0.5, 0.9]), [800, 16000])
    files.write(tmp_path / "reference.wav", reference, 16000)
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    done = run_translate(
        translator,
        f"--reference={tmp_path / 'reference.wav'}",
        f"--input={source}",
        f"--output={target}",
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(files.read(target, 16000), 0.5 * audio, atol=1e-4)


def test_translate_a_folder_with_a_file_that_is_no_audio(tmp_path, translator):
    source, target = tmp_path / "in", tmp_path / "out"
    (source / "suite").mkdir(parents=True)
    audio = 0.4 * np.sin(np.arange(10_000, dtype=np.float32))
    files.write(source / "suite" / "b.wav", audio, 16000)
    (source / "a.wav").write_text("no audio")
    paths = f"--input={source}", f"--output={target}"
    done = run_translate(translator, "--domain=cello", *paths)
    assert done.returncode == 1
    assert f"error: path='{source}/a.wav': cannot be read as audio" in done.stderr
    assert "Traceback" not in done.stderr
    written = [path for path in target.rglob("*") if path.is_file()]
    assert written == [target / "suite" / "b.wav"]
    assert files.duration_seconds(written[0]) == 10_000 / 16000


@pytest.mark.parametrize(
    "options, model, words",
    [
        (
            ["--domain=celo"],
            "translator",
            "domain='celo' is not known; did you mean 'cello'?",
        ),
        (["--domain=cello"], "other", "model='other' is not served by"),
        (["--reference=/no/clip.wav"], "translator", "path='/no/clip.wav': no such"),
        (
            [],
            "translator",
            "domain=None and reference=None: give exactly one of --domain and",
        ),
        (
            ["--domain=cello", "--reference=a.wav"],
            "translator",
            "domain='cello' and reference='a.wav': give exactly one of --domain and",
        ),
    ],
)
def test_translate_mistakes_are_one_line(tmp_path, translator, options, model, words):
    paths = f"--input={tmp_path}", f"--output={tmp_path}/out"
    done = run_translate(translator, *options, *paths, model=model)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: {words}")


def test_a_model_that_cannot_transfer_is_told_in_one_line(tmp_path, no_transfer):
    paths = f"--input={tmp_path}", f"--output={tmp_path}/out"
    done = run_translate(no_transfer, "--reference=any.wav", *paths)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: reference: the model cannot transfer from a clip")


class Stuck(grpc.GenericRpcHandler):
    """Tells what the model is, and then never answers."""

    def __init__(self):
        self.waiting = threading.Semaphore(0)
        self.cancelled = threading.Semaphore(0)

    def service(self, handler_call_details):
        return grpc.unary_unary_rpc_method_handler(
            self.answer,
            request_deserializer=proto.PredictRequest.FromString,
            response_serializer=proto.PredictResponse.SerializeToString,
        )

    def answer(self, request, context):
        if request.model_spec.signature_name == "info":
            told = {
                "domains": np.array([b"cello"], object),
                "sample_rate": np.array(16000),
                "window_samples": np.array(4000),
                "overlap_samples": np.array(400),
            }
            response = proto.PredictResponse()
            for key, value in told.items():
                tensors.write_values(value, response.outputs.add(key=key).value)
            return response
        left = threading.Event()
        assert context.add_callback(left.set)
        self.waiting.release()
        assert left.wait(120)
        self.cancelled.release()
        return proto.PredictResponse()


def test_an_interrupt_ends_the_translator_and_its_requests(tmp_path):
    script = Stuck()
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[script])
    port = server.add_insecure_port("localhost:0")
    server.start()
    files.write(tmp_path / "in.wav", np.full(50_000, 0.1, np.float32), 16000)
    paths = f"--input={tmp_path}/in.wav", f"--output={tmp_path}/out.wav"
    command = translate_command(f"localhost:{port}", "--domain=cello", *paths)
    process = subprocess.Popen(
        # Tests that run in the background inherit that interrupts are ignored.
        ["env", "--default-signal=INT", *command],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for _ in range(4):
            assert script.waiting.acquire(timeout=60)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=10)
        for _ in range(4):
            assert script.cancelled.acquire(timeout=10)
    finally:
        process.kill()
        process.communicate()
        server.stop(None)
    assert process.returncode == 130
    assert "interrupted" in stderr
    assert "Traceback" not in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.wav"]
