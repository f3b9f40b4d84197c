"""Metrics, the unix socket, TLS, arguments of channels, and other services."""

import socket

import grpc
import httpx
import pytest
import trustme
from tensorflow_serving.apis import prediction_service_pb2_grpc

CODES = grpc.StatusCode


@pytest.fixture
def half_plus_two(models_dir):
    """Flags of a server of this one model."""
    return (
        f"--model_base_path={models_dir / 'half_plus_two'}",
        "--model_name=half_plus_two",
        "--port=0",
    )


def ask(channel, asked):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    return stub.Predict(asked, wait_for_ready=True, timeout=60).outputs["y"].float_val


def test_prometheus_endpoint(server):
    server.predict("half_plus_two", x=[2.0])
    page = server.rest.get("/monitoring/prometheus/metrics")
    assert page.status_code == 200
    assert "# TYPE " in page.text
    for name in ("request_count", "request_latency", "runtime_latency"):
        assert f":tensorflow:serving:{name}" in page.text
    assert 'model_name="half_plus_two"' in page.text


def test_requests_are_counted(server):
    def count():
        page = server.rest.get("/monitoring/prometheus/metrics").text
        (value,) = (
            float(line.rpartition(" ")[2])
            for line in page.splitlines()
            if line.startswith(":tensorflow:serving:request_count{")
            and 'model_name="half_plus_three"' in line
            and 'status="OK"' in line
        )
        return value

    server.predict("half_plus_three", x=[2.0])
    before = count()
    for _ in range(3):
        server.predict("half_plus_three", x=[2.0])
    assert count() == before + 3


@pytest.mark.slow
def test_predict_uds(restarted, half_plus_two, tmp_path, make_request):
    path = tmp_path / "socket"
    restarted(*half_plus_two, f"--grpc_socket_path={path}").stubs()
    with grpc.insecure_channel(f"unix:{path}") as channel:
        assert ask(channel, make_request("half_plus_two", x=[2.0])) == [3.0]


@pytest.mark.slow
def test_predict_batching(restarted, half_plus_two, tmp_path, make_request):
    parameters = tmp_path / "batching.config"
    parameters.write_text(
        "max_batch_size { value: 8 } batch_timeout_micros { value: 200000 } "
        "num_batch_threads { value: 1 }"
    )
    arguments = ("--enable_batching", f"--batching_parameters_file={parameters}")
    stubs = restarted(*half_plus_two, *arguments).stubs()
    asked = [make_request("half_plus_two", x=[float(x)]) for x in range(4)]
    calls = [stubs.predict.future(one, timeout=60) for one in asked]
    found = [list(call.result().outputs["y"].float_val) for call in calls]
    assert found == [[2.0], [2.5], [3.0], [3.5]]


@pytest.mark.slow
def test_cors_rest(restarted, half_plus_two):
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    flags = (f"--rest_api_port={port}", "--rest_api_enable_cors_support")
    restarted(*half_plus_two, *flags).stubs()
    url = f"http://localhost:{port}/v1/models/half_plus_two"
    answer = httpx.get(url, headers={"Origin": "https://example.com"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.slow
def test_good_grpc_channel_args(restarted, half_plus_two, make_request):
    arguments = "grpc.max_receive_message_length=999,grpc.lb_policy_name=round_robin"
    server = restarted(*half_plus_two, f"--grpc_channel_arguments={arguments}")
    stubs = server.stubs()
    asked = make_request("half_plus_two", x=[2.0])
    assert stubs.predict(asked).outputs["y"].float_val == [3.0]
    with pytest.raises(grpc.RpcError) as raised:
        stubs.predict(make_request("half_plus_two", x=[2.0] * 999))
    assert raised.value.code() == CODES.RESOURCE_EXHAUSTED


@pytest.mark.slow
def test_bad_grpc_channel_args(restarted, half_plus_two):
    server = restarted(*half_plus_two, "--grpc_channel_arguments=nonsense")
    _, stderr = server.process.communicate(timeout=120)
    assert server.process.returncode == 1
    assert stderr.splitlines()[-1].startswith(
        "error: grpc_channel_arguments='nonsense' is not name=value"
    )


@pytest.mark.slow
def test_ssl_config(restarted, half_plus_two, tmp_path, make_request):
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    key = issued.private_key_pem.bytes().decode()
    certificate = issued.cert_chain_pems[0].bytes().decode()
    config = tmp_path / "ssl.config"
    config.write_text(f"server_key: {key!r}\nserver_cert: {certificate!r}\n")
    stubs = restarted(*half_plus_two, f"--ssl_config_file={config}").stubs()
    asked = make_request("half_plus_two", x=[2.0])
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    with grpc.secure_channel(stubs.address, credentials) as channel:
        assert ask(channel, asked) == [3.0]
    with pytest.raises(grpc.RpcError) as raised:
        stubs.predict(asked)
    assert raised.value.code() == CODES.UNAVAILABLE


def test_profiler_service_with_valid_trace_request(server):
    """The stock server has TensorFlow's profiler; ours says that it has not."""
    profile = server.channel.unary_unary("/tensorflow.ProfilerService/Profile")
    code = CODES.OK
    try:
        profile(b"", timeout=30)
    except grpc.RpcError as error:
        code = error.code()
    assert (code == CODES.UNIMPLEMENTED) == server.is_ours


def test_session_service_is_not_served(server):
    run = server.channel.unary_unary("/tensorflow.serving.SessionService/SessionRun")
    with pytest.raises(grpc.RpcError) as raised:
        run(b"", timeout=30)
    assert raised.value.code() == CODES.UNIMPLEMENTED
