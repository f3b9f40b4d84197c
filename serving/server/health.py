"""The gRPC health service: whether a model is available."""

from collections.abc import Callable, Iterable
from concurrent import futures

import grpc
from google.protobuf import descriptor
from grpc_health.v1 import health, health_pb2

# A server whose threads are all at work is not to be taken for a dead one.
_POOL = futures.ThreadPoolExecutor(1)


class HealthService(health.HealthServicer):
    """The health of the server and of each of its services, which are one and the same.

    Services go by their full names, as gRPC has it, and by the bare names that
    TensorFlow Serving uses.
    """

    def __init__(self, services: Iterable[descriptor.ServiceDescriptor]):
        super().__init__(experimental_thread_pool=_POOL)
        self._names = [health.OVERALL_HEALTH]
        for service in services:
            self._names += [service.name, service.full_name]
        self._watches: set[grpc.ServicerContext] = set()
        self.report(False)

    def report(self, available: bool) -> None:
        """Says from now on whether there is a model to ask."""
        statuses = health_pb2.HealthCheckResponse
        for name in self._names:
            self.set(name, statuses.SERVING if available else statuses.NOT_SERVING)

    def end_watches(self) -> None:
        """Ends the calls of those who watch, which would never end by themselves."""
        for context in list(self._watches):
            context.cancel()

    def Check(
        self, request: health_pb2.HealthCheckRequest, context: grpc.ServicerContext
    ) -> health_pb2.HealthCheckResponse:
        """Tells the health once."""
        return super().Check(request, context)

    Check.experimental_thread_pool = _POOL

    def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        context: grpc.ServicerContext,
        send_response_callback: Callable[[health_pb2.HealthCheckResponse], None],
    ) -> None:
        """Tells the health now and whenever it changes."""
        self._watches.add(context)
        context.add_callback(lambda: self._watches.discard(context))
        super().Watch(request, context, send_response_callback)
