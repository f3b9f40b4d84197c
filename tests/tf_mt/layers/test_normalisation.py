import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import normalisation


@pytest.mark.parametrize("shape", [(2, 50, 3), (2, 7, 9, 3)])
def test_instance_norm_equals_numpy(shape):
    x = np.random.default_rng(0).normal(2.0, 3.0, shape).astype(np.float32)
    axes = tuple(range(1, len(shape) - 1))
    expected = (x - x.mean(axes, keepdims=True)) / np.sqrt(
        x.var(axes, keepdims=True) + normalisation.EPSILON
    )
    np.testing.assert_allclose(
        normalisation.instance_norm(tf.constant(x)), expected, atol=1e-5
    )


def test_instance_norm_keeps_dtype_but_not_its_precision():
    x = 100.0 + np.random.default_rng(0).normal(size=(1, 4000, 1))
    normed = normalisation.instance_norm(tf.cast(x, tf.bfloat16))
    assert normed.dtype == tf.bfloat16
    assert abs(float(tf.reduce_mean(tf.cast(normed, tf.float32)))) < 1e-2


@pytest.mark.parametrize("shape", [(2, 11, 3), (2, 5, 4, 3)])
def test_adaptive_norm_applies_scale_and_offset_of_each_timbre(shape):
    rng = np.random.default_rng(1)
    x = rng.normal(size=shape).astype(np.float32)
    timbre = rng.normal(size=(2, 5)).astype(np.float32)
    layer = normalisation.AdaptiveInstanceNorm()
    y = layer(tf.constant(x), tf.constant(timbre)).numpy()
    kernel, bias = (v.numpy() for v in layer.modulation.weights)
    scale, offset = np.split(timbre @ kernel + bias, 2, axis=-1)
    spread = (2, *[1] * (len(shape) - 2), 3)
    expected = normalisation.instance_norm(tf.constant(x)).numpy() * (
        1 + scale.reshape(spread)
    )
    np.testing.assert_allclose(y, expected + offset.reshape(spread), atol=1e-5)


def test_plain_norm_ignores_the_timbre():
    x = keras.random.normal((1, 8, 2), seed=0)
    layer = normalisation.InstanceNorm()
    np.testing.assert_array_equal(layer(x), layer(x, tf.ones([1, 4])))
