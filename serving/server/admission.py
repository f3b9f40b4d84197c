"""Refusal of gRPC requests beyond the bound, before any of them is read."""

from collections.abc import Callable
from concurrent import futures

import grpc

from serving.server import status
from serving.server.metrics import Metrics
from serving.server.workers import Workers

# Health and reflection are told however much there is to do.
_BOUNDED = "/tensorflow.serving."

# The other threads are at work; these have only to say so.
_POOL = futures.ThreadPoolExecutor(1)


class Admission(grpc.ServerInterceptor):
    """Lets requests pass while there is room for them."""

    def __init__(self, workers: Workers, metrics: Metrics):
        self._workers = workers

        def refuse(requests: object, context: grpc.ServicerContext) -> None:
            # Its model is in the message.
            metrics.count("", grpc.StatusCode.RESOURCE_EXHAUSTED)
            with status.abort_on_error(context):
                raise workers.refusal()

        refuse.experimental_thread_pool = _POOL
        # gRPC reads the one message of a unary request before it calls a handler, but
        # of a stream none.
        self._refusal = grpc.stream_unary_rpc_method_handler(refuse)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Chooses what handles a request."""
        bounded = handler_call_details.method.startswith(_BOUNDED)
        if bounded and self._workers.full:
            return self._refusal
        return continuation(handler_call_details)
