"""The ConvNeXt block, against NumPy."""

import numpy as np
import tensorflow as tf

from tf_mt.layers import convnext


def test_it_is_a_wide_convolution_and_two_dense_layers():
    random = np.random.default_rng(0)
    x = random.standard_normal((2, 9, 4)).astype(np.float32)
    block = convnext.ConvNextBlock(channels=4, expansion=3, kernel=3, scale=0.5)
    block(x)
    for variable in block.trainable_variables:
        variable.assign(random.standard_normal(variable.shape))
    kernel = np.asarray(block.convolution.kernel)[..., 0]
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    convolved = sum(padded[:, k : k + 9] * kernel[k] for k in range(3))
    convolved += np.asarray(block.convolution.bias)
    mean, variance = (f(convolved, -1, keepdims=True) for f in (np.mean, np.var))
    normed = (convolved - mean) / np.sqrt(variance + 1e-6)
    normed = normed * np.asarray(block.norm.gamma) + np.asarray(block.norm.beta)
    wide = normed @ np.asarray(block.wide.kernel) + np.asarray(block.wide.bias)
    wide = wide / (1.0 + np.exp(-wide))
    narrow = wide @ np.asarray(block.narrow.kernel) + np.asarray(block.narrow.bias)
    expected = x + np.asarray(block.scale) * narrow
    np.testing.assert_allclose(block(x), expected, rtol=1e-3, atol=1e-4)


def test_its_scale_begins_as_it_is_told():
    block = convnext.ConvNextBlock(channels=3, expansion=1, kernel=3, scale=0.25)
    block(tf.zeros([1, 4, 3]))
    np.testing.assert_array_equal(block.scale, np.full(3, 0.25, np.float32))
