"""Predict requests to a server from an event loop: retried, cancelled."""

import asyncio

import grpc

from serving import address, asking, failures, proto
from serving.retries import Retries


class AsyncConnection:
    """A connection to one model of a server; belongs to the event loop that made it.

    Args:
        server: Address of the server, HOST:PORT or unix:PATH; nothing is sent before
            `ask`.
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
        credentials: grpc.ChannelCredentials | None,
    ):
        address.check(server)
        self._server = server
        self._model = model
        self._deadline_seconds = deadline_seconds
        options = address.options(server)
        self._channel = (
            grpc.aio.insecure_channel(server, options)
            if credentials is None
            else grpc.aio.secure_channel(server, credentials, options)
        )
        self._predict = self._channel.unary_unary(
            proto.PREDICT,
            request_serializer=proto.PredictRequest.SerializeToString,
            response_deserializer=proto.PredictResponse.FromString,
        )

    async def close(self) -> None:
        """Closes the connection; requests in flight are cancelled."""
        await self._channel.close()

    async def ask(self, request: asking.Request) -> proto.PredictResponse:
        """Waits for the answer; if waiting is cancelled, the request is.

        Raises:
            ConnectionError: No server answers.
            TimeoutError: The deadline has passed.
            ValueError: The server refuses the request, whenever it is made.
            OSError: The server failed.
        """
        message = request.message(self._model)
        retries = Retries(self._deadline_seconds)
        while True:
            remaining = retries.remaining_seconds()
            try:
                return await self._predict(message, timeout=remaining)
            except grpc.RpcError as error:
                pause = retries.pause_seconds(error)
                if pause is None:
                    raise failures.explained(
                        error, self._server, self._model, self._deadline_seconds
                    ) from error
            await asyncio.sleep(pause)
