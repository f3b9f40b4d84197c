"""The REST side: an HTTP server in a thread of its own."""

import dataclasses
import socket
import threading

import uvicorn

from serving.server.answers import Answers
from serving.server.limits import Limits
from serving.server.metrics import Metrics
from serving.server.rest_app import RestApp
from serving.server.workers import Workers

# Longer than any request; who cannot wait so long kills the process.
_DRAIN_SECONDS = 600


@dataclasses.dataclass(frozen=True)
class RestOptions:
    """Where and how the REST API is served.

    Attributes:
        port: The TCP port; 0 for a free one.
        timeout_seconds: How long a request, or a window of a file, may take.
        metrics_path: Where the metrics can be read; None for nowhere.
        cross_origin: Whether browsers let the pages of any site ask.
    """

    port: int
    timeout_seconds: float = 30.0
    metrics_path: str | None = None
    cross_origin: bool = False


class RestEndpoint:
    """Listens for requests over HTTP.

    Attributes:
        port: The port it listens on.
    """

    def __init__(
        self,
        answers: Answers,
        workers: Workers,
        metrics: Metrics,
        limits: Limits,
        options: RestOptions,
    ):
        """Binds the port.

        Raises:
            OSError: If it cannot be had.
        """
        app = RestApp(
            answers,
            workers,
            metrics,
            limits,
            options.timeout_seconds,
            options.metrics_path,
            options.cross_origin,
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                app.asgi,
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
            )
        )
        self._socket = _listening(options.port)
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), daemon=True
        )

    def start(self) -> None:
        """Answers from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Takes no more requests."""
        self._server.should_exit = True

    def wait(self) -> None:
        """Waits, once it is stopped, until what it was asked is answered."""
        self._thread.join()


def _listening(port: int) -> socket.socket:
    try:
        listening = socket.create_server(("0.0.0.0", port))
    except OSError as error:
        raise OSError(
            f"rest_api_port={port} cannot be had; is it in use? Choose another."
        ) from error
    # Connections inherit it. Without, bodies wait 40 ms for a sign of their headers.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening
