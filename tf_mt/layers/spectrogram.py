"""The log-mel front end of the spectrogram models, there and back."""

import tensorflow as tf

from tf_mt.audio import griffin_lim, mel, stft

# On the scale of log-mel spectrograms.
SILENCE = -1.0

_ITERATIONS_WITHOUT_PHASE = 32


class LogMel:
    """Audio to a log-mel spectrogram with its phase, and both back to audio.

    The way back is Griffin-Lim from the phase that is given. Where that is the
    source's own, what is translated stays aligned with it, and two windows of one
    recording agree where they overlap. That holds for a few iterations: they bring the
    sound as near to the spectrogram as many do, and many make a steady tone rough,
    each window in its own way.

    Args:
        sample_rate_hz: The rate of the audio.
        n_fft: Samples that are transformed.
        hop: Samples from one frame to the next.
        bands: Mel bands, from `low_hz` to half the sample rate.
        low_hz: Where the lowest band begins.
        iterations: Of Griffin-Lim, where it is given a phase.
        window: Samples of the STFT's window; 0 takes `n_fft`.
    """

    def __init__(
        self,
        sample_rate_hz: int,
        n_fft: int,
        hop: int,
        bands: int,
        low_hz: float,
        iterations: int,
        window: int = 0,
    ):
        self.n_fft = n_fft
        self.hop = hop
        self.window = window
        self.iterations = iterations
        self.matrix = mel.matrix(
            sample_rate_hz, n_fft, bands, low_hz, sample_rate_hz / 2
        )
        self.inverse = mel.pseudo_inverse(self.matrix)

    def analyse(self, audio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes audio apart.

        Args:
            audio: float32 `[..., samples]` in [-1, 1]; samples is a multiple of `hop`.

        Returns:
            Log-mel `[..., frames, bands]` in [-1, 1] and phase in radians `[...,
            frames, bins]`, both float32.
        """
        spectrum = stft.stft(audio, self.n_fft, self.hop, self.window)
        log_mel = mel.to_log(mel.from_magnitude(tf.abs(spectrum), self.matrix))
        return log_mel, tf.math.angle(spectrum)

    def log_mel(self, audio: tf.Tensor) -> tf.Tensor:
        """Returns the first half of what `analyse` does."""
        return self.analyse(audio)[0]

    def synthesise(self, log_mel: tf.Tensor, phase: tf.Tensor | None) -> tf.Tensor:
        """Puts audio together.

        Args:
            log_mel: float32 `[..., frames, bands]` in [-1, 1].
            phase: Where Griffin-Lim starts, in radians `[..., frames, bins]`; None
                leaves it without a hint, and takes many more iterations.

        Returns:
            float32 `[..., frames * hop]`.
        """
        magnitude = mel.to_magnitude(mel.from_log(log_mel), self.inverse)
        iterations = _ITERATIONS_WITHOUT_PHASE if phase is None else self.iterations
        return griffin_lim.griffin_lim(
            magnitude,
            self.n_fft,
            self.hop,
            iterations,
            phase=phase,
            window=self.window,
        )
