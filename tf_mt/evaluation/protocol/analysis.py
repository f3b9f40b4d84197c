"""Analyses of a recording (pitch, STFT, ...), each computed once and cached."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

Result = TypeVar("Result")


class Analysis:
    """A recording with a cache of its analyses.

    One truth is compared with many translations, and most of a score's time goes to
    analyses of a single recording. Results are kept as long as the recording is.
    In several threads at once an analysis may run twice, with the same result.

    Args:
        audio: `[samples]`, as in `log_mel`; must not change.
        sample_rate_hz: Its rate.
    """

    def __init__(self, audio: np.ndarray, sample_rate_hz: int):
        self.audio = audio
        self.sample_rate_hz = sample_rate_hz
        self._results: dict[Callable, Any] = {}

    def by(self, function: Callable[[np.ndarray, int], Result]) -> Result:
        """The result of an analysis; must not be changed.

        Args:
            function: An analysis of a recording `[samples]` and its rate in hertz, such
                as `pitch.track`.
        """
        if function not in self._results:
            self._results[function] = function(self.audio, self.sample_rate_hz)
        return self._results[function]


def each(
    function: Callable[[np.ndarray, int], Result], *recordings: Analysis
) -> list[Result]:
    """The results of an analysis of some recordings."""
    return [recording.by(function) for recording in recordings]
