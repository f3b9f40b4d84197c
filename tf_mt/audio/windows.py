"""Equal windows over audio of any length, and the audio again from them.

What sees only a window at a time (a server, a model with a memory limit) can so work on
a file of any length. Windows overlap and are cross-faded, so that no seam is heard; the
file is framed by zeros, so that its first and last samples lie as far from a window's
edge as any other.
"""

from collections.abc import Iterable, Iterator

import numpy as np


class Windows:
    """The windows of one recording, in constant memory.

    `split` gives the windows; whatever was made of them, window for window and sample
    for sample, `join` turns into as many samples as the recording had:

        windows = Windows(window_samples, overlap_samples)
        translated = windows.join(map(translate, windows.split(blocks)))

    Joining what was split gives the recording itself, bit for bit.
    """

    def __init__(self, window_samples: int, overlap_samples: int):
        """Chooses the windows.

        Args:
            window_samples: Samples of every window.
            overlap_samples: Samples that a window shares with the one before it; half
                of `window_samples` at most. Every sample of the recording lies
                `overlap_samples // 2` or more from the edges of some window.

        Raises:
            ValueError: If the overlap is negative or more than half a window.
        """
        if not 0 <= 2 * overlap_samples <= window_samples or not window_samples:
            raise ValueError(
                f"overlap_samples={overlap_samples} must be between 0 and half of "
                f"window_samples={window_samples}."
            )
        self._window = window_samples
        self._overlap = overlap_samples
        self._hop = window_samples - overlap_samples
        self._lead = overlap_samples // 2
        self._samples = 0

    def split(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Cuts a recording into windows.

        Args:
            blocks: The recording in pieces, float32 `[any]`.

        Yields:
            float32 `[window_samples]`, one every `window_samples - overlap_samples`.
        """
        waiting = np.zeros(self._lead, np.float32)
        for block in blocks:
            self._samples += len(block)
            waiting = np.concatenate([waiting, block])
            while len(waiting) >= self._window:
                yield waiting[: self._window]
                waiting = waiting[self._hop :]
        while len(waiting) > self._lead:
            yield np.pad(waiting, (0, self._window - len(waiting)))
            waiting = waiting[self._hop :]

    def join(self, windows: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Cross-fades windows into a recording as long as the one that was split.

        Args:
            windows: One for each that `split` gave, in its order: float
                `[window_samples]`. Their iteration must draw on that of `split`.

        Yields:
            float32 `[up to window_samples]`.
        """
        phase = np.pi * (np.arange(self._overlap) + 0.5) / self._overlap
        fade_in = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
        pending = None
        skipped, joined = self._lead, 0
        for window in windows:
            window = np.array(window, np.float32)
            if pending is not None:
                fading = pending[self._hop :]
                window[: self._overlap] -= fading
                window[: self._overlap] *= fade_in
                window[: self._overlap] += fading
                yield pending[skipped : self._hop]
                joined += self._hop - skipped
                skipped = 0
            pending = window
        if pending is not None:
            yield pending[skipped : skipped + self._samples - joined]
