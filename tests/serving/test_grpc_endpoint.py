"""Where the server listens: a port, a unix socket, with and without TLS."""

import socket

import grpc
import pytest
import trustme
from google.protobuf import text_format
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.server import channel_arguments, config_file, credentials
from serving.server.grpc_endpoint import GrpcOptions
from serving.server.limits import Limits
from serving.server.model import Model
from serving.server.models import Models
from serving.server.server import Server

LOCALHOST = "localhost"


@pytest.fixture
def listen(tmp_path, save_arithmetic):
    """Starts servers of the arithmetic model that are stopped after the test."""
    started = []
    save_arithmetic(tmp_path / "models" / "1")

    def listen(**options):
        model = Model("toys", tmp_path / "models", poll_wait_seconds=0)
        models = Models(Model)
        server = Server(models, GrpcOptions(0, **options), None, Limits())
        started.append(server)
        server.start()
        models.add(model)
        return server

    (tmp_path / "models").mkdir(exist_ok=True)
    yield listen
    for server in started:
        server.stop()


def answer(channel, request):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    with channel:
        return list(stub.Predict(request, timeout=30).outputs["y"].float_val)


def test_a_unix_socket(tmp_path, listen, make_request):
    path = tmp_path / "grpc"
    server = listen(socket_path=path)
    request = make_request("toys", x=[1.0])
    for address in (f"unix:{path}", f"localhost:{server.port}"):
        assert answer(grpc.insecure_channel(address), request) == [2.5]


def test_a_socket_of_a_server_that_was_killed_is_replaced(
    tmp_path, listen, make_request
):
    path = tmp_path / "grpc"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    listen(socket_path=path)
    channel = grpc.insecure_channel(f"unix:{path}")
    assert answer(channel, make_request("toys", x=[1.0])) == [2.5]


def test_a_socket_that_cannot_be_had(tmp_path, listen):
    with pytest.raises(OSError, match=r"grpc_socket_path='.*/nowhere/s' cannot be had"):
        listen(socket_path=tmp_path / "nowhere" / "s")


@pytest.mark.parametrize(
    "text, options",
    [
        ("", {}),
        ("grpc.max_connection_age_ms=2000", {"grpc.max_connection_age_ms": 2000}),
        ("a=-1,b=c", {"a": -1, "b": "c"}),
        ("a==b,", {"a": "=b"}),
    ],
)
def test_arguments_of_channels(text, options):
    assert channel_arguments.parse(text) == options


@pytest.mark.parametrize("text", ["nonsense", "a=1,b", "a=", "=1"])
def test_words_for_arguments_that_are_none(text):
    with pytest.raises(ValueError, match="is not name=value; give such pairs"):
        channel_arguments.parse(text)


def test_arguments_of_channels_reach_grpc(listen, make_request):
    arguments = {"grpc.max_receive_message_length": 999}
    server = listen(channel_arguments=arguments)
    channel = grpc.insecure_channel(f"localhost:{server.port}")
    with pytest.raises(grpc.RpcError) as raised:
        answer(channel, make_request("toys", x=[1.0] * 999))
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def config(authority):
    issued = authority.issue_cert(LOCALHOST)
    return config_file.SSLConfig(
        server_key=issued.private_key_pem.bytes().decode(),
        server_cert=issued.cert_chain_pems[0].bytes().decode(),
    )


@pytest.fixture
def write(tmp_path):
    def write(config):
        path = tmp_path / "ssl.config"
        path.write_text(text_format.MessageToString(config))
        return path

    return write


def channel_to(server, authority, issued=None):
    """An encrypted channel, of a client that shows a certificate or none."""
    keys = (
        issued and issued.private_key_pem.bytes(),
        issued and issued.cert_chain_pems[0].bytes(),
    )
    trusted = authority.cert_pem.bytes()
    return grpc.secure_channel(
        f"{LOCALHOST}:{server.port}", grpc.ssl_channel_credentials(trusted, *keys)
    )


def refused(channel, request):
    with pytest.raises(grpc.RpcError) as raised:
        answer(channel, request)
    return raised.value.code() == grpc.StatusCode.UNAVAILABLE


def test_tls(listen, authority, config, write, make_request):
    server = listen(credentials=credentials.read(write(config)))
    request = make_request("toys", x=[1.0])
    assert answer(channel_to(server, authority), request) == [2.5]
    assert refused(channel_to(server, trustme.CA()), request)
    assert refused(grpc.insecure_channel(f"{LOCALHOST}:{server.port}"), request)


def test_tls_of_clients_that_have_to_show_who_they_are(
    listen, authority, config, write, make_request
):
    mutual = config_file.SSLConfig()
    mutual.CopyFrom(config)
    mutual.client_verify = True
    mutual.custom_ca = authority.cert_pem.bytes().decode()
    server = listen(credentials=credentials.read(write(mutual)))
    request = make_request("toys", x=[1.0])
    known = authority.issue_cert("client")
    assert answer(channel_to(server, authority, known), request) == [2.5]
    assert refused(channel_to(server, authority), request)


def test_words_for_keys_that_are_none(listen, write):
    junk = config_file.SSLConfig(server_key="a", server_cert="b")
    with pytest.raises(OSError, match="is it in use, or is the PEM text of"):
        listen(credentials=credentials.read(write(junk)))


@pytest.mark.parametrize(
    "text, words",
    [
        (
            "server_keys: 'a'",
            "ssl_config_file='.*': Error parsing text-format tensorflow.serving."
            "SSLConfig: .*server_keys",
        ),
        ("server_key: 'a'", "ssl_config_file='.*' lacks server_cert; give it as PEM"),
        (
            "server_key: 'a' server_cert: 'b' client_verify: true",
            "lacks custom_ca; give it as PEM text",
        ),
    ],
)
def test_words_for_a_file_that_is_no_config(tmp_path, text, words):
    path = tmp_path / "ssl.config"
    path.write_text(text)
    with pytest.raises(ValueError, match=words):
        credentials.read(path)
