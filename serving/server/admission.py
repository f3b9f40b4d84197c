"""Refusal of gRPC requests beyond the bound or at the end, before they are read."""

import time
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

# At the end: how long nobody has to ask until nobody asks any more, and how long to
# wait for that.
_QUIET_SECONDS = 0.1
_MOST_LEAVING_SECONDS = 2.0


class Admission(grpc.ServerInterceptor):
    """Lets requests pass while there is room for them."""

    def __init__(self, workers: Workers, metrics: Metrics):
        self._workers = workers
        self._leaving = False
        self._last_request = float("-inf")

        def refuse(requests: object, context: grpc.ServicerContext) -> None:
            error = _leaving() if self._leaving else workers.refusal()
            # Its model is in the message.
            metrics.count("", error.code)
            with status.abort_on_error(context):
                raise error

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
        if not handler_call_details.method.startswith(_BOUNDED):
            return continuation(handler_call_details)
        self._last_request = time.monotonic()
        if self._leaving or self._workers.full:
            return self._refusal
        return continuation(handler_call_details)

    def leave(self) -> None:
        """Refuses whatever comes, and returns when nothing does for a moment.

        A server of gRPC that stops cancels the requests that it has not handed on yet.
        Clients take that for a decision of their own; what is UNAVAILABLE they try
        again, elsewhere.
        """
        self._leaving = True
        end = time.monotonic() + _MOST_LEAVING_SECONDS
        while time.monotonic() < min(end, self._last_request + _QUIET_SECONDS):
            time.sleep(_QUIET_SECONDS / 10)


def _leaving() -> status.StatusError:
    return status.StatusError(
        grpc.StatusCode.UNAVAILABLE, "The server ends, and takes no more requests."
    )
