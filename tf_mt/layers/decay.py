"""How fast held notes fade, of one voice at a time, by the frames of a recording.

Plucked and struck strings fade; what is bowed or blown is as loud as its player likes.
"""

from typing import NamedTuple

import tensorflow as tf

# On either side of a frame, what its rate is measured between; an attack lasts as long.
_REACH_SECONDS = 0.064
# A note that is held keeps its pitch, and does not fall as fast as one that is let go.
_HELD_SEMITONES = 0.5
_FASTEST_FALL_DB, _FASTEST_RISE_DB = -60.0, 20.0
# What begins a note: a pitch that moves by more, or a level that rises by more.
_ONSET_SEMITONES, _ONSET_DB = 0.7, 6.0
_PITCHED = 0.5
# Onsets more than 2 ** so many frames ago are forgotten.
_DOUBLINGS = 12


class Course(NamedTuple):
    """What frames of recordings have.

    Attributes:
        power_db: Float32 `[batch, frames]`.
        midi: Their pitch as a MIDI number, float32 `[batch, frames]`.
        unpitched: 0 where a frame has that pitch, 1 where it has none or several,
            float32 `[batch, frames]`.
        audible: Whether a frame is loud enough to count, bool `[batch, frames]`.
        hop_seconds: From one frame to the next.
    """

    power_db: tf.Tensor
    midi: tf.Tensor
    unpitched: tf.Tensor
    audible: tf.Tensor
    hop_seconds: float


def reach(hop_seconds: float) -> int:
    """Frames on either side of one that tell what happens in it.

    Args:
        hop_seconds: From one frame to the next.
    """
    return max(1, round(_REACH_SECONDS / hop_seconds))


def rates(course: Course) -> tuple[tf.Tensor, tf.Tensor]:
    """How fast frames get louder, and which are in the middle of a held note.

    Args:
        course: The frames.

    Returns:
        Decibels a second, negative where a note fades, and 1 for frames that are held,
        else 0: float32 `[batch, frames]` both.
    """
    power_db, midi, unpitched, audible, hop_seconds = course
    count = reach(hop_seconds)
    before, after = (_moved(power_db, step) for step in (count, -count))
    rate = (after - before) / (2.0 * count * hop_seconds)
    held = audible & (rate > _FASTEST_FALL_DB) & (rate < _FASTEST_RISE_DB)
    pitched = unpitched < _PITCHED
    for step in (count, -count):
        kept = tf.abs(_moved(midi, step) - midi) < _HELD_SEMITONES
        held &= pitched & _moved(pitched, step) & kept
    places = tf.range(tf.shape(midi)[1])
    inside = (places >= count) & (places < tf.shape(midi)[1] - count)
    return rate, tf.cast(held & inside, tf.float32)


def seconds_since_onset(course: Course) -> tf.Tensor:
    """For how long the note of each frame has lasted.

    Args:
        course: The frames.

    Returns:
        Seconds, float32 `[batch, frames]`; 0 before the first onset.
    """
    power_db, midi, unpitched, audible, hop_seconds = course
    count = reach(hop_seconds)
    earlier = [_moved(power_db, step) for step in range(1, count + 1)]
    rises = power_db - tf.reduce_min(earlier, axis=0) > _ONSET_DB
    jumps = tf.abs(midi - _moved(midi, count)) > _ONSET_SEMITONES
    begins = audible & (rises | (jumps & (unpitched < _PITCHED)))
    onset = begins & ~_moved(begins, 1)
    places = tf.broadcast_to(tf.range(tf.shape(midi)[1])[tf.newaxis], tf.shape(midi))
    last = tf.where(onset, places, -1)
    for doubling in range(_DOUBLINGS):
        last = tf.maximum(last, _moved(last, 2**doubling))
    since = tf.where(last < 0, 0, places - last)
    return hop_seconds * tf.cast(since, tf.float32)


def _moved(frames: tf.Tensor, count: int) -> tf.Tensor:
    """What frames `[batch, frames]` have so many earlier (later, if it is negative).

    Where there are none, what the first or the last one has.
    """
    places = tf.range(tf.shape(frames)[1]) - count
    return tf.gather(
        frames, tf.clip_by_value(places, 0, tf.shape(frames)[1] - 1), axis=1
    )
