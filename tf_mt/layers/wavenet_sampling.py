"""Autoregressive sampling of a WaveNet, many streams at once (van den Oord et al.).

Equal to `wavenet.Decoder`, sample for sample, but what a layer has computed is kept
until its dilation needs it (Paine et al. 2016): in a list of as many tensors as the
dilation, of which a step reads one and replaces it, so that nothing is copied.
The graph is of TensorFlow's own operations and needs no compiler.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_mt.audio import mu_law
from tf_mt.layers import wavenet


class Weights(NamedTuple):
    """A decoder's weights in the form that a step uses.

    `sigmoid(x)` is `(1 + tanh(x / 2)) / 2`, so that one tanh serves gate and filter:
    the halves are in the weights.

    Attributes:
        first: `[2, channels]`, for the sample before the last and the last.
        first_bias: `[channels]`.
        first_skip: `[channels, channels]`, and its bias.
        first_skip_bias: `[channels]`.
        past: Of each layer, `[channels, 2 * channels]`, for what is dilated.
        present: The same for what is not.
        conditions: `[latent, layers * 2 * channels]`.
        conditions_bias: `[layers * 2 * channels]`, with those of the convolutions.
        mixing: Of each layer, `[channels, 2 * channels]`.
        mixing_bias: Of each layer, `[2 * channels]`.
        head: `[channels, channels]`.
        head_condition: `[latent, channels]`.
        head_bias: `[channels]`, both.
        last: `[channels, 256]`.
        last_bias: `[256]`.
    """

    first: tf.Tensor
    first_bias: tf.Tensor
    first_skip: tf.Tensor
    first_skip_bias: tf.Tensor
    past: list[tf.Tensor]
    present: list[tf.Tensor]
    conditions: tf.Tensor
    conditions_bias: tf.Tensor
    mixing: list[tf.Tensor]
    mixing_bias: list[tf.Tensor]
    head: tf.Tensor
    head_condition: tf.Tensor
    head_bias: tf.Tensor
    last: tf.Tensor
    last_bias: tf.Tensor


def weights(decoder: wavenet.Decoder, dtype: tf.DType) -> Weights:
    """Reads a decoder's weights, in the arithmetic of the steps."""

    def read(variable: tf.Variable) -> tf.Tensor:
        return tf.cast(tf.convert_to_tensor(variable), tf.float32)

    halves = tf.repeat([0.5, 1.0], decoder.channels)
    dilated = [read(layer.kernel) * halves for layer in decoder.dilated]
    conditions = tf.tile(halves, [len(dilated)])
    biases = tf.concat([read(layer.bias) for layer in decoder.dilated], axis=0)
    found = Weights(
        first=read(decoder.first.kernel)[:, 0],
        first_bias=read(decoder.first.bias),
        first_skip=read(decoder.first_skip.kernel)[0],
        first_skip_bias=read(decoder.first_skip.bias),
        past=[kernel[0] for kernel in dilated],
        present=[kernel[1] for kernel in dilated],
        conditions=read(decoder.conditions.kernel) * conditions,
        conditions_bias=(read(decoder.conditions.bias) + biases) * conditions,
        mixing=[0.5 * read(layer.kernel)[0] for layer in decoder.mixing],
        mixing_bias=[read(layer.bias) for layer in decoder.mixing],
        head=read(decoder.head.kernel)[0],
        head_condition=read(decoder.head_condition.kernel),
        head_bias=read(decoder.head.bias) + read(decoder.head_condition.bias),
        last=read(decoder.last.kernel)[0],
        last_bias=read(decoder.last.bias),
    )
    return tf.nest.map_structure(lambda values: tf.cast(values, dtype), found)


