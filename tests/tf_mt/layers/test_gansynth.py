"""The discriminator of GANSynth: size, equalised learning rate, batch deviation."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import gansynth
from tf_mt.losses import adversarial


def batch_mean(values):
    return tf.reduce_mean(values, axis=0)


def made(blocks, base, most, start=(4, 4)):
    keras.utils.set_random_seed(0)
    return gansynth.Discriminator(blocks, base, most, start, batch_mean)


def convolved(inputs, outputs, kernel):
    return inputs * outputs * kernel**2 + outputs


def test_parameters_are_those_of_its_convolutions():
    layer = made(6, 1024, 64)
    assert layer(tf.zeros([2, 128, 128])).shape == (2, 1)
    halvings = [(16, 16), (16, 32), (32, 32), (32, 64)] + [(64, 64)] * 6
    expected = convolved(1, 16, 1) + sum(convolved(*pair, 3) for pair in halvings)
    # The deviation over the batch is one channel more.
    expected += convolved(65, 64, 3) + convolved(64, 64, 4) + convolved(64, 1, 1)
    assert layer.count_params() == expected


def test_kernels_begin_as_unit_noise_and_are_scaled_where_they_are_used():
    layer = made(2, 256, 64, (8, 8))
    layer(tf.zeros([2, 16, 16]))
    first = layer.halvings[0][0]
    kernel = first.layer.kernel.numpy()
    assert np.std(kernel) == pytest.approx(1.0, rel=0.05)
    x = np.random.default_rng(0).normal(size=(1, 1, 1, 64)).astype(np.float32)
    # At the centre of zeros only the middle of the kernel counts.
    expected = x.ravel() @ kernel[1, 1] * np.sqrt(2 / (64 * 9))
    np.testing.assert_allclose(first(x).numpy().ravel(), expected, rtol=1e-4, atol=1e-5)


def test_deviation_over_the_batch():
    x = tf.constant([[1.0, 5.0], [3.0, 5.0]])
    # Deviations 1 and 0.
    found = gansynth.batch_deviation(x, batch_mean)
    assert float(found) == pytest.approx(0.5, abs=1e-3)


def test_it_stays_float32_in_mixed_arithmetic():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = made(2, 16, 8, (8, 8))
        logits = layer(tf.zeros([2, 16, 16]))
    finally:
        keras.config.set_dtype_policy(before)
    assert logits.dtype == tf.float32
    assert {v.dtype for v in layer.trainable_variables} == {"float32"}
    assert layer.halvings[0][0].layer.compute_dtype == "float32"


def test_the_gradient_penalty_is_differentiable():
    layer = made(2, 16, 8, (8, 8))
    real, fake = tf.random.stateless_normal([2, 3, 16, 16], [0, 0])
    with tf.GradientTape() as tape:
        penalty = adversarial.gradient_penalty(layer, real, fake, tf.fill([3], 0.5))
    gradients = tape.gradient(penalty, layer.halvings[0][0].trainable_variables[:1])
    assert float(penalty) > 0
    assert np.any(gradients[0].numpy())
