"""Codes of clips that the first stage was not trained on, by descent on their error.

Gabbay and Hoshen 2020 train encoders for that (the second stage); here the generator
that is already there is inverted, as in generative latent optimisation (Bojanowski et
al. 2018).
"""

from collections.abc import Callable

import tensorflow as tf

from tf_mt.losses import reconstruction

STEP_SIZE = 0.05
FIRST_DEVIATION = 0.05
_BETA_1, _BETA_2, _EPSILON = 0.9, 0.99, 1e-8


def find(
    generate: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    classes: tf.Tensor,
    log_mel: tf.Tensor,
    code_shape: tuple[int, int],
    iterations: int,
) -> tf.Tensor:
    """Finds the content codes that a generator comes nearest to clips with.

    What the clips' classes are is not known, and is found as well: a class code is a
    weighted mean of the known ones. Both follow Adam, from little noise, the same for
    every clip, and from equal weights.

    Args:
        generate: From content codes `[clips, *code_shape]` and class codes `[clips,
            size]` to log-mel `[clips, frames, bands]`.
        classes: The known class codes `[domains, size]`.
        log_mel: float32 `[clips, frames, bands]`.
        code_shape: Frames and channels of a content code.
        iterations: How many steps.

    Returns:
        float32 `[clips, *code_shape]`; a clip's does not depend on the other clips.
    """
    clips = tf.shape(log_mel)[0]
    # A code that is constant over time has no gradient through instance normalisation.
    noise = FIRST_DEVIATION * tf.random.stateless_normal(code_shape, [0, 0])
    begin = [
        tf.repeat(noise[tf.newaxis], clips, axis=0),
        tf.zeros([clips, classes.shape[0]]),
    ]

    def step(number, values, first, second):
        with tf.GradientTape() as tape:
            tape.watch(values)
            code, logits = values
            generated = generate(code, tf.matmul(tf.nn.softmax(logits), classes))
            error = reconstruction.l1(generated, log_mel)
            # The sum over clips: one's gradient does not depend on how many there are.
            total = error * tf.cast(clips, tf.float32)
        gradients = tape.gradient(total, values)
        count = tf.cast(number + 1, tf.float32)
        first = [_mixed(_BETA_1, m, g) for m, g in zip(first, gradients, strict=True)]
        second = [
            _mixed(_BETA_2, v, tf.square(g))
            for v, g in zip(second, gradients, strict=True)
        ]
        scale = STEP_SIZE * tf.sqrt(1 - _BETA_2**count) / (1 - _BETA_1**count)
        values = [
            x - scale * m / (tf.sqrt(v) + _EPSILON)
            for x, m, v in zip(values, first, second, strict=True)
        ]
        return number + 1, values, first, second

    zeros = [tf.zeros_like(value) for value in begin]
    _, (code, _), _, _ = tf.while_loop(
        lambda number, *_: number < iterations,
        step,
        (tf.constant(0), begin, zeros, zeros),
    )
    return tf.stop_gradient(code)


def _mixed(share: float, old: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
    return share * old + (1 - share) * new
