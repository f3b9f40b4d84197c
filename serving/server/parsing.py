"""Refusal of gRPC requests whose bytes are no message."""

import dataclasses
from collections.abc import Callable

import grpc
from google.protobuf import message

from serving.server import status
from serving.server.metrics import Metrics

# Health and reflection are not TensorFlow Serving's, and stay as gRPC has them.
_OURS = "/tensorflow.serving."


@dataclasses.dataclass(frozen=True)
class _Unreadable:
    """What stands in the place of a request that cannot be read."""

    reason: str


class Parsing(grpc.ServerInterceptor):
    """Tells clients whose requests cannot be read that the fault is theirs.

    gRPC itself calls it INTERNAL, as if the server had failed.
    """

    def __init__(self, metrics: Metrics):
        self._metrics = metrics

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Gives a handler to which no bytes are unreadable."""
        handler = continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith(_OURS):
            return handler

        def read(data: bytes) -> object:
            try:
                return handler.request_deserializer(data)
            except message.DecodeError as error:
                return _Unreadable(str(error))

        def answer(request: object, context: grpc.ServicerContext) -> object:
            if not isinstance(request, _Unreadable):
                return handler.unary_unary(request, context)
            # Its model is in the message.
            self._metrics.count("", grpc.StatusCode.INVALID_ARGUMENT)
            with status.abort_on_error(context):
                raise status.invalid_argument(request.reason)

        return grpc.unary_unary_rpc_method_handler(
            answer, read, handler.response_serializer
        )
