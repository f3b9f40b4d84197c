"""Predict requests to a server: sent, retried where that may help, cancelled."""

import time
from collections.abc import Iterable
from concurrent import futures

import grpc
import numpy as np

from serving import address, asking, failures, proto
from serving.retries import Retries


class Connection:
    """A connection to one model of a server; any number of threads may use it at once.

    Args:
        server: Address of the server, HOST:PORT or unix:PATH; nothing is sent before
            `start`.
        model: Name of the model there.
        deadline_seconds: How long one request may take, retries included.
        credentials: For TLS; None for a connection that is not encrypted.

    Raises:
        ValueError: The address has no port.
    """

    def __init__(
        self,
        server: str,
        model: str,
        deadline_seconds: float,
        credentials: grpc.ChannelCredentials | None = None,
    ):
        address.check(server)
        self._server = server
        self._model = model
        self._deadline_seconds = deadline_seconds
        options = address.options(server)
        self._channel = (
            grpc.insecure_channel(server, options)
            if credentials is None
            else grpc.secure_channel(server, credentials, options)
        )
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
        """Sends a request without waiting for its answer; see `asking.Request`."""
        request = asking.Request(signature, inputs, tuple(output_filter))
        return Call(self, request.message(self._model), self._deadline_seconds)

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

    def explained(self, error: grpc.RpcError) -> Exception:
        """The exception for a caller to get in the place of gRPC's."""
        return failures.explained(
            error, self._server, self._model, self._deadline_seconds
        )


class Call:
    """A request in flight."""

    def __init__(
        self,
        connection: Connection,
        request: proto.PredictRequest,
        deadline_seconds: float,
    ):
        self._connection = connection
        self._request = request
        self._retries = Retries(deadline_seconds)
        self._send()

    def _send(self) -> None:
        remaining = self._retries.remaining_seconds()
        self._future = self._connection.send(self._request, remaining)

    def result(self) -> dict[str, np.ndarray]:
        """Waits for the answer and returns its outputs by name; see `answer`."""
        return asking.outputs(self.answer())

    def answer(self) -> proto.PredictResponse:
        """Waits for the answer; if waiting is interrupted, the request is cancelled.

        Raises:
            ConnectionError: No server answers.
            TimeoutError: The deadline has passed.
            ValueError: The server refuses the request, whenever it is made.
            OSError: The server failed.
        """
        try:
            while True:
                try:
                    return self._future.result()
                except grpc.RpcError as error:
                    pause = self._retries.pause_seconds(error)
                    if pause is None:
                        raise self._connection.explained(error) from error
                time.sleep(pause)
                self._send()
        finally:
            # The server need not compute what an interrupt left unread.
            self.cancel()

    def cancel(self) -> None:
        """Tells the server that nobody waits any more; nothing if it has answered."""
        self._future.cancel()
