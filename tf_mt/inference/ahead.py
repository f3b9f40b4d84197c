"""Windows that are translated while later ones are still to come."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import NamedTuple

import numpy as np

_READER = "reader of windows"
# How long the reader is waited for, which may itself wait for input.
_PATIENCE_SECONDS = 1.0


class Translated(NamedTuple):
    """A window that has been translated.

    Attributes:
        audio: float32 `[window_samples]`.
        read_at: When its last sample was read, by the monotonic clock.
        taken_seconds: How long its translation took.
    """

    audio: np.ndarray
    read_at: float
    taken_seconds: float


class Ahead:
    """Waits for windows in one thread and translates them in others.

    Args:
        windows: float32 `[window_samples]` each.
        translate: Makes float32 `[1, samples]` of float32 `[1, samples]`.
        in_flight: How many windows are under way at once. One more may have been read;
            then no further one is before somebody has taken the first.
    """

    def __init__(
        self,
        windows: Iterator[np.ndarray],
        translate: Callable[[np.ndarray], np.ndarray],
        in_flight: int,
    ):
        self._windows = windows
        self._translate = translate
        self._free = threading.Semaphore(in_flight)
        self._pool = futures.ThreadPoolExecutor(in_flight)
        # Windows under way in their order; an error of reading, or None at the end.
        self._begun: queue.SimpleQueue[futures.Future | Exception | None]
        self._begun = queue.SimpleQueue()
        self._closed = False
        # A process need not wait for input that does not come.
        self._reader = threading.Thread(target=self._read, name=_READER, daemon=True)
        self._reader.start()

    def __iter__(self) -> Iterator[Translated]:
        """Yields each window in its order, as soon as it is translated.

        Raises whatever reading or translating raises.
        """
        while begun := self._begun.get():
            if isinstance(begun, Exception):
                raise begun
            translated = begun.result()
            self._free.release()
            yield translated

    def close(self) -> None:
        """Begins nothing more; translations under way are not waited for.

        The windows should end soon, or wait for input: a process that ends while
        their thread is at work in a library of C++ is aborted.
        """
        self._closed = True
        self._free.release()
        self._reader.join(_PATIENCE_SECONDS)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self) -> None:
        try:
            for window in self._windows:
                read_at = time.monotonic()
                self._free.acquire()
                if self._closed:
                    return
                self._begun.put(self._pool.submit(self._timed, window, read_at))
            self._begun.put(None)
        except Exception as error:
            self._begun.put(error)

    def _timed(self, window: np.ndarray, read_at: float) -> Translated:
        began = time.monotonic()
        audio = self._translate(window[np.newaxis])[0]
        return Translated(audio, read_at, time.monotonic() - began)
