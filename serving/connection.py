"""Predict requests to a server: sent, retried where that may help, cancelled."""

import ipaddress
import random
import time
from collections.abc import Iterable
from concurrent import futures

import grpc
import numpy as np

from serving import proto, tensors

# Pauses before the retries of a request.
RETRY_SECONDS = (0.25, 0.5, 1.0, 2.0)

_OPTIONS = (
    # By default gRPC refuses answers above 4 MiB: 65 s of audio at 16 kHz.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A lost server is looked for at the pace of the retries.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
_WITHOUT_PROXY = ("grpc.enable_http_proxy", 0)
_REFUSALS = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


class Connection:
    """A connection to one model of a server; any number of threads may use it at once.

    Args:
        server: Address of the server, HOST:PORT; nothing is sent before `start`.
        model: Name of the model there.
        deadline_seconds: How long one request may take, retries included.

    Raises:
        ValueError: The address has no port.
    """

    def __init__(self, server: str, model: str, deadline_seconds: float):
        if not server.rpartition(":")[2].isdecimal():
            raise ValueError(f"server={server!r} must be HOST:PORT.")
        self._server = server
        self._model = model
        self._deadline_seconds = deadline_seconds
        self._channel = grpc.insecure_channel(server, _options(server))
        self._predict = self._channel.unary_unary(
            proto.PREDICT,
            request_serializer=proto.PredictRequest.SerializeToString,
            response_deserializer=proto.PredictResponse.FromString,
        )
        # An interrupt is raised in the main thread. Were it raised while gRPC starts a
        # call, gRPC would miscount its calls and wait for ever when it is closed.
        self._sender = futures.ThreadPoolExecutor(1)

    def close(self) -> None:
        """Closes the connection; requests in flight are cancelled."""
        self._sender.shutdown()
        self._channel.close()

    def start(
        self,
        signature: str,
        inputs: dict[str, np.ndarray],
        output_filter: Iterable[str] = (),
    ) -> "Call":
        """Sends a request without waiting for its answer.

        Args:
            signature: Name of the signature to run.
            inputs: Its inputs: numbers, or arrays of `bytes` objects.
            output_filter: Names of the outputs to return; all if empty.
        """
        request = proto.PredictRequest(output_filter=output_filter)
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        for alias, array in inputs.items():
            tensors.write_content(array, request.inputs.add(key=alias).value)
        return Call(self, request)

    def send(
        self, request: proto.PredictRequest, timeout_seconds: float
    ) -> grpc.Future:
        """Sends a request once."""
        sent = self._sender.submit(
            self._predict.future, request, timeout=timeout_seconds
        )
        try:
            return sent.result()
        except KeyboardInterrupt:
            sent.add_done_callback(lambda sent: sent.result().cancel())
            raise

    def deadline(self) -> float:
        """When a request sent now must have been answered, by the monotonic clock."""
        return time.monotonic() + self._deadline_seconds

    def explained(self, error: grpc.RpcError) -> Exception:
        """The exception for a caller to get in the place of gRPC's."""
        code, details = error.code(), error.details()
        if code is grpc.StatusCode.UNAVAILABLE:
            return ConnectionError(
                f"server={self._server!r} does not answer; is it running? ({details})"
            )
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return TimeoutError(
                f"server={self._server!r} has not answered within "
                f"deadline_seconds={self._deadline_seconds:g}; allow it more time."
            )
        if code is grpc.StatusCode.NOT_FOUND:
            return ValueError(
                f"model={self._model!r} is not served by {self._server}, or not yet; "
                f"check its name and the server's log. ({details})"
            )
        if code is grpc.StatusCode.FAILED_PRECONDITION and "signature key" in details:
            return ValueError(
                f"model={self._model!r} cannot answer that; export it again with "
                f"`python -m tf_mt.export`. ({details})"
            )
        if code in _REFUSALS and not _may_pass(error):
            return ValueError(f"server={self._server!r} refuses: {details}")
        return OSError(f"server={self._server!r} failed: {code.name}: {details}")


class Call:
    """A request in flight."""

    def __init__(self, connection: Connection, request: proto.PredictRequest):
        self._connection = connection
        self._request = request
        self._deadline = connection.deadline()
        self._send()

    def _send(self) -> None:
        remaining = self._deadline - time.monotonic()
        self._future = self._connection.send(self._request, remaining)

    def result(self) -> dict[str, np.ndarray]:
        """Waits for the answer and returns its outputs by name; see `answer`."""
        outputs = self.answer().outputs
        return {named.key: tensors.to_array(named.value) for named in outputs}

    def answer(self) -> proto.PredictResponse:
        """Waits for the answer; if waiting is interrupted, the request is cancelled.

        Raises:
            ConnectionError: No server answers.
            TimeoutError: The deadline has passed.
            ValueError: The server refuses the request, whenever it is made.
            OSError: The server failed.
        """
        pauses = iter(RETRY_SECONDS)
        try:
            while True:
                try:
                    return self._future.result()
                except grpc.RpcError as error:
                    # Clients that failed together should not come back together.
                    pause = next(pauses, np.inf) * random.uniform(0.5, 1.0)
                    late = time.monotonic() + pause > self._deadline
                    if late or not _may_pass(error):
                        raise self._connection.explained(error) from error
                time.sleep(pause)
                self._send()
        finally:
            # The server need not compute what an interrupt left unread.
            self.cancel()

    def cancel(self) -> None:
        """Tells the server that nobody waits any more; nothing if it has answered."""
        self._future.cancel()


def _options(server: str) -> tuple[tuple[str, int], ...]:
    """A proxy of the environment is for other machines: it cannot reach this one."""
    return (*_OPTIONS, _WITHOUT_PROXY) if _is_here(server) else _OPTIONS


def _is_here(server: str) -> bool:
    host = server.rpartition(":")[0].strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    return address.is_loopback or address.is_unspecified


def _may_pass(error: grpc.RpcError) -> bool:
    """Whether the same request may succeed a little later."""
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        # gRPC's words for a message that is too large, which it will always be.
        return "message larger than max" not in error.details()
    return error.code() is grpc.StatusCode.UNAVAILABLE
