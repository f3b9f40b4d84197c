"""The log-mel spectrogram that models read."""

import tensorflow as tf

from tf_mt.audio import mel, stft

# On the scale of log-mel spectrograms.
SILENCE = -1.0


class LogMel:
    """Audio to a log-mel spectrogram and its phase; a synthesis inverts them.

    Args:
        sample_rate_hz: The rate of the audio.
        n_fft: Samples in a frame.
        hop: Samples from one frame to the next.
        bands: Mel bands, from `low_hz` to half the sample rate.
        low_hz: Where the lowest band begins.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        n_fft: int,
        hop: int,
        bands: int,
        low_hz: float,
    ):
        self.n_fft = n_fft
        self.hop = hop
        self.matrix = mel.matrix(
            sample_rate_hz, n_fft, bands, low_hz, sample_rate_hz / 2
        )

    def analyse(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes log-mel and phase.

        Args:
            audio: float32 `[..., samples]` in [-1, 1]; samples is a multiple of `hop`.

        Returns:
            Log-mel `[..., frames, bands]` in [-1, 1] and phase in radians `[...,
            frames, bins]`, both float32.
        """
        spectrum = stft.stft(audio, self.n_fft, self.hop)
        log_mel = mel.to_log(mel.from_magnitude(tf.abs(spectrum), self.matrix))
        return log_mel, tf.math.angle(spectrum)

    def log_mel(self, audio: tf.Tensor) -> tf.Tensor:
        """Returns the first half of what `analyse` does."""
        return self.analyse(audio)[0]
