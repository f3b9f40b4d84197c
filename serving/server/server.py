"""The server: models, the threads that answer, and what they can be asked by."""

from serving.server.answers import Answers
from serving.server.batching import Batching
from serving.server.batching_parameters import BatchingParameters
from serving.server.grpc_endpoint import GrpcEndpoint, GrpcOptions
from serving.server.limits import Limits
from serving.server.memory import Memory
from serving.server.metrics import Metrics
from serving.server.models import Models
from serving.server.rest_endpoint import RestEndpoint, RestOptions
from serving.server.workers import Workers


class Server:
    """Serves models until it is stopped.

    Attributes:
        port: The gRPC port it listens on.
        rest_port: The port of the REST API; None where there is none.
    """

    def __init__(
        self,
        models: Models,
        grpc: GrpcOptions,
        rest: RestOptions | None,
        limits: Limits,
        batching: BatchingParameters | None = None,
    ):
        """Binds what it listens on.

        Args:
            models: What to serve; there may be none yet.
            grpc: Where to listen for gRPC.
            rest: Where to listen for REST; None for nowhere.
            limits: What to take on at once.
            batching: How to run requests jointly; None to run each by itself.

        Raises:
            OSError: If a port or a socket cannot be had.
        """
        self._models = models
        workers = Workers(limits)
        self._memory = Memory(workers)
        metrics = Metrics(models, lambda: workers.pending)
        joint = None
        if batching is not None:
            joint = Batching(batching, limits.max_request_samples, metrics.of_batches())
        answers = Answers(models, limits, metrics, joint)
        over_grpc = GrpcEndpoint(models, answers, workers, metrics, grpc)
        self._endpoints: list[GrpcEndpoint | RestEndpoint] = [over_grpc]
        self.port = over_grpc.port
        self.rest_port = None
        if rest is not None:
            over_rest = RestEndpoint(answers, workers, metrics, limits, rest)
            self._endpoints.append(over_rest)
            self.rest_port = over_rest.port
        models.listen(over_grpc.report)
        models.listen_to_loads(metrics.load)

    def start(self) -> None:
        """Answers from now on."""
        for endpoint in self._endpoints:
            endpoint.start()
        self._memory.start()

    def stop(self) -> None:
        """Takes no more requests, and answers those it has."""
        for endpoint in self._endpoints:
            endpoint.stop()
        for endpoint in self._endpoints:
            endpoint.wait()
        self._memory.stop()
        self._models.stop()
