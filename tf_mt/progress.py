"""Progress bars, which are lines of a log where stderr is no terminal."""

import sys
from collections.abc import Iterable
from typing import Any

import tqdm

LOG_SECONDS = 10.0


class _Log:
    """A stream that ends each state of a bar with a newline, and drops empty ones."""

    encoding = "utf-8"

    def write(self, text: str) -> None:
        # The terminal's: a return to the start of the line, spaces over what was there.
        if state := text.strip():
            print(state, file=sys.stderr)

    def flush(self) -> None:
        sys.stderr.flush()


def bar(iterable: Iterable | None = None, **options: Any) -> tqdm.tqdm:
    """Makes a progress bar on stderr; into a log it writes a line every ten seconds.

    Args:
        iterable: What is iterated over; if not given, the caller calls `update`.
        **options: Those of `tqdm.tqdm`.
    """
    if not sys.stderr.isatty():
        # At a position of its own, a bar would move the terminal's cursor.
        options |= {
            "file": _Log(),
            "mininterval": LOG_SECONDS,
            "miniters": 1,
            "position": 0,
        }
    return tqdm.tqdm(iterable, **options)
