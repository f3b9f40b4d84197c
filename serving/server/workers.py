"""The threads that answer requests, and how many requests may wait for them."""

import threading
from collections.abc import Callable
from concurrent import futures

import grpc

from serving.server import status
from serving.server.limits import Limits


class Workers(futures.ThreadPoolExecutor):
    """Threads that the services share, so that their limits are those of the server.

    Whoever submits a request looks before whether they are `full`, without reading the
    request: a pool does not know how to refuse. Of requests that arrive at the same
    instant by gRPC and by REST, one more than the bound may pass.

    Attributes:
        ended: How many requests have been worked on.
    """

    def __init__(self, limits: Limits):
        super().__init__(limits.threads)
        self._max_pending = limits.max_pending_requests
        self._pending = 0
        self.ended = 0
        self._lock = threading.Lock()

    @property
    def pending(self) -> int:
        """How many requests are worked on or wait."""
        return self._pending

    @property
    def full(self) -> bool:
        """Whether no further request may wait."""
        return self._pending >= self._max_pending

    def refusal(self) -> status.StatusError:
        """What those are told that there is no room for."""
        return status.StatusError(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            f"max_pending_requests={self._max_pending} requests are being worked on or "
            "wait, and no more are taken; try again later.",
        )

    def submit(
        self, function: Callable, /, *arguments: object, **named: object
    ) -> futures.Future:
        """Schedules a call; see the class."""
        self._count(1)
        try:
            future = super().submit(function, *arguments, **named)
        except RuntimeError:
            # It has been shut down.
            self._count(-1)
            raise
        future.add_done_callback(self._end)
        return future

    def _end(self, _: futures.Future) -> None:
        with self._lock:
            self._pending -= 1
            self.ended += 1

    def _count(self, change: int) -> None:
        with self._lock:
            self._pending += change
