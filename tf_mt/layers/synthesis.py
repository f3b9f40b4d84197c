"""From a log-mel spectrogram to audio: what a model may be given as its synthesis."""

from typing import Protocol

import tensorflow as tf

from tf_mt.audio import griffin_lim, mel
from tf_mt.layers import spectrogram

_ITERATIONS_WITHOUT_PHASE = 32


class Synthesis(Protocol):
    """Inverts the log-mel spectrograms of one `spectrogram.LogMel`."""

    def __call__(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """Computes audio.

        Args:
            log_mel: float32 `[..., frames, bands]` in [-1, 1].
            phase: Of the source, in radians `[..., frames, bins]`; None where there is
                no source.

        Returns:
            float32 `[..., frames * hop]`.
        """


class GriffinLim:
    """Griffin-Lim from the phase of the source: a `Synthesis`.

    It keeps what is translated aligned with its source, and two windows of one
    recording agree where they overlap. That holds for a few iterations: they bring the
    audio as near to the spectrogram as many do, and many make a steady tone rough,
    each window in its own way.

    Args:
        front: The analysis that it inverts.
        iterations: Of Griffin-Lim, where it is given a phase; without one it takes 32.
    """

    def __init__(self, front: spectrogram.LogMel, iterations: int):
        self.n_fft = front.n_fft
        self.hop = front.hop
        self.inverse = mel.pseudo_inverse(front.matrix)
        self.iterations = iterations

    def __call__(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """See `Synthesis`."""
        magnitude = mel.to_magnitude(mel.from_log(log_mel), self.inverse)
        iterations = _ITERATIONS_WITHOUT_PHASE if phase is None else self.iterations
        return griffin_lim.griffin_lim(
            magnitude, self.n_fft, self.hop, iterations, phase=phase
        )
