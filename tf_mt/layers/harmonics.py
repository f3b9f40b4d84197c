"""Statistics of spectra in units of their pitch, and spectra that are given others'.

What tells one instrument from another in a spectrum lies at multiples of the pitch, so
that means over frames of several pitches say little. Here the frequency of a bin counts
in multiples of its frame's pitch, and means are taken for each pitch, over the frames
of about that pitch. Adaptive instance normalisation's idea (Huang and Belongie 2017)
for one voice at a time. So are the rates at which held notes fade.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_mt.audio import stft, yin
from tf_mt.layers import decay

# MIDI numbers of the pitches that there are means for.
PITCHES = np.arange(36, 97)
# Multiples of the pitch that there are means for; what is above has the last one's.
HARMONICS = 64
POINTS_PER_HARMONIC = 8
POINTS = HARMONICS * POINTS_PER_HARMONIC + 1
# The standard deviation of a pitch from those that count for its mean, in semitones,
# and of those that count a little, where there are no nearer ones.
_NEAR, _FAR = 2.0, 12.0
_FAR_WEIGHT, _ANY_WEIGHT = 1e-4, 1e-9
# Frames that are quieter than the loudest one by this do not count.
_RANGE_DB = 40.0
# Of how a frame differs from the mean of its own recording this share is kept.
_KEPT = 0.2
# A frame whose difference from itself a period later is this share of that at other
# lags (YIN) has a pitch, and at the second one none.
_PITCHED, _UNPITCHED = 0.02, 0.1
_LOWEST_GAIN_DB, _HIGHEST_GAIN_DB = -80.0, 60.0
# How far a note may fade more, or less, than its source did.
_MOST_FADED_DB, _MOST_RAISED_DB = -40.0, 15.0
# As many frames of notes that do not fade are counted with those of a recording.
_STEADY_FRAMES = 10.0
# Frames that tell whether there is one voice at a time.
_VOICE_FRAMES = 33
_SMALLEST_POWER = 1e-7
# At 16 kHz.
_N_FFT, _RATE_HZ = 2048, 16_000
_HOPS_PER_FRAME = 8


class Frames(NamedTuple):
    """Frames of recordings.

    Attributes:
        spectrum: Their STFT, complex64 `[batch, frames, bins]`.
        decibels: Its squared magnitudes, float32 `[batch, frames, bins]`.
        power_db: The sum of these over bins, float32 `[batch, frames, 1]`.
        pitch_hz: float32 `[batch, frames]`.
        unpitched: 0 where a frame has that pitch, 1 where it has none or several,
            float32 `[batch, frames]`.
    """

    spectrum: tf.Tensor
    decibels: tf.Tensor
    power_db: tf.Tensor
    pitch_hz: tf.Tensor
    unpitched: tf.Tensor


class Harmonics:
    """Measures recordings of one voice, and gives them what another one has.

    Args:
        sample_rate_hz: Of the audio.
    """

    def __init__(self, sample_rate_hz: int):
        self.sample_rate_hz = sample_rate_hz
        octaves = round(np.log2(sample_rate_hz / _RATE_HZ))
        n_fft = int(_N_FFT * 2.0**octaves)
        self.framing = stft.Framing(n_fft, n_fft // _HOPS_PER_FRAME, n_fft)

    @property
    def size(self) -> int:
        """Numbers that `measure` gives."""
        return len(PITCHES) * (POINTS + 1)

    def measure(self, audio: tf.Tensor) -> tf.Tensor:
        """Mean levels at multiples of the pitch, and of decay, for each pitch.

        Args:
            audio: float32 `[batch, samples]`.

        Returns:
            float32 `[batch, size]`: see `joined`.
        """
        frames = self.analyse(audio)
        return joined(self._means(frames), self._decay(frames))

    def give(self, audio: tf.Tensor, measured: tf.Tensor) -> tf.Tensor:
        """Gives every frame the mean levels of another recording at its pitch.

        Its power and its phase stay as they are, and so does a share of what it differs
        by from the mean of its own recording. Where a frame has no pitch, or several,
        only its envelope is moved, by the difference of both means' envelopes. Then
        notes are made to fade as fast as those of the other recording.

        Args:
            audio: float32 `[batch, samples]`.
            measured: Of `measure`, `[batch, size]`.

        Returns:
            The shape of `audio`.
        """
        frames = self.analyse(audio)
        decibels, power = frames.decibels, frames.power_db
        own = self._means(frames)
        wanted, rates = parted(measured)
        target, moved, shaped = (
            self.at_bins(means, frames.pitch_hz)
            for means in (wanted, wanted - own, _envelope(wanted) - _envelope(own))
        )
        gain = (1.0 - _KEPT) * (target + power - decibels) + _KEPT * moved
        gain += frames.unpitched[..., tf.newaxis] * (shaped - gain)
        gain = tf.clip_by_value(gain, _LOWEST_GAIN_DB, _HIGHEST_GAIN_DB)
        gain += power - _power_db(decibels + gain)
        gain += self._faded(frames, rates)[..., tf.newaxis]
        factor = tf.pow(10.0, gain / 20.0)
        changed = stft.istft(
            frames.spectrum * tf.cast(factor, tf.complex64),
            self.framing.n_fft,
            self.framing.hop,
        )
        return changed[:, : tf.shape(audio)[1]]

    def analyse(self, audio: tf.Tensor) -> Frames:
        """Takes recordings `[batch, samples]` apart."""
        framing = self.framing
        padded = tf.pad(audio, [[0, 0], [0, -tf.shape(audio)[1] % framing.hop]])
        spectrum = stft.stft(padded, framing.n_fft, framing.hop)
        power = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        samples = stft.frames(stft.to_blocks(padded, framing), framing)
        pitch_hz, share = yin.track(
            samples, self.sample_rate_hz, *_hz(PITCHES[[0, -1]])
        )
        unpitched = tf.clip_by_value((share - _PITCHED) / (_UNPITCHED - _PITCHED), 0, 1)
        decibels = _decibels(power + _SMALLEST_POWER)
        return Frames(spectrum, decibels, _power_db(decibels), pitch_hz, unpitched)

    def _means(self, frames: Frames) -> tf.Tensor:
        """Means `[batch, pitches, points]` over frames of about each pitch."""
        pitch_hz = frames.pitch_hz
        weights = nearness(_midi(pitch_hz)) * heard(frames)[:, tf.newaxis]
        points = np.arange(POINTS) / POINTS_PER_HARMONIC
        bin_hz = self.sample_rate_hz / self.framing.n_fft
        places = points * pitch_hz[..., tf.newaxis] / bin_hz
        levels = _interpolated(frames.decibels - frames.power_db, places)
        sums = tf.matmul(weights, levels)
        return sums / tf.reduce_sum(weights, axis=-1, keepdims=True)

    def rates(self, frames: Frames) -> tuple[tf.Tensor, tf.Tensor]:
        """How fast frames get louder, and which are held: see `decay.rates`."""
        return decay.rates(self._course(frames))

    def _decay(self, frames: Frames) -> tf.Tensor:
        """Mean rates `[batch, pitches]` of the held notes of about each pitch."""
        rate, held = self.rates(frames)
        weights = nearness(_midi(frames.pitch_hz)) * held[:, tf.newaxis]
        sums = tf.linalg.matvec(weights, rate)
        return sums / (tf.reduce_sum(weights, axis=-1) + _STEADY_FRAMES * _ANY_WEIGHT)

    def _faded(self, frames: Frames, rates: tf.Tensor) -> tf.Tensor:
        """Gains `[batch, frames]` by which notes fade at rates `[batch, pitches]`."""
        seconds = decay.seconds_since_onset(self._course(frames))
        change = (rates - self._decay(frames))[:, tf.newaxis]
        rate = _interpolated(change, rows(frames.pitch_hz)[:, tf.newaxis])[:, 0]
        gain = tf.clip_by_value(rate * seconds, _MOST_FADED_DB, _MOST_RAISED_DB)
        voices = (1.0 - frames.unpitched)[..., tf.newaxis]
        share = tf.nn.avg_pool1d(voices, _VOICE_FRAMES, 1, "SAME")[..., 0]
        return share * gain

    def _course(self, frames: Frames) -> decay.Course:
        return decay.Course(
            frames.power_db[..., 0],
            _midi(frames.pitch_hz),
            frames.unpitched,
            heard(frames) > 0.0,
            self.framing.hop / self.sample_rate_hz,
        )

    def at_bins(self, means: tf.Tensor, pitch_hz: tf.Tensor) -> tf.Tensor:
        """Means `[batch, pitches, points]` at the bins of frames, by their pitch."""
        places = tf.tile(rows(pitch_hz)[:, tf.newaxis], [1, POINTS, 1])
        of_frames = _interpolated(tf.transpose(means, [0, 2, 1]), places)
        of_frames = tf.transpose(of_frames, [0, 2, 1])
        bins_hz = np.arange(self.framing.bins) * (
            self.sample_rate_hz / self.framing.n_fft
        )
        places = POINTS_PER_HARMONIC * bins_hz / pitch_hz[..., tf.newaxis]
        return _interpolated(of_frames, tf.cast(places, tf.float32))


def joined(levels: tf.Tensor, rates: tf.Tensor) -> tf.Tensor:
    """What is given to frames, in one tensor.

    Args:
        levels: At multiples of the pitch, in decibels of the power of their frames,
            float32 `[batch, pitches, points]`.
        rates: At which held notes get louder, in decibels a second, float32
            `[batch, pitches]`.

    Returns:
        float32 `[batch, Harmonics.size]`.
    """
    both = tf.concat([levels, rates[..., tf.newaxis]], axis=2)
    return tf.reshape(both, [-1, len(PITCHES) * (POINTS + 1)])


def parted(measured: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The levels and the rates of what `joined` made one."""
    both = tf.reshape(measured, [-1, len(PITCHES), POINTS + 1])
    return both[..., :POINTS], both[..., POINTS]


