"""Loudness in a graph, and audio that is as loud as other audio."""

import numpy as np
import tensorflow as tf

from tf_mt.audio import k_weighting

# Longer than the weighting rings.
_MARGIN_SECONDS = 0.1
# Quieter output is not raised to the loudness of its source by more than this.
_MOST_GAIN_DB = 40.0
_LIMITER_SECONDS = 0.005


class Loudness:
    """Integrated loudness of BS.1770-4, as the power behind it.

    Args:
        sample_rate_hz: Of the audio.
    """

    def __init__(self, sample_rate_hz: int):
        self._sections = k_weighting.sections(sample_rate_hz)
        self._step = max(1, sample_rate_hz // 10)
        self._margin = round(_MARGIN_SECONDS * sample_rate_hz)
        self._block = max(1, round(_LIMITER_SECONDS * sample_rate_hz))

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
            float32 `[batch, samples]` in [-1, 1], at most 40 dB louder than before.
            Where it would have to be clipped it is made quieter for milliseconds.
        """
        own = tf.maximum(self.power(audio), k_weighting.SILENCE_POWER)
        most = 10.0 ** (_MOST_GAIN_DB / 20.0)
        gain = tf.minimum(tf.sqrt(power / own), most)
        return limited(audio * gain[:, tf.newaxis], self._block)

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


def limited(audio: tf.Tensor, block: int) -> tf.Tensor:
    """Makes audio quieter where it exceeds full scale, and leaves the rest as it is.

    The gain of a block is that of the loudest of it and its neighbours, and runs
    straight from the middle of one block to that of the next, so no sample is above 1.

    Args:
        audio: float32 `[batch, samples]`.
        block: Samples of a block.

    Returns:
        float32 `[batch, samples]` in [-1, 1].
    """
    samples = tf.shape(audio)[1]
    padded = tf.pad(audio, [[0, 0], [0, -samples % block]])
    blocks = tf.reshape(padded, [tf.shape(audio)[0], -1, block])
    peaks = tf.reduce_max(tf.abs(blocks), axis=2, keepdims=True)
    peaks = tf.nn.max_pool1d(peaks, 3, 1, "SAME")
    gains = 1.0 / tf.maximum(peaks, 1.0)
    ends = tf.concat([gains[:, :1], gains, gains[:, -1:]], axis=1)
    place = (np.arange(block, dtype=np.float32) + 0.5) / block - 0.5
    before, after = np.maximum(-place, 0.0), np.maximum(place, 0.0)
    curve = ends[:, :-2] * before + gains * (1.0 - before - after) + ends[:, 2:] * after
    limited_blocks = tf.clip_by_value(blocks * curve, -1.0, 1.0)
    return tf.reshape(limited_blocks, tf.shape(padded))[:, :samples]


def _mean(values: tf.Tensor, chosen: tf.Tensor) -> tf.Tensor:
    """Means over the chosen values of each row; zero where there are none."""
    return tf.math.divide_no_nan(
        tf.reduce_sum(tf.where(chosen, values, 0.0), axis=1),
        tf.reduce_sum(tf.cast(chosen, tf.float32), axis=1),
    )
