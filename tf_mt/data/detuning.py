"""Detuning: changes the pitch of a segment of a clip and keeps its length."""

import math

import tensorflow as tf


def detune(
    audio: tf.Tensor, start: tf.Tensor, length: tf.Tensor, semitones: tf.Tensor
) -> tf.Tensor:
    """Raises or lowers the pitch of a segment of each clip, without cross-fades.

    The segment is resampled around its middle. So events in it are moved in time: for
    half a semitone by at most 3 % of half its length. Where it is read faster, it reads
    beyond its ends, and repeats the clip's last sample beyond the end of the clip.

    Args:
        audio: float32 `[..., samples]`.
        start: The first sample of each segment, int32 `[...]`.
        length: The samples of each segment, int32 `[...]`.
        semitones: How much higher each is, float32 `[...]`.

    Returns:
        float32, as `audio`, and the same outside the segments.
    """
    samples = tf.shape(audio)[-1]
    clips = tf.reshape(audio, [-1, samples])
    start, length, semitones = (
        tf.reshape(of_clip, [-1, 1]) for of_clip in (start, length, semitones)
    )
    sample = tf.range(samples)
    inside = (sample >= start) & (sample < start + length)
    middle = tf.cast(start, tf.float32) + tf.cast(length - 1, tf.float32) / 2.0
    # One by one: a vector's last elements are rounded in another way than its first,
    # and a clip must not depend on its place in the batch.
    faster = tf.map_fn(tf.math.expm1, semitones * (math.log(2.0) / 12.0))
    displacement = faster * (tf.cast(sample, tf.float32) - middle)
    detuned = tf.where(inside, _displaced(clips, displacement), clips)
    return tf.ensure_shape(tf.reshape(detuned, tf.shape(audio)), audio.shape)


def _displaced(clips: tf.Tensor, displacement: tf.Tensor) -> tf.Tensor:
    """Reads clips at fractional positions, by cubic interpolation.

    Args:
        clips: float32 `[clips, samples]`.
        displacement: How many samples from its own place each sample is read, float32
            `[clips, samples]`. Positions would not have the digits that it has.

    Returns:
        float32 `[clips, samples]`.
    """
    samples = tf.shape(clips)[1]
    sample = tf.range(samples)
    displacement = tf.clip_by_value(
        displacement,
        tf.cast(-sample, tf.float32),
        tf.cast(samples - 1 - sample, tf.float32),
    )
    whole = tf.floor(displacement)
    position = sample + tf.cast(whole, tf.int32)
    # A gather of four neighbours at once is faster than one of each.
    padded = tf.pad(clips, [[0, 0], [1, 2]], "SYMMETRIC")
    neighbours = tf.stack([padded[:, n : n + samples] for n in range(4)], axis=-1)
    return _catmull_rom(
        tf.gather(neighbours, position, axis=1, batch_dims=1), displacement - whole
    )


def _catmull_rom(points: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Interpolates between the middle two of four points.

    Args:
        points: float32 `[..., 4]`.
        place: From 0, the second point, to 1, the third; float32 `[...]`.

    Returns:
        float32 `[...]`.
    """
    before, left, right, after = tf.unstack(points, axis=-1)
    slope = right - before
    bend = 2.0 * before - 5.0 * left + 4.0 * right - after
    twist = 3.0 * (left - right) + after - before
    return left + 0.5 * place * (slope + place * (bend + place * twist))
