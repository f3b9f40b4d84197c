"""The gRPC server: TensorFlow Serving's services, health and reflection on one port."""

import os
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from tensorflow_serving.apis import (
    model_service_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2,
    prediction_service_pb2_grpc,
)

from serving.server.health import HealthService
from serving.server.model import Model
from serving.server.model_service import ModelService
from serving.server.prediction_service import PredictionService

_SERVICES = (
    prediction_service_pb2.DESCRIPTOR.services_by_name["PredictionService"],
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"],
)
# Longer than any request; who cannot wait so long kills the process.
_DRAIN_SECONDS = 600.0


class Server:
    """Serves one model until it is stopped.

    Attributes:
        port: The port it listens on.
    """

    def __init__(self, model: Model, port: int, max_threads: int | None = None):
        """Binds the port.

        Args:
            model: What to serve.
            port: The port; 0 for a free one.
            max_threads: Requests that are worked on at once; four per CPU by default.

        Raises:
            OSError: If the port cannot be had.
        """
        self._model = model
        self._grpc = grpc.server(
            futures.ThreadPoolExecutor(max_threads or 4 * os.cpu_count()),
            options=[
                ("grpc.max_receive_message_length", 2**31 - 1),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),
            ],
        )
        models = {model.name: model}
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(models), self._grpc
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(models), self._grpc
        )
        self._health = HealthService(_SERVICES)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        model.listen(self._health.report)
        names = [service.full_name for service in _SERVICES]
        reflection.enable_server_reflection(
            [*names, health.SERVICE_NAME, reflection.SERVICE_NAME], self._grpc
        )
        self.port = self._bind(port)

    def start(self) -> None:
        """Answers from now on; loads the newest version, if there is one."""
        self._grpc.start()
        self._model.start()

    def stop(self) -> None:
        """Says that it is not healthy, takes no more requests, answers those it has."""
        self._health.enter_graceful_shutdown()
        drained = self._grpc.stop(_DRAIN_SECONDS)
        self._health.end_watches()
        drained.wait()
        self._model.stop()

    def _bind(self, port: int) -> int:
        try:
            return self._grpc.add_insecure_port(f"0.0.0.0:{port}")
        except RuntimeError as error:
            raise OSError(
                f"port={port} cannot be had; is it in use? Choose another, or 0 for "
                "any free one."
            ) from error
