"""The gRPC side: TensorFlow Serving's services, health and reflection on one port."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    model_service_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2,
    prediction_service_pb2_grpc,
)

from serving.server.admission import Admission
from serving.server.answers import Answers
from serving.server.health import HealthService
from serving.server.metrics import Metrics
from serving.server.model_service import ModelService
from serving.server.models import Models
from serving.server.parsing import Parsing
from serving.server.prediction_service import PredictionService
from serving.server.workers import Workers

_SERVICES = (
    prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"],
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"],
)
# Longer than any request; who cannot wait so long kills the process.
_DRAIN_SECONDS = 600.0
_CHANNEL_ARGUMENTS = {
    "grpc.max_receive_message_length": 2**31 - 1,
    "grpc.max_send_message_length": -1,
    "grpc.so_reuseport": 0,
}


@dataclasses.dataclass(frozen=True)
class GrpcOptions:
    """Where the services can be reached.

    Attributes:
        port: The TCP port; 0 for a free one.
        socket_path: A unix socket to listen on as well.
        credentials: The keys of TLS; without them nothing is encrypted.
        channel_arguments: Options of gRPC, in the place of ours where we have them.
    """

    port: int
    socket_path: Path | None = None
    credentials: grpc.ServerCredentials | None = None
    channel_arguments: Mapping[str, int | str] = dataclasses.field(default_factory=dict)


class GrpcEndpoint:
    """Listens for requests over gRPC.

    Attributes:
        port: The port it listens on.
    """

    def __init__(
        self,
        models: Models,
        answers: Answers,
        workers: Workers,
        metrics: Metrics,
        options: GrpcOptions,
    ):
        """Binds the port and the socket.

        Raises:
            OSError: If one of them cannot be had.
        """
        self._credentials = options.credentials
        self._admission = Admission(workers, metrics)
        self._grpc = grpc.server(
            workers,
            interceptors=[self._admission, Parsing(metrics)],
            options=list({**_CHANNEL_ARGUMENTS, **options.channel_arguments}.items()),
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(answers, metrics), self._grpc
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(answers, models, metrics), self._grpc
        )
        self._health = HealthService(_SERVICES)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        names = [service.full_name for service in _SERVICES]
        reflection.enable_server_reflection(
            [*names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._grpc
        )
        self.port = self._bind(
            f"0.0.0.0:{options.port}",
            f"port={options.port} cannot be had; is it in use"
            f"{self._doubt_of_keys()}? Choose another, or 0 for any free one.",
        )
        if options.socket_path is not None:
            path = options.socket_path
            self._bind(
                f"unix:{path}",
                f"grpc_socket_path={str(path)!r} cannot be had; is its folder there, "
                "and its name short?",
            )

    def start(self) -> None:
        """Answers from now on."""
        self._grpc.start()

    def report(self, available: bool) -> None:
        """Says from now on whether there is a model to ask."""
        self._health.report(available)

    def stop(self) -> None:
        """Says that it is not healthy, and takes no more requests."""
        self._health.enter_graceful_shutdown()
        self._admission.leave()
        self._drained = self._grpc.stop(_DRAIN_SECONDS)
        self._health.end_watches()

    def wait(self) -> None:
        """Waits, once it is stopped, until what it was asked is answered."""
        self._drained.wait()

    def _doubt_of_keys(self) -> str:
        # gRPC finds them wrong when it binds, and does not say so.
        if self._credentials is None:
            return ""
        return ", or is the PEM text of ssl_config_file damaged"

    def _bind(self, address: str, refusal: str) -> int:
        try:
            if self._credentials is None:
                return self._grpc.add_insecure_port(address)
            return self._grpc.add_secure_port(address, self._credentials)
        except RuntimeError as error:
            raise OSError(refusal) from error
