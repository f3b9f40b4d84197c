"""The networks of LORD for images: their sizes, and that both codes matter."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import lord


def parameters(layer, *without):
    left_out = {id(v) for other in without for v in other.trainable_variables}
    return sum(
        math.prod(v.shape) for v in layer.trainable_variables if id(v) not in left_out
    )


@pytest.mark.parametrize(
    ("size", "colours", "expected"), [(64, 3, 7_569_155), (128, 1, 78_555_265)]
)
def test_parameters_of_the_generator(size, colours, expected):
    generator = lord.Generator(size, size, colours)
    generated = generator(tf.zeros([1, 128]), tf.zeros([1, 256]))
    assert generated.shape == (1, size, size, colours)
    assert parameters(generator, *generator.norms) == expected
    modulation = 4 * (256 * 512 + 512)
    assert parameters(generator) == expected + modulation


@pytest.mark.parametrize(
    ("size", "colours", "expected"), [(64, 3, 3_910_400), (128, 1, 7_049_856)]
)
def test_parameters_of_the_encoder(size, colours, expected):
    encoder = lord.Encoder(128)
    assert encoder(tf.zeros([1, size, size, colours])).shape == (1, 128)
    assert parameters(encoder) == expected


def test_both_codes_steer_the_picture():
    generator = lord.Generator(16, 32)
    content = tf.random.stateless_normal([2, 8], [0, 0])
    timbre = tf.random.stateless_normal([2, 4], [0, 1])
    first = generator(content, timbre).numpy()
    assert first.shape == (2, 16, 32, 1)
    assert first.min() >= 0.0
    assert first.max() <= 1.0
    assert np.abs(generator(content[::-1], timbre) - first).max() > 1e-3
    assert np.abs(generator(content, timbre[::-1]) - first).max() > 1e-3
