"""Errors of the server, as gRPC codes and messages."""

import contextlib
from collections.abc import Iterator

import grpc
import tensorflow as tf

_MESSAGE_LIMIT = 1024
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class StatusError(Exception):
    """An error that is told to the client.

    Attributes:
        code: The code of gRPC, which is also TensorFlow's.
        message: What is wrong.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


def invalid_argument(message: str) -> StatusError:
    """The most frequent one: the request is wrong."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


def from_error(error: Exception) -> StatusError:
    """Any error as one that can be told; those of TensorFlow keep code and message."""
    if isinstance(error, StatusError):
        return error
    if not isinstance(error, tf.errors.OpError):
        return StatusError(grpc.StatusCode.UNKNOWN, str(error))
    # The session prefixes what the runtime said with where Python built the node.
    said = error.__context__
    message = said.message if isinstance(said, tf.errors.OpError) else error.message
    return StatusError(_CODES[error.error_code], message)


def not_found(model: str, version: int | None) -> StatusError:
    """The answer to a request for a model or a version that is not served."""
    wanted = f"Latest({model})" if version is None else f"Specific({model}, {version})"
    return StatusError(
        grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {wanted}"
    )


def expired() -> StatusError:
    """The answer to a request that waited for its run beyond its deadline."""
    return StatusError(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "Run() timeout exceeded while waiting in batching queue",
    )


def left() -> StatusError:
    """The answer that nobody waits for."""
    return StatusError(grpc.StatusCode.CANCELLED, "The client has left.")


@contextlib.contextmanager
def abort_on_error(context: grpc.ServicerContext) -> Iterator[None]:
    """Ends the call with the code and the message of a `StatusError` raised within."""
    try:
        yield
    except StatusError as error:
        message = error.message
        if len(message) > _MESSAGE_LIMIT:
            message = f"{message[:_MESSAGE_LIMIT]}...TRUNCATED"
        context.abort(error.code, message)
