"""Inference of the VAE-GAN, on spectrograms of any length.

A spectrogram is cut into windows of the length of a training clip, which overlap by
half (`frame_windows`).
"""

import math
from typing import NamedTuple

import keras
import tensorflow as tf

from tf_mt.layers import frame_windows, spectrogram, stacks


class Content(NamedTuple):
    """The content of a batch of recordings.

    Attributes:
        code: float32 `[batch, windows, frames / 2**halvings, ..., channels]`.
        phase: Of the source, in radians `[batch, frames, bins]`; None where there is
            no source.
    """

    code: tf.Tensor
    phase: tf.Tensor | None


def encode(
    encoder: keras.layers.Layer, log_mel: tf.Tensor, window_frames: int
) -> tf.Tensor:
    """Encodes log-mel spectrograms `[batch, frames, bands]` to `Content.code`."""
    windows = frame_windows.cut(log_mel, window_frames, spectrogram.SILENCE)
    return stacks.split(encoder(stacks.merge(windows)), windows)


def generate(
    generator: keras.layers.Layer,
    code: tf.Tensor,
    domain: tf.Tensor,
    window_frames: int,
) -> tf.Tensor:
    """Generates each recording in a domain.

    Args:
        generator: As from `network.generator`.
        code: `Content.code`.
        domain: int32 `[batch]`.
        window_frames: Frames that a window of the code stands for.

    Returns:
        Log-mel float32 `[batch, frames, bands]`, of all frames of the windows: the last
        may stand for more than the recording has.
    """
    windows = generator.decode_windows(code, domain)
    frames = (tf.shape(code)[1] + 1) * window_frames // 2
    return frame_windows.join(windows, frames)


def pool(code: tf.Tensor, frames: tf.Tensor, products: bool) -> tf.Tensor:
    """Pools a code over time, without the padding of its last window.

    Args:
        code: `Content.code`.
        frames: How many frames of the code the recording has; int32 scalar. Frames of
            two windows count once.
        products: Whether to return the mean products of all pairs of channels instead
            of the means: for a code that is normalised over time, whose means are zero.

    Returns:
        float32 `[batch, features]`.
    """
    windows = tf.reshape(
        code, [tf.shape(code)[0], -1, code.shape[2], math.prod(code.shape[3:])]
    )
    code = frame_windows.join(windows, frames)
    if not products:
        return tf.reduce_mean(code, axis=1)
    products = tf.einsum("btc,btd->bcd", code, code) / tf.cast(frames, tf.float32)
    upper = tf.linalg.band_part(tf.ones(products.shape[1:]), 0, -1) > 0
    return tf.boolean_mask(products, upper, axis=1)
