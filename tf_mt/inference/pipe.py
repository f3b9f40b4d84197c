"""Translation of audio while it comes: from a pipe, window by window, to a pipe.

Input that is slow holds nothing back that is final, and output that is slow stops the
reading before much is held.
"""

import collections
import contextlib
import dataclasses
import io
import sys
import time
from collections.abc import Callable

import numpy as np

from tf_mt.audio import pipes, windows
from tf_mt.inference import ahead, system

# What stands for a pipe in the place of a path.
NAME = "-"

# The median is that of so many last pieces.
_MOST_DELAYS = 10_000


@dataclasses.dataclass(frozen=True)
class Options:
    """What can be chosen where audio comes by a pipe.

    Attributes:
        raw_rate_hz: The rate of raw samples of 16 bits, mono; None for WAV files.
        window_seconds: Length of a window; None for as long as the model asks for.
        in_flight: How many windows are translated at once.
    """

    raw_rate_hz: int | None
    window_seconds: float | None
    in_flight: int = 1

    def wanted(self, source: str, target: str) -> bool:
        """Tells by the flags of a command whether audio comes by a pipe.

        Args:
            source: The flag `--input`.
            target: The flag `--output`.

        Raises:
            ValueError: Only one of them is a pipe, or there is none for the options.
        """
        if (source == NAME) != (target == NAME):
            raise ValueError(
                f"input={source!r} and output={target!r}: give {NAME} for both or for "
                "neither."
            )
        if source == NAME:
            return True
        for name in ("raw_rate_hz", "window_seconds"):
            if (value := getattr(self, name)) is not None:
                raise ValueError(
                    f"{name}={value:g} is for audio from a pipe; give it with "
                    f"--input={NAME} --output={NAME}, or leave it out."
                )
        return False

    def windows(self, info: system.Info) -> windows.Windows:
        """Chooses the windows of a recording.

        Raises:
            ValueError: They would be shorter than twice the overlap that the model
                needs, or longer than it asks for.
        """
        rate_hz, overlap = info.sample_rate_hz, info.overlap_samples
        longest = samples = info.window_samples
        if self.window_seconds is not None:
            samples = round(self.window_seconds * rate_hz)
        if not max(2 * overlap, 1) <= samples <= longest:
            raise ValueError(
                f"window_seconds={self.window_seconds:g} must be between "
                f"{2 * overlap / rate_hz:.6g}, twice the overlap that the model needs, "
                f"and {longest / rate_hz:.6g}; choose again."
            )
        return windows.Windows(samples, overlap)


@dataclasses.dataclass
class Report:
    """How a translation went; says it as a string.

    Attributes:
        taken_seconds: How long translating took, summed over windows.
        worst_seconds: The longest delay from when the last sample was read that a piece
            needs to when it was written.
        delays_seconds: The last such delays.
    """

    taken_seconds: float = 0.0
    worst_seconds: float = 0.0
    delays_seconds: collections.deque[float] = dataclasses.field(
        default_factory=lambda: collections.deque(maxlen=_MOST_DELAYS)
    )

    def add(self, window: ahead.Translated) -> None:
        """Counts a window whose piece has been written just now."""
        delay = time.monotonic() - window.read_at
        self.taken_seconds += window.taken_seconds
        self.worst_seconds = max(self.worst_seconds, delay)
        self.delays_seconds.append(delay)

    def said(self, seconds: float, window_seconds: float) -> str:
        """Tells about `seconds` of output, in windows of `window_seconds`."""
        if not self.delays_seconds:
            return f"translated {seconds:.2f} s of audio."
        return (
            f"translated {seconds:.2f} s of audio, for which translating took "
            f"{self.taken_seconds / seconds:.3f} of real time; output followed "
            f"input after {window_seconds:.2f} s, the length of a window, and "
            f"{np.median(self.delays_seconds):.3f} s (median; worst "
            f"{self.worst_seconds:.3f} s) of translating and waiting."
        )


def translate(
    source: io.RawIOBase,
    target: io.RawIOBase,
    info: system.Info,
    translate: Callable[[np.ndarray], np.ndarray],
    options: Options,
) -> None:
    """Translates until the input ends, and writes each piece as soon as it is final.

    As many samples are written as are read, at the same rate, of 16 bits and mono. How
    it went is said on stderr, however it ends. It ends as well where nobody reads the
    output any more.

    Args:
        source: Raw samples or a WAV file; the length in its header need not be right.
        target: Receives the same.
        info: What the system says of itself that translates.
        translate: Makes float32 `[1, samples]` of float32 `[1, samples]`; is called by
            several threads.
        options: The kind of input, and the windows.

    Raises:
        ValueError: The windows do not suit the model, or the input is no audio.
    """
    cut = options.windows(info)
    read = pipes.Source(source, options.raw_rate_hz)
    written = pipes.Sink(target, read, info.sample_rate_hz)
    report = Report()
    blocks = read.blocks(info.sample_rate_hz)
    begun = ahead.Ahead(cut.split(blocks), translate, options.in_flight)
    try:
        with contextlib.suppress(BrokenPipeError):
            written.begin()
            for window in begun:
                written.write(cut.add(window.audio))
                report.add(window)
            written.write(cut.rest())
            written.end()
    finally:
        read.stop()
        begun.close()
        window_seconds = cut.window_samples / info.sample_rate_hz
        print(report.said(written.seconds, window_seconds), file=sys.stderr)


def standard(
    info: system.Info,
    translate_clips: Callable[[np.ndarray], np.ndarray],
    options: Options,
) -> None:
    """Translates what comes by stdin to stdout; see `translate`."""
    source, target = io.FileIO(0, closefd=False), io.FileIO(1, "w", closefd=False)
    translate(source, target, info, translate_clips, options)
