"""Whoever waits for an answer: until when, and whether still."""

import threading
import time
from collections.abc import Callable

from serving.server import status


class Caller:
    """Waits for the answer to one request."""

    def __init__(
        self,
        timeout_seconds: float | None = None,
        has_left: Callable[[], bool] = lambda: False,
    ):
        """Begins to wait.

        Args:
            timeout_seconds: How long; None for ever.
            has_left: Tells whether the client no longer wants the answer.
        """
        self._deadline = None
        # No deadline is one in centuries, more than a thread can wait.
        if timeout_seconds is not None and timeout_seconds < threading.TIMEOUT_MAX:
            self._deadline = time.monotonic() + timeout_seconds
        self._has_left = has_left

    @property
    def remaining_seconds(self) -> float | None:
        """How much longer it waits; None for ever."""
        if self._deadline is None:
            return None
        return max(0.0, self._deadline - time.monotonic())

    def check(self) -> None:
        """Makes sure that somebody still waits.

        Raises:
            StatusError: Nobody does.
        """
        if self.remaining_seconds == 0.0:
            raise status.expired()
        if self._has_left():
            raise status.left()
