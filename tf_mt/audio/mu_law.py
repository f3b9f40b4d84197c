"""Mu-law companding: audio as 8-bit codes (the curve of ITU-T G.711).

A WaveNet predicts a code as one of 256 classes; networks get codes scaled to
[-0.5, 0.5].
"""

import math

import tensorflow as tf

LEVELS = 256
MU = LEVELS - 1


def encode(audio: tf.Tensor) -> tf.Tensor:
    """Companded codes of audio, rounded down; silence is 127.

    Args:
        audio: float32, clipped to [-1, 1].

    Returns:
        int32 in [0, 255], of the same shape.
    """
    clipped = tf.clip_by_value(audio, -1.0, 1.0)
    companded = tf.sign(clipped) * tf.math.log1p(MU * tf.abs(clipped))
    share = (companded / math.log(LEVELS) + 1.0) / 2.0
    return tf.cast(tf.floor(share * MU), tf.int32)


def decode(codes: tf.Tensor, biased: bool = False) -> tf.Tensor:
    """The audio of codes.

    Args:
        codes: int32 in [0, 255].
        biased: Whether to decode as the published code of Universal Music Translation
            does, half a bin too low or more. On noise of -20 dB it has 26.4 dB of
            signal to noise, where the middle of a bin has 37.8 dB.

    Returns:
        float32 in [-1, 1], of the same shape.
    """
    values = tf.cast(codes, tf.float32)
    companded = (values - 128.0) / 128.0 if biased else 2.0 * (values + 0.5) / MU - 1.0
    companded = tf.clip_by_value(companded, -1.0, 1.0)
    magnitude = tf.math.expm1(math.log(LEVELS) * tf.abs(companded)) / MU
    return tf.sign(companded) * magnitude


def scale(codes: tf.Tensor) -> tf.Tensor:
    """Codes scaled to network inputs: float32 in [-0.5, 0.5]."""
    return tf.cast(codes, tf.float32) / MU - 0.5