def run(
    found: Weights,
    dilations: Sequence[int],
    content: tf.Tensor,
    hop: int,
    choose: Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    kept: tf.TensorSpec,
    samples: tf.Tensor,
    skipped: int = 0,
) -> tf.Tensor:
    """Runs a decoder over streams that begin in silence.

    Args:
        found: The decoder's weights.
        dilations: Of its layers.
        content: float32 `[frames, streams, latent]`.
        hop: Samples that a frame stands for.
        choose: From a sample's number, an int32 scalar, and the logits of its code,
            float32 `[streams, 256]`, to the code, int32 `[streams]`, and to what is
            kept of the sample.
        kept: Shape, `[streams, ...]`, and type of what is kept.
        samples: How many to make of each stream, at most
            `frames * hop - skipped`; int32 scalar.
        skipped: Samples of the first frame that are before the first; below `hop`.

    Returns:
        What was kept, `[samples, streams, ...]`.
    """
    dtype, channels = found.head.dtype, found.head.shape[0]
    content = tf.cast(content, dtype)
    streams = tf.shape(content)[1]
    # What a layer keeps longer than there are samples is never read.
    lengths = [tf.minimum(dilation, samples) for dilation in dilations]
    rings = [_ring(length, streams, channels, dtype) for length in lengths]
    before = tf.zeros([streams, 1], dtype)
    written = tf.TensorArray(kept.dtype, samples, element_shape=kept.shape)

    def sample(conditions, head_condition, number, written, before, last, *rings):
        x = before * found.first[:1] + last * found.first[1:] + found.first_bias
        skips, rings = tf.matmul(x, found.first_skip) + found.first_skip_bias, [*rings]
        for layer, length in enumerate(lengths):
            past, rings[layer] = _exchange(rings[layer], number % length, x)
            drive = tf.matmul(x, found.present[layer]) + conditions[layer]
            drive += tf.matmul(past, found.past[layer])
            gate, filtered = tf.split(tf.tanh(drive), 2, axis=1)
            mixed = tf.matmul(gate * filtered + filtered, found.mixing[layer])
            onward, skip = tf.split(mixed + found.mixing_bias[layer], 2, axis=1)
            x, skips = x + onward, skips + skip
        x = tf.matmul(tf.nn.relu(skips), found.head) + head_condition
        logits = tf.matmul(tf.nn.relu(x), found.last) + found.last_bias
        codes, kept_of_it = choose(number, tf.cast(logits, tf.float32))
        signal = tf.cast(mu_law.scale(codes), dtype)[:, tf.newaxis]
        return number + 1, written.write(number, kept_of_it), last, signal, *rings

    def frame(number, *state):
        place = (number + skipped) // hop
        conditioning = content[place]
        conditions = tf.split(
            tf.matmul(conditioning, found.conditions) + found.conditions_bias,
            len(dilations),
            axis=1,
        )
        head_condition = tf.matmul(conditioning, found.head_condition) + found.head_bias
        return _while(
            tf.minimum((place + 1) * hop - skipped, samples),
            lambda *state: sample(conditions, head_condition, *state),
            (number, *state),
        )

    _, written, *_ = _while(samples, frame, (0, written, before, before, *rings))
    return written.stack()


def _while(end: tf.Tensor, body: Callable, state: tuple) -> tuple:
    # Iterations at the same time would copy the rings.
    return tf.while_loop(
        lambda number, *_: number < end, body, state, parallel_iterations=1
    )


def _ring(
    length: tf.Tensor, streams: tf.Tensor, channels: int, dtype: tf.DType
) -> tf.Tensor:
    """A list of so many tensors `[streams, channels]` of zeros."""
    return tf.raw_ops.TensorListFromTensor(
        tensor=tf.zeros(tf.stack([length, streams, channels]), dtype),
        element_shape=tf.constant([-1, channels]),
    )


def _exchange(
    ring: tf.Tensor, place: tf.Tensor, x: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Takes what is at a place of a ring, and puts something else there."""
    past = tf.raw_ops.TensorListGetItem(
        input_handle=ring,
        index=place,
        element_shape=tf.shape(x),
        element_dtype=x.dtype,
    )
    past = tf.ensure_shape(past, [None, x.shape[1]])
    # A list that is still to be read would be copied.
    with tf.control_dependencies([past]):
        ring = tf.raw_ops.TensorListSetItem(input_handle=ring, index=place, item=x)
    return past, ring


def draw(
    logits: tf.Tensor, uniform_draws: tf.Tensor, temperature: float, top_k: int
) -> tf.Tensor:
    """Draws a class for each row, by the inverse of its distribution function.

    Args:
        logits: float32 `[streams, classes]`.
        uniform_draws: float32 `[streams]`, in [0, 1).
        temperature: What logits are divided by; 0 takes the likeliest class.
        top_k: How many of the likeliest classes may be drawn; 0 allows all.

    Returns:
        int32 `[streams]`.
    """
    if not temperature or top_k == 1:
        return tf.argmax(logits, axis=1, output_type=tf.int32)
    if top_k:
        least = tf.math.top_k(logits, top_k).values[:, -1:]
        logits = tf.where(logits < least, -np.inf, logits)
    highest = tf.reduce_max(logits, axis=1, keepdims=True)
    summed = tf.cumsum(tf.exp((logits - highest) / temperature), axis=1)
    below = summed <= uniform_draws[:, tf.newaxis] * summed[:, -1:]
    # Rounding may leave no class above.
    return tf.minimum(
        tf.reduce_sum(tf.cast(below, tf.int32), axis=1), logits.shape[1] - 1
    )
