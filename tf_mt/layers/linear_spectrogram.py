"""Magnitude spectrograms on a logarithmic scale, and their phase."""

import tensorflow as tf

from tf_mt.audio import mel, stft


class LinearSpectrogram:
    """Audio to magnitudes in [-1, 1] and phase, and magnitudes back.

    A magnitude is scaled so that a sine of amplitude 1 has 1 at its bin, then
    compressed as `mel.to_log` does: -80 dB is -1, 20 dB is 1, and the inverse is exact
    between.

    Args:
        n_fft: Samples in a frame of the STFT.
        hop: Samples from one frame to the next.
        window: Samples of the STFT's window; 0 takes `n_fft`.

    Raises:
        ValueError: If the sizes do not fit each other, see `stft.Framing`.
    """

    def __init__(self, n_fft: int, hop: int, window: int = 0):
        self.framing = stft.Framing(n_fft, hop, window or n_fft)
        self._scale = 2.0 / float(self.framing.weights().sum())

    def analyse(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes compressed magnitudes and phase.

        Args:
            audio: float32 `[..., samples]` in [-1, 1]; samples is a multiple of the
                hop.

        Returns:
            Magnitudes in [-1, 1] and phase in radians, both float32 `[..., frames,
            bins]`.
        """
        sizes = self.framing
        spectrum = stft.stft(audio, sizes.n_fft, sizes.hop, sizes.window)
        return mel.to_log(self._scale * tf.abs(spectrum)), tf.math.angle(spectrum)

    def magnitude(self, compressed: tf.Tensor) -> tf.Tensor:
        """Returns the STFT's magnitudes that were compressed to `[..., bins]`."""
        return mel.from_log(compressed) / self._scale
