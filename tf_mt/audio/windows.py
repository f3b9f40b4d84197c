"""Overlapping windows over audio of any length, and their overlap-add to audio again.

A server, or a model with a memory limit, can so process a file of any length window by
window. Windows overlap and are cross-faded, so that seams are inaudible; the file is
padded with zeros, so that its first and last samples lie as far from a window's
edge as any other.

Whatever made two neighbours independently may have given them the same notes in
unrelated phase, and where those fade into each other they would cancel. So each window
is read a little later or earlier than its place: by the lag at which it is most like
what the window before it left there, as in SOLA (Roucos and Wilgus 1985). A lag is
counted from the window's own place, so lags never add up.
"""

from collections.abc import Iterable, Iterator

import numpy as np

# Half a period of 55 Hz at 48 kHz: a tone of any phase can be matched, and no
# shift is long enough to be audible as wrong timing.
MOST_LAG_SAMPLES = 440

# A lag counts as good as the best if its correlation is lower by this at most. A fade
# between two sounds that correlate by 0.98 dips by 0.04 dB, which is inaudible; and
# what is in phase already is not shifted because of rounding errors.
CORRELATION_MARGIN = 0.02

# A stretch more than 60 dB weaker than the sound before it counts as 60 dB weaker: in a
# pause, rounding errors could otherwise correlate as well as music.
LEAST_ENERGY_RATIO = 1e-6


class Windows:
    """The windows of one recording, in constant memory.

    `split` gives the windows; whatever was made of them, window for window and sample
    for sample, `join` turns into as many samples as the recording had:

        windows = Windows(window_samples, overlap_samples)
        translated = windows.join(map(translate, windows.split(blocks)))

    Joining what was split gives the recording itself, bit for bit. Who is given blocks
    or windows one at a time calls `cut`, `cut_rest`, `add` and `rest` instead.

    Attributes:
        window_samples: Samples of every window.
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
        self.window_samples = window_samples
        self._overlap = overlap_samples
        self._hop = window_samples - overlap_samples
        self._lead = overlap_samples // 2
        # Half of the overlap is left to compare at every lag, and to fade over.
        self._most_lag = min(overlap_samples // 4, MOST_LAG_SAMPLES)
        self._waiting = np.zeros(self._lead, np.float32)
        self._samples = 0
        self._fading: np.ndarray | None = None
        self._lag = 0
        self._skipped, self._joined = self._lead, 0

    def split(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Cuts a recording into windows.

        Args:
            blocks: The recording in pieces, float32 `[any]`.

        Yields:
            float32 `[window_samples]`, one every `window_samples - overlap_samples`;
            each as soon as the last of its samples has come.
        """
        for block in blocks:
            yield from self.cut(block)
        yield from self.cut_rest()

    def join(self, windows: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Aligns and cross-fades windows into a recording as long as the one split.

        Args:
            windows: One for each that `split` gave, in its order: float
                `[window_samples]`. Their iteration must draw on that of `split`.

        Yields:
            float32 `[up to window_samples]`: with each window, all that no later one
            changes.
        """
        for window in windows:
            yield self.add(window)
        if len(rest := self.rest()):
            yield rest

    def cut(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """Takes the next piece of the recording; yields the windows that it fills."""
        self._samples += len(block)
        self._waiting = np.concatenate([self._waiting, block])
        while len(self._waiting) >= self.window_samples:
            window = self._waiting[: self.window_samples]
            self._waiting = self._waiting[self._hop :]
            yield window

    def cut_rest(self) -> Iterator[np.ndarray]:
        """Yields the windows of what is left when the recording has ended."""
        while len(self._waiting) > self._lead:
            window = np.pad(
                self._waiting, (0, self.window_samples - len(self._waiting))
            )
            self._waiting = self._waiting[self._hop :]
            yield window

    def add(self, window: np.ndarray) -> np.ndarray:
        """Joins the next window: float `[window_samples]`, which `cut` has given.

        Returns:
            float32 `[up to window_samples]`: what no later window changes.
        """
        window = np.array(window, np.float32)
        if self._fading is not None:
            lag_before = self._lag
            overlap = window[: self._overlap]
            self._lag = best_lag(self._fading, overlap, self._most_lag)
            # What this turns over from the other end is faded out entirely.
            window = np.roll(window, -self._lag)
            window[: self._overlap] -= self._fading
            window[: self._overlap] *= self._fade_in(lag_before, self._lag)
            window[: self._overlap] += self._fading
        self._fading = window[self._hop :]
        # A window that is full has what it gives here; of a padded one, all is known.
        final = window[self._skipped : self._hop][: self._samples - self._joined]
        self._skipped = 0
        self._joined += len(final)
        return final

    def rest(self) -> np.ndarray:
        """What is left of the last window: float32 `[up to overlap_samples]`."""
        if self._fading is None:
            return np.zeros(0, np.float32)
        return self._fading[: self._samples - self._joined]

    def _fade_in(self, lag_before: int, lag: int) -> np.ndarray:
        """A raised cosine over that part of the overlap which both windows hold."""
        begin, end = max(0, -lag), self._overlap - max(0, lag_before)
        place = (np.arange(self._overlap) + 0.5 - begin) / (end - begin)
        return (0.5 - 0.5 * np.cos(np.pi * np.clip(place, 0, 1))).astype(np.float32)


def best_lag(earlier: np.ndarray, later: np.ndarray, most_lag: int) -> int:
    """How much later to read a sound so that it goes on in phase with another.

    Args:
        earlier: What a window left in the overlap: float `[overlap]`. Its first and
            last `most_lag` samples are not used.
        later: What the next window has there: float `[overlap]`.
        most_lag: The largest lag in samples, either way; less than half the overlap.

    Returns:
        The smallest lag at which the normalised cross-correlation is within
        `CORRELATION_MARGIN` of its maximum: 0 for equal sounds, and in silence. Sample
        i of `earlier` then goes with sample i + lag of `later`.
    """
    if not most_lag:
        return 0
    reference = earlier[most_lag:-most_lag].astype(np.float64)
    later = later.astype(np.float64)
    # At these lags nothing wraps round: `reference` is shorter by twice the largest.
    conjugate = np.conj(np.fft.rfft(reference, len(later)))
    products = np.fft.irfft(np.fft.rfft(later) * conjugate, len(later))
    products = products[: 2 * most_lag + 1]
    summed = np.cumsum(np.pad(later**2, (1, 0)))
    energies = summed[len(reference) :] - summed[: -len(reference)]
    energy = reference @ reference
    scale = np.sqrt(energy * np.maximum(energies, LEAST_ENERGY_RATIO * energy))
    correlation = products / np.maximum(scale, np.finfo(np.float64).tiny)
    worse = correlation < correlation.max() - CORRELATION_MARGIN
    distances = np.where(worse, np.inf, distances_of_lags(most_lag))
    return int(np.argmin(distances)) - most_lag


def distances_of_lags(most_lag: int) -> np.ndarray:
    """How far each lag is from 0; of two as far, the later one counts as nearer.

    Args:
        most_lag: The largest lag in samples, either way.

    Returns:
        float32 `[2 * most_lag + 1]`, no two of them equal.
    """
    return np.abs(np.arange(-most_lag, most_lag + 1, dtype=np.float32) - 0.25)
