"""The server that the cases ask: ours, or the one that --server names."""

import pathlib
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.conformance import models

_READY_SECONDS = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("conformance")
    group.addoption("--server", help="HOST:PORT of gRPC, of another server than ours.")
    group.addoption("--rest", help="HOST:PORT of its REST API.")
    group.addoption("--models_dir", help="The folder that it reads, made by models.py.")


class Served:
    """A server to ask.

    Attributes:
        is_ours: Whether it is the embedded server.
        models_dir: The folder that it reads its models from.
        channel: The connection over gRPC.
        prediction: Its PredictionService.
        model: Its ModelService.
        rest: An HTTP client of its REST API.
    """

    def __init__(
        self, address: str, rest_address: str, models_dir: pathlib.Path, is_ours: bool
    ):
        self.is_ours = is_ours
        self.models_dir = models_dir
        self.channel = grpc.insecure_channel(address)
        grpc.channel_ready_future(self.channel).result(_READY_SECONDS)
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(
            self.channel
        )
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.rest = httpx.Client(
            base_url=f"http://{rest_address}", timeout=60, trust_env=False
        )

    def predict(self, name: str, signature: str = "", **inputs) -> dict:
        """The arrays that a signature of a model gives for some numbers."""
        response = self.prediction.Predict(_request(name, signature, **inputs))
        return {
            alias: tf.make_ndarray(tensor) for alias, tensor in response.outputs.items()
        }

    def close(self) -> None:
        self.channel.close()
        self.rest.close()


def _request(name: str, signature: str = "", **inputs) -> predict_pb2.PredictRequest:
    """A request; what is not text is float32."""
    made = predict_pb2.PredictRequest()
    made.model_spec.name = name
    made.model_spec.signature_name = signature
    for alias, value in inputs.items():
        if not isinstance(value, np.ndarray):
            value = np.array(value, np.float32)
        made.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return made


@pytest.fixture(scope="session")
def make_request() -> Callable[..., predict_pb2.PredictRequest]:
    return _request


@pytest.fixture(scope="session")
def models_dir(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    given = pytestconfig.getoption("--models_dir", default=None)
    if given:
        return pathlib.Path(given).resolve()
    made = tmp_path_factory.mktemp("models")
    models.write_all(made)
    return made


@pytest.fixture(scope="session")
def server(
    pytestconfig: pytest.Config,
    models_dir: pathlib.Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """All models, labels and metrics behind one server."""
    address = pytestconfig.getoption("--server", default=None)
    if address:
        rest_address = pytestconfig.getoption("--rest")
        served = Served(address, rest_address, models_dir, is_ours=False)
        yield served
        served.close()
        return
    log = tmp_path_factory.mktemp("log") / "stderr.txt"
    arguments = [
        f"--model_config_file={models_dir / models.MODELS_CONFIG}",
        f"--monitoring_config_file={models_dir / models.MONITORING_CONFIG}",
        "--allow_version_labels_for_unavailable_models",
        "--port=0",
        f"--rest_api_port={_free_port()}",
    ]
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "serving.server", *arguments],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        first_line = process.stdout.readline()
        ports = re.search(r"on port (\d+), REST on port (\d+)", first_line)
        assert ports, log.read_text()
        addresses = [f"localhost:{port}" for port in ports.groups()]
        served = Served(*addresses, models_dir, is_ours=True)
        yield served
        served.close()
        process.terminate()
        process.wait(60)


def _free_port() -> int:
    with socket.create_server(("localhost", 0)) as free:
        return free.getsockname()[1]


@pytest.fixture
def restarted(pytestconfig: pytest.Config, launch: Callable) -> Callable:
    """Starts a server of ours with other flags; with --server there is none."""
    if pytestconfig.getoption("--server", default=None):
        pytest.skip("needs a server with other flags; --server names one that runs")
    return launch


@pytest.fixture
def refusal() -> Callable[..., tuple[grpc.StatusCode, str]]:
    """Makes the code and the words of a call that has to fail."""

    def refusal(call: Callable, asked) -> tuple[grpc.StatusCode, str]:
        with pytest.raises(grpc.RpcError) as raised:
            call(asked)
        return raised.value.code(), raised.value.details()

    return refusal
