"""From log-mel spectrograms to audio."""

from typing import Protocol

import tensorflow as tf

from tf_mt.audio import griffin_lim, mel, pghi
from tf_mt.layers import spectrogram

_ITERATIONS_WITHOUT_PHASE = 32


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
    """

    def __init__(self, front: spectrogram.LogMel, iterations: int):
        self.framing = front.framing
        self.iterations = iterations
        self.inverse = mel.pseudo_inverse(front.matrix)

    def magnitude(self, log_mel: tf.Tensor) -> tf.Tensor:
        """The magnitudes `[..., frames, bins]` that are inverted."""
        return mel.to_magnitude(mel.from_log(log_mel), self.inverse)

    def synthesise(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """See `Synthesis.synthesise`."""
        return griffin_lim.griffin_lim(
            self.magnitude(log_mel),
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
    """

    def __init__(self, front: spectrogram.LogMel, iterations: int):
        self.griffin_lim = GriffinLim(front, iterations)

    def synthesise(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """See `Synthesis.synthesise`; `phase` is not used."""
        magnitude = self.griffin_lim.magnitude(log_mel)
        integrated = pghi.phase(magnitude, self.griffin_lim.framing)
        return self.griffin_lim.synthesise(log_mel, integrated)


# By where the phase comes from.
SYNTHESES = {"source": GriffinLim, "pghi": Pghi}
