"""The levels of Jukebox's autoencoder: parameters, lengths, what they see."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import jukebox


def parameters(layers):
    return sum(math.prod(v.shape) for x in layers for v in x.trainable_variables)


@pytest.mark.parametrize(
    ("halvings", "width", "depth", "of_encoder", "of_decoder"),
    [
        ([3], 64, 8, 441_856, 458_177),
        ([3, 2], 32, 4, 116_384, 124_641),
        ([3, 2, 2], 32, 4, 168_224, 176_481),
    ],
)
def test_parameters_are_the_published_ones(
    halvings, width, depth, of_encoder, of_decoder
):
    assert parameters(jukebox.encoder(halvings, width, depth)) == of_encoder
    assert parameters(jukebox.decoder(halvings, width, depth)) == of_decoder


def test_a_level_shortens_and_lengthens():
    audio = tf.random.stateless_normal([2, 96, 1], [0, 0])
    features = jukebox.apply(jukebox.encoder([3, 2], 4, 2), audio)
    assert features.shape == (2, 3, jukebox.EMBEDDING)
    assert jukebox.apply(jukebox.decoder([3, 2], 4, 2), features).shape == (2, 96, 1)


def test_a_halving_is_a_convolution_with_a_zero_at_either_end():
    layer = jukebox.Halving(1)
    layer.build((None, None, 1))
    layer.convolution.kernel.assign(np.reshape([1.0, 10.0, 100.0, 1000.0], [4, 1, 1]))
    x = tf.reshape(tf.constant([1.0, 2.0, 3.0, 4.0]), [1, 4, 1])
    np.testing.assert_allclose(np.ravel(layer(x)), [3210.0, 432.0])


def test_a_residual_layer_adds_what_is_around_at_its_dilation():
    layer = jukebox.ResidualLayer(1, 3)
    layer.build((None, None, 1))
    layer.dilated.kernel.assign(np.reshape([1.0, 10.0, 100.0], [3, 1, 1]))
    layer.mixing.kernel.assign(np.reshape([2.0], [1, 1, 1]))
    x = np.array([1.0, -2.0, 3.0, 4.0, 5.0], np.float32)
    around = [np.maximum(x[i], 0) if 0 <= i < 5 else 0.0 for i in range(-3, 8)]
    expected = [
        x[i] + 2.0 * (around[i] + 10.0 * around[i + 3] + 100.0 * around[i + 6])
        for i in range(5)
    ]
    np.testing.assert_allclose(np.ravel(layer(x.reshape(1, 5, 1))), expected)


def test_dilations_of_a_decoder_fall():
    of_encoder, of_decoder = (
        [
            layer.dilated.dilation_rate[0]
            for layer in layers
            if isinstance(layer, jukebox.ResidualLayer)
        ]
        for layers in (jukebox.encoder([2], 4, 3), jukebox.decoder([2], 4, 3))
    )
    assert of_encoder == [1, 3, 9, 1, 3, 9]
    assert of_decoder == [9, 3, 1, 9, 3, 1]
