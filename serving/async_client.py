"""The client for programs with an event loop; `client.Client` in other words.

It sends the same requests, so that results are the same bit for bit, tries them again
alike, and has the same words for what goes wrong.
"""

import contextlib
import types
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

import grpc
import numpy as np

from serving import asking, async_stream, properties
from serving.async_connection import AsyncConnection
from tf_mt.audio import windows
from tf_mt.inference import system


class AsyncClient:
    """Translates audio with a model on a server.

    An asynchronous context manager, made where its event loop runs; may be used by any
    number of tasks at once. A task that is cancelled leaves no request under way.

    Errors that every method raises:
        ConnectionError: No server answers.
        TimeoutError: The deadline has passed.
        ValueError: The server refuses the request, whenever it is made.
        OSError: The server failed.
    """

    def __init__(
        self,
        server: str,
        model: str,
        deadline_seconds: float = 600.0,
        in_flight: int = 4,
        credentials: grpc.ChannelCredentials | None = None,
    ):
        """Sets the server; nothing is sent before the first call.

        Args:
            server: Its address, HOST:PORT or unix:PATH.
            model: The name of the model there.
            deadline_seconds: How long one request may take, tries again included.
            in_flight: How many windows of a stream the server may have at once.
            credentials: For TLS, see `tls.credentials`; None for a connection that is
                not encrypted.

        Raises:
            ValueError: If the address has no port.
        """
        self._in_flight = in_flight
        self._connection = AsyncConnection(server, model, deadline_seconds, credentials)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connection; calls under way are cancelled."""
        await self._connection.close()

    async def info(self) -> system.Info:
        """The properties of the model; the server is asked each time."""
        return properties.read(await self._outputs(asking.info()))

    async def version(self) -> int:
        """Asks the server which version of the model it serves."""
        answer = await self._connection.ask(asking.version())
        return answer.model_spec.version.value

    async def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """Translates clips in one request; see `System.translate`."""
        try:
            return await self._audio(asking.translation(audio, domain))
        except ValueError:
            # Where the domain is the reason, there are better words than the graph's.
            (await self.info()).check_domain(domain)
            raise

    async def translate_stream(
        self, blocks: AsyncIterable[np.ndarray], domain: str
    ) -> AsyncIterator[np.ndarray]:
        """Sends several windows at a time; see `System.translate_stream`."""
        info = await self.info()
        info.check_domain(domain)
        pieces = self._stream(
            lambda window: self._audio(asking.translation(window, domain)), blocks, info
        )
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def timbre_of(self, reference: np.ndarray) -> np.ndarray:
        """See `System.timbre_of`."""
        info = await self.info()
        info.check_transfer()
        request = asking.timbre(reference, info.reference_samples)
        return (await self._outputs(request))["timbre"]

    async def decode_to(self, audio: np.ndarray, timbre: np.ndarray) -> np.ndarray:
        """See `System.decode_to`."""
        return await self._audio(asking.decoding(audio, timbre))

    async def transfer(self, audio: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """See `System.transfer`."""
        return await self.decode_to(audio, await self.timbre_of(reference))

    async def transfer_stream(
        self, blocks: AsyncIterable[np.ndarray], reference: np.ndarray
    ) -> AsyncIterator[np.ndarray]:
        """Sends several windows at a time; see `System.transfer_stream`."""
        info = await self.info()
        info.check_reference(reference)
        timbre = await self.timbre_of(reference[np.newaxis])
        pieces = self._stream(
            lambda window: self._audio(asking.decoding(window, timbre)), blocks, info
        )
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """See `System.resynthesise`."""
        return await self._audio(asking.resynthesis(audio))

    async def resynthesise_stream(
        self, blocks: AsyncIterable[np.ndarray]
    ) -> AsyncIterator[np.ndarray]:
        """Sends several windows at a time; see `System.resynthesise_stream`."""
        pieces = self._stream(
            lambda window: self._audio(asking.resynthesis(window)),
            blocks,
            await self.info(),
        )
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def codes(self, audio: np.ndarray) -> np.ndarray:
        """See `System.codes`."""
        return (await self._outputs(asking.codes(audio)))["codes"]

    async def _outputs(self, request: asking.Request) -> dict[str, np.ndarray]:
        return asking.outputs(await self._connection.ask(request))

    async def _audio(self, request: asking.Request) -> np.ndarray:
        return (await self._outputs(request))["audio"]

    def _stream(
        self,
        translate: Callable[[np.ndarray], Awaitable[np.ndarray]],
        blocks: AsyncIterable[np.ndarray],
        info: system.Info,
    ) -> AsyncIterator[np.ndarray]:
        cut = windows.Windows(info.window_samples, info.overlap_samples)
        return async_stream.translated(blocks, translate, cut, self._in_flight)
