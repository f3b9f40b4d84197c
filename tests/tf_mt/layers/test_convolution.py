import numpy as np
import pytest

from tf_mt.layers import convolution


@pytest.mark.parametrize("rank", [1, 2])
def test_lengths(rank):
    x = np.zeros((1, *[16] * rank, 2), np.float32)
    halved = convolution.convolution(rank, 4, 4, stride=2)(x)
    assert halved.shape == (1, *[8] * rank, 4)
    doubled = convolution.upsampling_convolution(rank, 3)(x)
    assert doubled.shape == (1, *[32] * rank, 3)
    kept = convolution.ReflectedConvolution(rank, 5, 7)(x)
    assert kept.shape == (1, *[16] * rank, 5)


def test_halving_pads_one_zero_on_either_side():
    # As a PyTorch convolution of kernel 4, stride 2, padding 1 does.
    x = np.arange(1.0, 7.0, dtype=np.float32).reshape(1, 6, 1)
    layer = convolution.convolution(1, 1, 4, stride=2)
    layer.build(x.shape)
    layer.set_weights([np.ones((4, 1, 1)), np.zeros(1)])
    np.testing.assert_allclose(layer(x)[0, :, 0], [6.0, 14.0, 15.0])


def test_ends_are_reflected():
    x = np.arange(5.0, dtype=np.float32).reshape(1, 5, 1)
    layer = convolution.ReflectedConvolution(1, 1, 3)
    layer.build(x.shape)
    layer.set_weights([np.array([1.0, 0.0, 0.0]).reshape(3, 1, 1), np.zeros(1)])
    np.testing.assert_allclose(layer(x)[0, :, 0], [1.0, 0.0, 1.0, 2.0, 3.0])
