"""Analyses of a recording (pitch, STFT, ...), each computed once and cached."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

Found = TypeVar("Found")


class Analysis:
    """A recording, in which every analysis searches but once.

    One truth is held against many translations, and most of a score's time goes to
    analyses of a single recording. What is found is kept as long as the recording is.
    In several threads at once an analysis may run twice, with the same result.

    Args:
        audio: `[samples]`, as in `log_mel`; must not change.
        sample_rate_hz: Its rate.
    """

    def __init__(self, audio: np.ndarray, sample_rate_hz: int):
        self.audio = audio
        self.sample_rate_hz = sample_rate_hz
        self._found: dict[Callable, Any] = {}

    def by(self, function: Callable[[np.ndarray, int], Found]) -> Found:
        """What an analysis finds; must not be changed.

        Args:
            function: An analysis of a recording `[samples]` and its rate in hertz, like
                `pitch.track`.
        """
        if function not in self._found:
            self._found[function] = function(self.audio, self.sample_rate_hz)
        return self._found[function]


def each(
    function: Callable[[np.ndarray, int], Found], *recordings: Analysis
) -> list[Found]:
    """What an analysis finds in each of some recordings."""
    return [recording.by(function) for recording in recordings]
