"""Loudness in a graph, and audio that is as loud as other audio."""

import numpy as np
import tensorflow as tf

from tf_mt.audio import k_weighting

# Longer than the weighting rings.
_MARGIN_SECONDS = 0.1
# Quieter output is not raised to the loudness of its source by more than this.
_MOST_GAIN_DB = 40.0
_SMALLEST_PEAK = 1e-6


class Loudness:
    """Integrated loudness of BS.1770-4, as the power behind it.

    Args:
        sample_rate_hz: Of the audio.
    """

    def __init__(self, sample_rate_hz: int):
        self._sections = k_weighting.sections(sample_rate_hz)
        self._step = max(1, sample_rate_hz // 10)
        self._margin = round(_MARGIN_SECONDS * sample_rate_hz)

    def power(self, audio: tf.Tensor) -> tf.Tensor:
        """The gated mean square of K-weighted audio.

        Args:
            audio: float32 `[batch, samples]`.

        Returns:
            float32 `[batch]`; the loudness is `10 log10(power) - 0.691` LUFS. Zero
            where no block of 400 ms is above -70 LUFS.
        """
        squares = tf.square(self._weighted(audio))
        block = 4 * self._step
        # A recording shorter than a block is one.
        whole = tf.reduce_mean(squares, axis=1, keepdims=True)
        framed = tf.signal.frame(squares, block, self._step)
        blocks = tf.reduce_mean(framed, axis=2)
        powers = tf.cond(tf.shape(squares)[1] < block, lambda: whole, lambda: blocks)
        heard = powers > k_weighting.SILENCE_POWER
        gate = k_weighting.GATE_RATIO * _mean(powers, heard)
        return _mean(powers, heard & (powers > gate[:, tf.newaxis]))

    def matched(self, audio: tf.Tensor, power: tf.Tensor) -> tf.Tensor:
        """Brings audio to a loudness.

        Args:
            audio: float32 `[batch, samples]`.
            power: Of `power`, `[batch]`; audio becomes silent where it is zero.

        Returns:
            float32 `[batch, samples]`, at most 40 dB louder than before, and not so
            loud that it would have to be clipped.
        """
        own = tf.maximum(self.power(audio), k_weighting.SILENCE_POWER)
        peak = tf.reduce_max(tf.abs(audio), axis=1)
        most = tf.minimum(
            10.0 ** (_MOST_GAIN_DB / 20.0), 1.0 / tf.maximum(peak, _SMALLEST_PEAK)
        )
        gain = tf.minimum(tf.sqrt(power / own), most)
        return audio * gain[:, tf.newaxis]

    def _weighted(self, audio: tf.Tensor) -> tf.Tensor:
        """Filters in the frequency domain; what rings on past the end is cut off."""
        samples = tf.shape(audio)[1]
        size = samples + self._margin
        size += size % 2
        spectrum = tf.signal.rfft(audio, [size])
        turns = tf.range(size // 2 + 1, dtype=tf.float32) / tf.cast(size, tf.float32)
        delay = tf.exp(tf.complex(0.0, -2.0 * np.pi * turns))
        for section in self._sections.astype(np.complex64):
            above, below = (
                part[0] + part[1] * delay + part[2] * delay * delay
                for part in (section[:3], section[3:])
            )
            spectrum *= above / below
        return tf.signal.irfft(spectrum, [size])[:, :samples]


def _mean(values: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Means over the chosen values of each row; zero where there are none."""
    return tf.math.divide_no_nan(
        tf.reduce_sum(tf.where(chosen, values, 0.0), axis=1),
        tf.reduce_sum(tf.cast(chosen, tf.float32), axis=1),
    )
