"""The server: one model, the threads that answer, and what they can be asked by."""

from serving.server.answers import Answers
from serving.server.grpc_endpoint import GrpcEndpoint, GrpcOptions
from serving.server.limits import Limits
from serving.server.model import Model
from serving.server.workers import Workers


class Server:
    """Serves one model until it is stopped.

    Attributes:
        port: The gRPC port it listens on.
    """

    def __init__(self, model: Model, options: GrpcOptions, limits: Limits):
        """Binds what it listens on.

        Args:
            model: What to serve.
            options: Where to listen for gRPC.
            limits: What to take on at once.

        Raises:
            OSError: If a port or a socket cannot be had.
        """
        self._model = model
        answers = Answers({model.name: model}, limits)
        workers = Workers(limits)
        self._grpc = GrpcEndpoint(answers, workers, options)
        self.port = self._grpc.port
        model.listen(self._grpc.report)

    def start(self) -> None:
        """Answers from now on; loads the newest version, if there is one."""
        self._grpc.start()
        self._model.start()

    def stop(self) -> None:
        """Takes no more requests, and answers those it has."""
        self._grpc.stop()
        self._grpc.wait()
        self._model.stop()
