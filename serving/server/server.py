"""The server: one model, the threads that answer, and what they can be asked by."""

from serving.server.answers import Answers
from serving.server.grpc_endpoint import GrpcEndpoint, GrpcOptions
from serving.server.limits import Limits
from serving.server.metrics import Metrics
from serving.server.model import Model
from serving.server.rest_endpoint import RestEndpoint, RestOptions
from serving.server.workers import Workers


class Server:
    """Serves one model until it is stopped.

    Attributes:
        port: The gRPC port it listens on.
        rest_port: The port of the REST API; None where there is none.
    """

    def __init__(
        self,
        model: Model,
        grpc: GrpcOptions,
        rest: RestOptions | None,
        limits: Limits,
    ):
        """Binds what it listens on.

        Args:
            model: What to serve.
            grpc: Where to listen for gRPC.
            rest: Where to listen for REST; None for nowhere.
            limits: What to take on at once.

        Raises:
            OSError: If a port or a socket cannot be had.
        """
        self._model = model
        workers = Workers(limits)
        metrics = Metrics([model.name], lambda: workers.pending)
        answers = Answers({model.name: model}, limits, metrics)
        over_grpc = GrpcEndpoint(answers, workers, metrics, grpc)
        self._endpoints: list[GrpcEndpoint | RestEndpoint] = [over_grpc]
        self.port = over_grpc.port
        self.rest_port = None
        if rest is not None:
            over_rest = RestEndpoint(answers, workers, metrics, limits, rest)
            self._endpoints.append(over_rest)
            self.rest_port = over_rest.port
        model.listen(over_grpc.report)
        model.listen_to_loads(metrics.load)

    def start(self) -> None:
        """Answers from now on; loads the newest version, if there is one."""
        for endpoint in self._endpoints:
            endpoint.start()
        self._model.start()

    def stop(self) -> None:
        """Takes no more requests, and answers those it has."""
        for endpoint in self._endpoints:
            endpoint.stop()
        for endpoint in self._endpoints:
            endpoint.wait()
        self._model.stop()
