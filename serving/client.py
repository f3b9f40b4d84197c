"""The client of a server that speaks TensorFlow Serving's gRPC API.

It needs NumPy and gRPC, not TensorFlow. What it knows of a model it has been told by
the server: `info`, a signature of bundles, tells domains, rate and the window to send.
"""

import collections
import contextlib
import types
from collections.abc import Callable, Iterable, Iterator

import grpc
import numpy as np

from serving import asking, connection, properties
from tf_mt.audio import windows
from tf_mt.inference import system


class Client(system.System):
    """Translates audio with a model on a server.

    A context manager; may be used by any number of threads at once. Where a later try
    may succeed (the server is restarting, or its queue is full) it tries again, waiting
    longer each time, within the deadline.

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
        self._connection = connection.Connection(
            server, model, deadline_seconds, credentials
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; calls under way are cancelled."""
        self._connection.close()

    @property
    def info(self) -> system.Info:
        """The properties of the model; the server is asked each time."""
        return properties.read(self._connection.start(*asking.info()).result())

    def version(self) -> int:
        """Asks the server which version of the model it serves."""
        call = self._connection.start(*asking.version())
        return call.answer().model_spec.version.value

    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """Translates clips in one request; see `System.translate`."""
        try:
            return self._translation(audio, domain).result()["audio"]
        except ValueError:
            # Where the domain is the reason, there are better words than the graph's.
            self.check_domain(domain)
            raise

    def translate_stream(
        self, blocks: Iterable[np.ndarray], domain: str
    ) -> Iterator[np.ndarray]:
        """Sends several windows at a time; see `System.translate_stream`."""
        info = self.check_domain(domain)
        yield from self._stream(
            lambda window: self._translation(window, domain), blocks, info
        )

    def timbre_of(self, reference: np.ndarray) -> np.ndarray:
        """See `System.timbre_of`."""
        info = self.check_transfer()
        request = asking.timbre(reference, info.reference_samples)
        return self._connection.start(*request).result()["timbre"]

    def decode_to(self, audio: np.ndarray, timbre: np.ndarray) -> np.ndarray:
        """See `System.decode_to`."""
        return self._decoding(audio, timbre).result()["audio"]

    def transfer_stream(
        self, blocks: Iterable[np.ndarray], reference: np.ndarray
    ) -> Iterator[np.ndarray]:
        """Sends several windows at a time; see `System.transfer_stream`."""
        info = self.check_reference(reference)
        timbre = self.timbre_of(reference[np.newaxis])
        yield from self._stream(
            lambda window: self._decoding(window, timbre), blocks, info
        )

    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """See `System.resynthesise`."""
        return self._resynthesis(audio).result()["audio"]

    def resynthesise_stream(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Sends several windows at a time; see `System.resynthesise_stream`."""
        yield from self._stream(self._resynthesis, blocks, self.info)

    def codes(self, audio: np.ndarray) -> np.ndarray:
        """See `System.codes`."""
        return self._connection.start(*asking.codes(audio)).result()["codes"]

    def _translation(self, audio: np.ndarray, domain: str) -> connection.Call:
        return self._connection.start(*asking.translation(audio, domain))

    def _decoding(self, audio: np.ndarray, timbre: np.ndarray) -> connection.Call:
        return self._connection.start(*asking.decoding(audio, timbre))

    def _resynthesis(self, audio: np.ndarray) -> connection.Call:
        return self._connection.start(*asking.resynthesis(audio))

    def _stream(
        self,
        start: Callable[[np.ndarray], connection.Call],
        blocks: Iterable[np.ndarray],
        info: system.Info,
    ) -> Iterator[np.ndarray]:
        """Sends overlapping windows, and cross-fades what comes back."""
        cut = windows.Windows(info.window_samples, info.overlap_samples)
        sent = (window[np.newaxis] for window in cut.split(blocks))
        answers = _answers(start, sent, self._in_flight)
        with contextlib.closing(answers):
            yield from cut.join(answers)


def _answers(
    start: Callable[[np.ndarray], connection.Call],
    sent: Iterable[np.ndarray],
    in_flight: int,
) -> Iterator[np.ndarray]:
    """The audio for each window, in order, with up to `in_flight` calls under way.

    However it ends, no call is left under way.
    """
    pending: collections.deque[connection.Call] = collections.deque()
    try:
        for window in sent:
            pending.append(start(window))
            if len(pending) == in_flight:
                yield pending.popleft().result()["audio"][0]
        while pending:
            yield pending.popleft().result()["audio"][0]
    finally:
        for call in pending:
            call.cancel()
