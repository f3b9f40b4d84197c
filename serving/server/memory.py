"""Memory that requests took, given back to the system when they are answered.

The C library keeps what has been freed for later, in a pool for each of many threads,
and after a burst of long requests holds hundreds of megabytes that nothing uses.
"""

import ctypes
import threading
from collections.abc import Callable

from serving.server.workers import Workers

# A trim takes some ten milliseconds; who asks again meanwhile is not to wait for many.
_PAUSE_SECONDS = 5.0


def trimming() -> Callable[[], object] | None:
    """What gives freed memory back; None where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return None
    return lambda: trim(0)


class Memory:
    """Looks now and then whether a server has ended its work, and trims its memory."""

    def __init__(self, workers: Workers):
        """Watches, once it is started, the threads that answer requests."""
        self._workers = workers
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Gives memory back from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Gives back no more."""
        self._stopped.set()

    def _watch(self) -> None:
        trim, trimmed_at = trimming(), 0
        while trim is not None and not self._stopped.wait(_PAUSE_SECONDS):
            ended = self._workers.ended
            if ended != trimmed_at and not self._workers.pending:
                trim()
                trimmed_at = ended
