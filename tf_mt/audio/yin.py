"""The pitch of one voice in a graph, by YIN (de Cheveigné and Kawahara 2002).

Steps 1 to 5 of the paper: squared differences of a frame and itself later, as a share
of their mean over all shorter lags; the first dip below a threshold, or the lowest
point; and its place by a parabola.
"""

import tensorflow as tf

# Below this share, the first dip is taken.
THRESHOLD = 0.15


def track(
    frames: tf.Tensor, sample_rate_hz: int, lowest_hz: float, highest_hz: float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Estimates the pitch of frames, and how far they are from having one.

    Args:
        frames: float32 `[..., samples]`, twice the longest period or more. Where there
            is no pitch, some value in the range is given.
        sample_rate_hz: Of the samples.
        lowest_hz: The lowest pitch that is looked for.
        highest_hz: The highest one.

    Returns:
        The pitch in hertz, from `lowest_hz` to `highest_hz`, and the share at its
        period: 0 for a periodic frame, about 1 for noise. Both float32 `[...]`.

    Raises:
        ValueError: The frames are shorter.
    """
    size = frames.shape[-1]
    first = max(2, int(sample_rate_hz / highest_hz))
    last = int(sample_rate_hz / lowest_hz) + 2
    if 2 * last > size:
        raise ValueError(
            f"samples={size} must be {2 * last} or more for lowest_hz={lowest_hz:g}."
        )
    shares = _normalised(_differences(frames, size // 2, last))
    before, here, after = (
        shares[..., first + shift : last - 1 + shift] for shift in (-1, 0, 1)
    )
    dips = (here < before) & (here <= after) & (here < THRESHOLD)
    # Both are the first index of the largest value.
    dip = tf.argmax(tf.cast(dips, tf.int8), axis=-1, output_type=tf.int32)
    lowest = tf.argmin(here, axis=-1, output_type=tf.int32)
    chosen = tf.where(tf.reduce_any(dips, axis=-1), dip, lowest)
    left, middle, right = (
        tf.gather(values, chosen, axis=-1, batch_dims=len(values.shape) - 1)
        for values in (before, here, after)
    )
    bend = left - 2.0 * middle + right
    shift = tf.math.divide_no_nan(0.5 * (left - right), bend)
    lag = tf.cast(chosen + first, tf.float32) + tf.clip_by_value(shift, -0.5, 0.5)
    return tf.clip_by_value(sample_rate_hz / lag, lowest_hz, highest_hz), middle


def _differences(frames: tf.Tensor, window: int, lags: int) -> tf.Tensor:
    """Sums over a window of squared differences, for lags 0 to `lags`: equation 6."""
    size = frames.shape[-1]
    spectrum = tf.signal.rfft(frames)
    head = tf.signal.rfft(frames[..., :window], [size])
    products = tf.signal.irfft(tf.math.conj(head) * spectrum, [size])[..., : lags + 1]
    power = tf.cumsum(tf.square(frames), axis=-1)
    power = tf.pad(power, [[0, 0]] * (len(power.shape) - 1) + [[1, 0]])
    later = power[..., window : window + lags + 1] - power[..., : lags + 1]
    return tf.maximum(later[..., :1] + later - 2.0 * products, 0.0)


def _normalised(differences: tf.Tensor) -> tf.Tensor:
    """Differences as a share of their mean over shorter lags: equation 8."""
    lags = differences.shape[-1] - 1
    sums = tf.cumsum(differences[..., 1:], axis=-1)
    numbers = tf.range(1.0, lags + 1.0)
    shares = tf.where(sums > 0.0, differences[..., 1:] * numbers / sums, 1.0)
    return tf.concat([tf.ones_like(shares[..., :1]), shares], axis=-1)
