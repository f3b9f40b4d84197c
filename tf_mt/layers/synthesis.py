"""From log-mel spectrograms to audio."""

from collections.abc import Callable
from typing import Protocol

import tensorflow as tf

from tf_mt.audio import griffin_lim, mel, pghi
from tf_mt.layers import spectrogram

_ITERATIONS_WITHOUT_PHASE = 32

# Log-mel spectrograms `[batch, frames, bands]` to magnitudes `[batch, frames, bins]`.
Magnitudes = Callable[[tf.Tensor], tf.Tensor]


class LeastSquares:
    """The magnitudes that are the least-squares inverse of the bands: `Magnitudes`.

    Args:
        front: What the spectrograms are of.
    """

    def __init__(self, front: spectrogram.LogMel):
        self.inverse = mel.pseudo_inverse(front.matrix)

    def __call__(self, log_mel: tf.Tensor) -> tf.Tensor:
        """See `Magnitudes`."""
        return mel.to_magnitude(mel.from_log(log_mel), self.inverse)


class Synthesis(Protocol):
    """What a model makes audio with, of the spectrograms that it generates."""

    def synthesise(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """Puts audio together.

        Args:
            log_mel: float32 `[..., frames, bands]` in [-1, 1], on the scale of
                `spectrogram.LogMel`.
            phase: Of the source, in radians `[..., frames, bins]`; None where there is
                none to begin with.

        Returns:
            float32 `[..., frames * hop]`.
        """


class GriffinLim:
    """Griffin-Lim from the phase that is given: a `Synthesis`.

    Where that is the source's own, what is translated stays aligned with it, and two
    windows of one recording agree where they overlap. That holds for a few iterations:
    they bring the sound as near to the spectrogram as many do, and many make a steady
    tone rough, each window in its own way.

    Args:
        front: What the spectrograms are of.
        iterations: Where a phase is given; without one it takes many more.
        magnitudes: What is inverted; the `LeastSquares` of the bands by default.
    """

    def __init__(
        self,
        front: spectrogram.LogMel,
        iterations: int,
        magnitudes: Magnitudes | None = None,
    ):
        self.framing = front.framing
        self.iterations = iterations
        self.magnitudes = magnitudes or LeastSquares(front)

    def synthesise(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """See `Synthesis.synthesise`."""
        return self.invert(self.magnitudes(log_mel), phase)

    def invert(self, magnitude: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """Audio `[..., frames * hop]` of magnitudes, from a phase of their shape."""
        return griffin_lim.griffin_lim(
            magnitude,
            self.framing.n_fft,
            self.framing.hop,
            _ITERATIONS_WITHOUT_PHASE if phase is None else self.iterations,
            phase=phase,
            window=self.framing.window,
        )


class Pghi:
    """Griffin-Lim from the phase that the spectrogram itself tells: a `Synthesis`.

    That of the source plays no part, so a translation may move its partials.

    Args:
        front: What the spectrograms are of.
        iterations: Of Griffin-Lim.
        magnitudes: As of `GriffinLim`.
    """

    def __init__(
        self,
        front: spectrogram.LogMel,
        iterations: int,
        magnitudes: Magnitudes | None = None,
    ):
        self.griffin_lim = GriffinLim(front, iterations, magnitudes)

    def synthesise(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """See `Synthesis.synthesise`; `phase` is not used."""
        magnitude = self.griffin_lim.magnitudes(log_mel)
        integrated = pghi.phase(magnitude, self.griffin_lim.framing)
        return self.griffin_lim.invert(magnitude, integrated)


# By where the phase comes from.
SYNTHESES = {"source": GriffinLim, "pghi": Pghi}
