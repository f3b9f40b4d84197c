"""The log-mel front end of the spectrogram models."""

import tensorflow as tf

from tf_mt.audio import mel, stft

# On the scale of log-mel spectrograms.
SILENCE = -1.0


class LogMel:
    """Audio to a log-mel spectrogram with its phase.

    The way back is a `synthesis.Synthesis`.

    Args:
        sample_rate_hz: The rate of the audio.
        n_fft: Samples that are transformed.
        hop: Samples from one frame to the next.
        bands: Mel bands, from `low_hz` to half the sample rate.
        low_hz: Where the lowest band begins.
        window: Samples of the STFT's window; 0 takes `n_fft`.

    Raises:
        ValueError: If the sizes do not fit each other, see `stft.Framing` and
            `mel.matrix`.

    Attributes:
        settings: The arguments, by name.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        n_fft: int,
        hop: int,
        bands: int,
        low_hz: float,
        window: int = 0,
    ):
        self.settings = {
            "sample_rate_hz": sample_rate_hz,
            "n_fft": n_fft,
            "hop": hop,
            "bands": bands,
            "low_hz": low_hz,
            "window": window or n_fft,
        }
        self.framing = stft.Framing(n_fft, hop, window or n_fft)
        self.matrix = mel.matrix(
            sample_rate_hz, n_fft, bands, low_hz, sample_rate_hz / 2
        )

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.framing.hop

    def analyse(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes log-mel and phase.

        Args:
            audio: float32 `[..., samples]` in [-1, 1]; samples is a multiple of `hop`.

        Returns:
            Log-mel `[..., frames, bands]` in [-1, 1] and phase in radians `[...,
            frames, bins]`, both float32.
        """
        sizes = self.framing
        spectrum = stft.stft(audio, sizes.n_fft, sizes.hop, sizes.window)
        log_mel = mel.to_log(mel.from_magnitude(tf.abs(spectrum), self.matrix))
        return log_mel, tf.math.angle(spectrum)

    def log_mel(self, audio: tf.Tensor) -> tf.Tensor:
        """Returns the first half of what `analyse` does."""
        return self.analyse(audio)[0]
