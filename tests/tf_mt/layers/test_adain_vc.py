"""The networks of AdaIN-VC: sizes, reflected ends, pixel shuffle."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import adain_vc

# A convolution of kernel 1 gives the variance in the published content encoder.
VARIANCE_HEAD = 128 * 128 + 128


def parameters(layer, *shapes):
    layer(*(tf.zeros([1, *shape]) for shape in shapes))
    return layer.count_params()


@pytest.mark.parametrize(("bands", "published"), [(128, 1_660_032), (512, 1_709_568)])
def test_the_generator_has_as_many_parameters_as_published(bands, published):
    layer = adain_vc.Generator(128, bands)
    assert parameters(layer, (16, 128), (128,)) == published


def test_the_encoders_have_as_many_parameters_as_published():
    content = adain_vc.ContentEncoder(128, 128)
    assert parameters(content, (128, 128)) + VARIANCE_HEAD == 1_756_032
    assert parameters(adain_vc.ClassEncoder(128, 128), (128, 128)) == 1_937_664


def test_a_content_frame_stands_for_eight_frames():
    content = adain_vc.ContentEncoder(8, 3)(tf.zeros([2, 64, 10]))
    assert content.shape == (2, 64 // adain_vc.REDUCTION, 3)
    generated = adain_vc.Generator(8, 10)(content, tf.zeros([2, 5]))
    assert generated.shape == (2, 64, 10)
    assert adain_vc.ClassEncoder(8, 5)(generated).shape == (2, 5)


@pytest.mark.parametrize(("kernel", "before", "after"), [(5, 2, 2), (4, 2, 1)])
def test_a_convolution_sees_its_input_reflected(kernel, before, after):
    x = np.random.default_rng(0).normal(size=(1, 9, 1)).astype(np.float32)
    layer = adain_vc.PaddedConvolution(1, kernel)
    found = layer(x).numpy().ravel()
    weights = layer.convolution.kernel.numpy().ravel()
    padded = np.pad(x.ravel(), (before, after), mode="reflect")
    expected = np.correlate(padded, weights, mode="valid")
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_pixel_shuffle_takes_frames_from_channels():
    x = tf.reshape(tf.range(12.0), [1, 2, 6])
    found = adain_vc.pixel_shuffle(x, 2)
    expected = [[[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11]]]
    np.testing.assert_array_equal(found, expected)


def test_the_class_code_steers_the_generator():
    keras.utils.set_random_seed(0)
    layer = adain_vc.Generator(8, 10)
    content = tf.random.stateless_normal([1, 8, 4], [0, 0])
    one, other = (layer(content, tf.fill([1, 5], value)) for value in (1.0, -1.0))
    assert np.abs(one - other).max() > 1e-3