def heard(frames: Frames) -> tf.Tensor:
    """1 for frames that are not much quieter than the loudest one, float32."""
    power = frames.power_db[..., 0]
    loudest = tf.reduce_max(power, axis=1, keepdims=True)
    return tf.cast(power > loudest - _RANGE_DB, tf.float32)


def nearness(midi: tf.Tensor) -> tf.Tensor:
    """How much each of some pitches counts for the mean of each of `PITCHES`.

    Args:
        midi: MIDI numbers, float32 `[batch, any]`.

    Returns:
        float32 `[batch, pitches, any]`, greater than zero.
    """
    distance = tf.square(midi[:, tf.newaxis] - PITCHES[:, np.newaxis])
    near, far = (tf.exp(-0.5 * distance / width**2) for width in (_NEAR, _FAR))
    return near + _FAR_WEIGHT * far + _ANY_WEIGHT


def rows(pitch_hz: tf.Tensor) -> tf.Tensor:
    """Places of pitches among `PITCHES`, from 0, float32."""
    return _midi(pitch_hz) - float(PITCHES[0])


def _envelope(means: tf.Tensor) -> tf.Tensor:
    """The highest of the points within half a harmonic."""
    points = tf.transpose(means, [0, 2, 1])
    highest = tf.nn.max_pool1d(points, POINTS_PER_HARMONIC + 1, 1, "SAME")
    return tf.transpose(highest, [0, 2, 1])


def _interpolated(values: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
    """Values `[batch, rows, any]` at places `[batch, rows, wanted]` between them."""
    last = values.shape[-1] - 1
    places = tf.clip_by_value(places, 0.0, float(last))
    below = tf.minimum(tf.cast(places, tf.int32), last - 1)
    share = places - tf.cast(below, tf.float32)
    low, high = (tf.gather(values, below + step, batch_dims=2) for step in (0, 1))
    return low + share * (high - low)


def _power_db(decibels: tf.Tensor) -> tf.Tensor:
    """The power of frames `[..., bins]` in decibels: `[..., 1]`."""
    linear = tf.pow(10.0, decibels / 10.0)
    return _decibels(tf.reduce_sum(linear, axis=-1, keepdims=True))


def _decibels(power: tf.Tensor) -> tf.Tensor:
    return 10.0 / np.log(10.0) * tf.math.log(power)


def _midi(pitch_hz: tf.Tensor) -> tf.Tensor:
    return 69.0 + 12.0 / np.log(2.0) * tf.math.log(pitch_hz / 440.0)


def _hz(midi: np.ndarray) -> np.ndarray:
    return 440.0 * 2.0 ** ((midi - 69.0) / 12.0)
