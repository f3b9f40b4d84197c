"""Random recording channels: what lies between an instrument and a file of its sound.

A room, the colour of a microphone and of a loudspeaker, noise, overload, and the
band that a telephone or an MP3 leaves. An encoder that hears its training clips through
them is less surprised by recordings from elsewhere.
"""

import dataclasses

import numpy as np
import tensorflow as tf

# The equaliser's gains are drawn at so many frequencies from the lowest one to half the
# sample rate, evenly spaced on a logarithmic axis.
_EQUALISER_POINTS = 8
_LOWEST_HZ = 50.0
# How far the reverberation is below the direct sound, uniform.
_REVERBERATION_DB = (0.0, 20.0)
# Power of the noise falls by frequency to the power of 0 (white) to 2 (brown).
_STEEPEST_POWER = 2.0
# A low-pass of a Butterworth filter's magnitude.
_LOW_PASS_ORDER = 8
_SMALLEST = 1e-7

NO_NOISE_DB = -120.0


@dataclasses.dataclass(frozen=True)
class Channel:
    """The range of random channels; by default they change nothing.

    Attributes:
        equaliser_db: A smooth random equaliser amplifies and weakens by up to so much.
        room_seconds: Longest reverberation time, in which a sound falls by 60 dB.
        coloured_noise_db: Highest level of noise, from white to brown, relative to the
            clip; `NO_NOISE_DB` adds none.
        clipping_db: Peaks are cut off from up to so much below the highest one.
        band_hz: Lowest cut-off frequency of a low-pass; 0 has none.
    """

    equaliser_db: float = 0.0
    room_seconds: float = 0.0
    coloured_noise_db: float = NO_NOISE_DB
    clipping_db: float = 0.0
    band_hz: float = 0.0

    @property
    def changes(self) -> bool:
        """Whether any channel changes anything."""
        return self != Channel()


