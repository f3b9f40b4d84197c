"""Memory that requests took, given back to the system.

The C library keeps what has been freed for later, in a pool for each of many threads,
and after a burst of long requests holds hundreds of megabytes that nothing uses.
"""

import ctypes
import threading
import time
from collections.abc import Callable

from serving.server.workers import Workers

# A trim takes some ten milliseconds; who asks again meanwhile is not to wait for many.
_PAUSE_SECONDS = 5.0
# Where requests never cease, some wait for the trim, as it holds up each pool in turn.
_PAUSE_UNDER_LOAD_SECONDS = 60.0


def trimming() -> Callable[[], object] | None:
    """What gives freed memory back; None where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return None
    return lambda: trim(0)


class Memory:
    """Trims a server's memory when it has ended its work, and now and then under load.

    Without the latter, what lies free between things in use grows for as long as
    requests overlap: each pool keeps the most that it ever had to.
    """

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
        trim, ended_at_trim, trimmed_at = trimming(), 0, time.monotonic()
        while trim is not None and not self._stopped.wait(_PAUSE_SECONDS):
            ended = self._workers.ended
            waited = time.monotonic() - trimmed_at >= _PAUSE_UNDER_LOAD_SECONDS
            if ended != ended_at_trim and (waited or not self._workers.pending):
                trim()
                ended_at_trim, trimmed_at = ended, time.monotonic()
