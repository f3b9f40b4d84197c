"""Equal windows of a spectrogram: cut for a network, cross-faded afterwards.

A network with instance normalisation treats a frame by what else is in its window, so
it is given windows of the length that it was trained on, whatever the recording's.
Neighbours overlap by half.
"""

import math

import numpy as np
import tensorflow as tf


def cut(spectrogram: tf.Tensor, window: int, padding: float) -> tf.Tensor:
    """Cuts a spectrogram into windows that overlap by half.

    Args:
        spectrogram: `[batch, frames, bands]`.
        window: Frames in a window; even.
        padding: The value of silence, appended until the last window is full.

    Returns:
        `[batch, windows, window, bands]`; a single window where one suffices.
    """
    if spectrogram.shape[1] == window:
        return spectrogram[:, tf.newaxis]
    step = window // 2
    frames = tf.shape(spectrogram)[1]
    missing = tf.where(frames < window, window - frames, -frames % step)
    padded = tf.pad(
        spectrogram, [[0, 0], [0, missing], [0, 0]], constant_values=padding
    )
    return tf.signal.frame(padded, window, step, axis=1)


def join(windows: tf.Tensor, frames: tf.Tensor) -> tf.Tensor:
    """Cross-fades windows that overlap by half.

    Args:
        windows: `[batch, windows, window, bands]`, as from `cut`.
        frames: How many frames to keep.

    Returns:
        `[batch, frames, bands]`, each frame the average of the windows that hold it,
        weighted by a raised cosine.
    """
    window = windows.shape[2]
    if windows.shape[1] == 1:
        return windows[:, 0, :frames]
    ramp = np.sin(math.pi * (np.arange(window) + 0.5) / window) ** 2
    weight = tf.constant(ramp[:, np.newaxis], windows.dtype)
    summed = _overlap_add(windows * weight)
    weights = _overlap_add(
        tf.broadcast_to(weight, [1, tf.shape(windows)[1], window, 1])
    )
    return (summed / weights)[:, :frames]


def _overlap_add(windows: tf.Tensor) -> tf.Tensor:
    transposed = tf.transpose(windows, [0, 3, 1, 2])
    added = tf.signal.overlap_and_add(transposed, windows.shape[2] // 2)
    return tf.transpose(added, [0, 2, 1])