def through(
    channel: Channel, clips: tf.Tensor, sample_rate_hz: int, seed: tf.Tensor
) -> tf.Tensor:
    """Sends each of some clips through a channel of its own.

    In this order: room, equaliser, noise, low-pass, clipping. The root mean square of
    a clip stays what it was.

    Args:
        channel: The range that channels are drawn from.
        clips: float32 `[clips, samples]`, of a static length.
        sample_rate_hz: Their rate.
        seed: Of `tf.random.stateless_uniform`; all draws depend on it alone.

    Returns:
        float32 `[clips, samples]`.
    """
    seeds = [tf.random.fold_in(seed, number) for number in range(6)]
    samples = clips.shape[-1]
    tail = round(channel.room_seconds * sample_rate_hz)
    # Zeros behind the clip, so that its end does not come round to its beginning.
    size = int(2 ** np.ceil(np.log2(samples + max(tail, sample_rate_hz // 20))))
    hz = np.fft.rfftfreq(size, 1.0 / sample_rate_hz).astype(np.float32)
    count = tf.shape(clips)[0]
    spectrum = tf.signal.rfft(clips, [size])
    if channel.room_seconds:
        response = _room(count, channel.room_seconds, tail, sample_rate_hz, seeds[0])
        spectrum *= tf.signal.rfft(response, [size])
    if channel.equaliser_db:
        gain = _equaliser(count, channel.equaliser_db, hz, seeds[1])
        spectrum *= tf.cast(gain, tf.complex64)
    if channel.coloured_noise_db > NO_NOISE_DB:
        heard = tf.signal.irfft(spectrum, [size])[:, :samples]
        noise = _noise(count, hz, size, seeds[2])
        level = _uniform(count, 0.0, _linear(channel.coloured_noise_db), seeds[3])
        noise *= level * _rms(heard) / _rms(noise[:, :samples])
        spectrum += tf.signal.rfft(noise)
    if channel.band_hz:
        gain = _low_pass(count, channel.band_hz, hz, seeds[4])
        spectrum *= tf.cast(gain, tf.complex64)
    heard = tf.signal.irfft(spectrum, [size])[:, :samples]
    if channel.clipping_db:
        peak = tf.reduce_max(tf.abs(heard), axis=-1, keepdims=True)
        limit = peak * _linear(-_uniform(count, 0.0, channel.clipping_db, seeds[5]))
        heard = tf.clip_by_value(heard, -limit, limit)
    return heard * _rms(clips) / _rms(heard)


def _room(
    count: tf.Tensor,
    longest_seconds: float,
    tail: int,
    sample_rate_hz: int,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Impulse responses `[clips, tail]`: one, then noise that decays exponentially."""
    time_seconds = np.arange(1, tail, dtype=np.float32) / sample_rate_hz
    of_time, of_level, of_noise = (tf.random.fold_in(seed, n) for n in range(3))
    # 0.05 s is about as dry as a room with anything in it can be.
    decay_seconds = _uniform(
        count, min(0.05, longest_seconds), longest_seconds, of_time
    )
    noise = tf.random.stateless_normal([count, tail - 1], of_noise)
    noise *= _linear(-60.0 * time_seconds / decay_seconds)
    below_db = _uniform(count, *_REVERBERATION_DB, of_level)
    energy = tf.reduce_sum(tf.square(noise), axis=-1, keepdims=True)
    noise *= _linear(-below_db) / tf.sqrt(energy + _SMALLEST)
    return tf.concat([tf.ones([count, 1]), noise], axis=-1)


def _equaliser(
    count: tf.Tensor, most_db: float, hz: np.ndarray, seed: tf.Tensor
) -> tf.Tensor:
    """Gains `[clips, bins]`, linear in decibels between a few frequencies."""
    gains_db = most_db * tf.random.stateless_uniform(
        [count, _EQUALISER_POINTS], seed, -1.0, 1.0
    )
    octaves = np.log2(np.maximum(hz, _LOWEST_HZ) / _LOWEST_HZ)
    places = octaves / octaves[-1] * (_EQUALISER_POINTS - 1)
    below = np.minimum(places.astype(int), _EQUALISER_POINTS - 2)
    share = (places - below).astype(np.float32)
    low, high = (tf.gather(gains_db, below + one, axis=-1) for one in (0, 1))
    return _linear(low + share * (high - low))


def _noise(count: tf.Tensor, hz: np.ndarray, size: int, seed: tf.Tensor) -> tf.Tensor:
    """Noise `[clips, size]`, each of its own colour."""
    of_noise, of_colour = (tf.random.fold_in(seed, number) for number in range(2))
    white = tf.signal.rfft(tf.random.stateless_normal([count, size], of_noise))
    power = _uniform(count, 0.0, _STEEPEST_POWER, of_colour)
    # Below the lowest frequency it falls no further.
    relative = np.maximum(hz, _LOWEST_HZ) / _LOWEST_HZ
    gain = tf.pow(relative[np.newaxis], -0.5 * power)
    return tf.signal.irfft(white * tf.cast(gain, tf.complex64), [size])


def _low_pass(
    count: tf.Tensor, lowest_hz: float, hz: np.ndarray, seed: tf.Tensor
) -> tf.Tensor:
    """Gains `[clips, bins]`; cut-off frequencies are uniform on a logarithmic axis."""
    octaves = _uniform(count, 0.0, max(0.0, np.log2(hz[-1] / lowest_hz)), seed)
    cutoff_hz = lowest_hz * tf.pow(2.0, octaves)
    return tf.math.rsqrt(1.0 + tf.pow(hz / cutoff_hz, 2 * _LOW_PASS_ORDER))


def _uniform(
    count: tf.Tensor, smallest: float, largest: float, seed: tf.Tensor
) -> tf.Tensor:
    """One number for each clip: `[clips, 1]`."""
    return tf.random.stateless_uniform([count, 1], seed, smallest, largest)


def _rms(clips: tf.Tensor) -> tf.Tensor:
    """The root mean square of each clip, `[clips, 1]`, greater than zero."""
    power = tf.reduce_mean(tf.square(clips), axis=-1, keepdims=True)
    return tf.sqrt(power + _SMALLEST**2)


def _linear(decibels: tf.Tensor | float) -> tf.Tensor:
    return tf.pow(10.0, tf.cast(decibels, tf.float32) / 20.0)
