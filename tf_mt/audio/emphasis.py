"""Pre-emphasis: a first-order filter that flattens the spectrum, and its inverse.

Noise that is added between the two, such as that of mu-law codes, comes out shaped like
music, and lies below it also where music has little energy (Valin and Skoglund 2019,
LPCNet, section 3.2).
"""

import math

import tensorflow as tf

# Where the inverse filter's response is cut off, of its first sample.
_NEGLIGIBLE = 1e-5


def emphasise(audio: tf.Tensor, coefficient: float) -> tf.Tensor:
    """Filters by `y[t] = x[t] - coefficient * x[t - 1]`.

    Args:
        audio: float32 `[..., samples]`.
        coefficient: In [0, 1); 0 changes nothing.

    Returns:
        float32 `[..., samples]`.
    """
    if not coefficient:
        return audio
    before = tf.pad(audio, [[0, 0]] * (audio.shape.rank - 1) + [[1, 0]])[..., :-1]
    return audio - coefficient * before


def de_emphasise(audio: tf.Tensor, coefficient: float) -> tf.Tensor:
    """Filters by `y[t] = x[t] + coefficient * y[t - 1]`, the inverse of `emphasise`.

    Args:
        audio: float32 `[batch, samples]`.
        coefficient: In [0, 1); 0 changes nothing.

    Returns:
        float32 `[batch, samples]`; differs from the inverse by 1e-4 at most of the
        loudest sample, for the response is cut off where it has died away.
    """
    if not coefficient:
        return audio
    length = math.ceil(math.log(_NEGLIGIBLE) / math.log(coefficient))
    response = coefficient ** tf.range(length - 1, -1, -1, tf.float32)
    padded = tf.pad(audio, [[0, 0], [length - 1, 0]])
    return tf.nn.conv1d(
        padded[..., tf.newaxis],
        response[:, tf.newaxis, tf.newaxis],
        stride=1,
        padding="VALID",
    )[..., 0]
