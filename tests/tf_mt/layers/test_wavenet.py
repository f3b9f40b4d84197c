from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from tf_mt.layers import wavenet

HOP = 5


def randomised(layer, seed=0):
    random = np.random.default_rng(seed)
    layer.set_weights(
        [random.normal(0.0, 0.4, weight.shape) for weight in layer.get_weights()]
    )
    return layer


def encoder(channels=8, latent=3, blocks=2, layers=3, hop=HOP, **options):
    made = wavenet.Encoder(channels, latent, blocks, layers, hop, **options)
    made(tf.zeros([1, hop, 1]))
    return randomised(made)


def decoder(channels=8, latent=3, blocks=2, layers=3, hop=HOP):
    made = wavenet.Decoder(channels, latent, blocks, layers, hop)
    made.make_variables()
    return randomised(made)


def clips(samples, seed=0):
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (2, samples, 1))


def contents(frames, seed=1):
    return np.random.default_rng(seed).normal(size=(2, frames, 3))


def convolved(x, layer, dilation=1, causal=False):
    kernel, bias = layer.get_weights()
    reach = dilation * (len(kernel) - 1)
    before = reach if causal else reach // 2
    padded = np.pad(x, [(before, reach - before), (0, 0)])
    y = np.tile(bias.astype(np.float64), (len(x), 1))
    for tap, matrix in enumerate(kernel):
        y += padded[tap * dilation :][: len(x)] @ matrix
    return y


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0.0)


def numpy_encoder(layer, signal):
    x = convolved(signal, layer.first)
    for place, (dilated, mixing) in enumerate(
        zip(layer.dilated, layer.mixing, strict=True)
    ):
        hidden = relu(x) if layer.pre_activation else x
        hidden = relu(convolved(hidden, dilated, dilation=2 ** (place % 3)))
        x = x + convolved(hidden, mixing)
    code = convolved(x, layer.last)
    return np.stack([code[at : at + HOP].mean(0) for at in range(0, len(x), HOP)])


def numpy_decoder(layer, signal, content):
    channels = layer.channels
    condition = np.repeat(content, HOP, axis=0)
    kernel, bias = layer.conditions.get_weights()
    x = convolved(np.pad(signal, [(1, 0), (0, 0)])[:-1], layer.first, causal=True)
    skips = convolved(x, layer.first_skip)
    for place, (dilated, mixing) in enumerate(
        zip(layer.dilated, layer.mixing, strict=True)
    ):
        own = slice(2 * channels * place, 2 * channels * (place + 1))
        drive = convolved(x, dilated, dilation=2 ** (place % 3), causal=True)
        drive += condition @ kernel[:, own] + bias[own]
        gated = sigmoid(drive[:, :channels]) * np.tanh(drive[:, channels:])
        mixed = convolved(gated, mixing)
        x, skips = x + mixed[:, :channels], skips + mixed[:, channels:]
    kernel, bias = layer.head_condition.get_weights()
    x = convolved(relu(skips), layer.head) + condition @ kernel + bias
    return convolved(relu(x), layer.last)


def test_dilations_begin_anew_with_each_block():
    assert wavenet.dilations(2, 4) == [1, 2, 4, 8, 1, 2, 4, 8]


@pytest.mark.parametrize("pre_activation", [False, True])
def test_the_encoder_equals_numpy(pre_activation):
    layer = encoder(pre_activation=pre_activation)
    signal = clips(12 * HOP)
    code = layer(tf.constant(signal, tf.float32))
    assert code.shape == (2, 12, 3)
    expected = [numpy_encoder(layer, clip) for clip in signal]
    np.testing.assert_allclose(code, expected, rtol=1e-5, atol=1e-5)


def test_the_decoder_equals_numpy():
    layer, signal, content = decoder(), clips(12 * HOP), contents(12)
    logits = layer(tf.constant(signal, tf.float32), tf.constant(content, tf.float32))
    assert logits.shape == (2, 12 * HOP, 256)
    expected = [
        numpy_decoder(layer, *rows) for rows in zip(signal, content, strict=True)
    ]
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-5)


def test_a_frame_is_the_mean_of_its_samples_codes():
    pooled, unpooled = encoder(), encoder(hop=1)
    unpooled.set_weights(pooled.get_weights())
    signal = tf.constant(clips(6 * HOP), tf.float32)
    samples = tf.reshape(unpooled(signal), [2, 6, HOP, 3])
    np.testing.assert_allclose(pooled(signal), tf.reduce_mean(samples, 2), atol=1e-5)


@pytest.mark.parametrize("kernel", [4, 8, 14])
def test_a_strided_encoder_sees_fewer_steps(kernel):
    stride, samples = 4, 96
    strided = encoder(hop=8, kernel=kernel, stride=stride)
    plain = encoder(hop=2)
    first = strided.first.get_weights()
    plain.set_weights([*plain.first.get_weights(), *strided.get_weights()[2:]])
    signal = clips(samples)
    margin = (kernel - stride) // 2
    padded = np.pad(signal, [(0, 0), (margin, margin), (0, 0)])
    starts = range(0, samples, stride)
    windows = np.stack([padded[:, at : at + kernel] for at in starts], axis=1)
    steps = np.einsum("bski,kio->bso", windows, first[0]) + first[1]
    with mock.patch.object(plain, "first", lambda _: tf.constant(steps, tf.float32)):
        expected = plain(tf.constant(signal, tf.float32))
    found = strided(tf.constant(signal, tf.float32))
    assert found.shape == (2, samples // 8, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_pre_activation_has_no_weights_of_its_own():
    plain, activated = encoder(), encoder(pre_activation=True)
    assert plain.count_params() == activated.count_params()
    signal = tf.constant(clips(6 * HOP), tf.float32)
    assert np.abs(plain(signal) - activated(signal)).max() > 0.01


def test_the_published_networks_have_their_numbers_of_parameters():
    encoder = wavenet.Encoder(128, 64, blocks=3, layers=10, hop=800)
    encoder(tf.zeros([1, 800, 1]))
    assert encoder.count_params() == 1_982_528
    for layers, parameters in ((14, 6_540_288), (10, 4_692_992)):
        decoder = wavenet.Decoder(128, 64, blocks=4, layers=layers, hop=1)
        decoder.make_variables()
        assert decoder.count_params() == parameters


def test_the_published_networks_have_their_receptive_fields():
    assert wavenet.Encoder(128, 64, 3, 10, 800).receptive_field == 6141
    assert wavenet.Decoder(128, 64, 4, 14, 800).receptive_field == 65_534
    assert wavenet.Decoder(128, 64, 4, 10, 800).receptive_field == 4094


def linear(layer):
    """Gives weights with which, around silence, no ReLU is off and no gate closed."""
    layer.set_weights(
        [np.full(each.shape, float(each.ndim > 1)) for each in layer.get_weights()]
    )
    layer.first_skip.bias.assign([1.0])
    return layer


def samples_seen(signal, predict):
    """The samples that a prediction depends on."""
    with tf.GradientTape() as tape:
        tape.watch(signal)
        predicted = predict(signal)
    return np.flatnonzero(tape.gradient(predicted, signal))


@pytest.mark.parametrize(("blocks", "layers"), [(1, 1), (2, 3), (3, 10)])
def test_the_encoder_sees_as_far_as_it_says(blocks, layers):
    layer = encoder(1, 1, blocks, layers, hop=1)
    layer.set_weights([np.ones(weight.shape) for weight in layer.get_weights()])
    place = layer.reach + 7
    signal = tf.zeros([1, 2 * place + 1, 1])
    seen = samples_seen(signal, lambda signal: layer(signal)[0, place])
    expected = np.arange(place - layer.reach, place + layer.reach + 1)
    np.testing.assert_array_equal(seen, expected)
    assert len(seen) == layer.receptive_field


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (4, 2), (16, 8), (50, 8)])
def test_a_strided_encoder_sees_no_farther_than_it_says(kernel, stride):
    layer = encoder(1, 1, 2, 3, hop=stride, kernel=kernel, stride=stride)
    layer.set_weights([np.ones(weight.shape) for weight in layer.get_weights()])
    frame = layer.reach // stride + 2
    signal = tf.zeros([1, 2 * frame * stride, 1])
    seen = samples_seen(signal, lambda signal: layer(signal)[0, frame])
    assert frame * stride - seen[0] <= layer.reach
    assert seen[-1] - (frame + 1) * stride < layer.reach
    assert len(seen) == np.ptp(seen) + 1 > 2 * layer.reach - stride


@pytest.mark.parametrize(("blocks", "layers"), [(1, 1), (2, 3), (3, 6)])
def test_the_decoder_sees_as_far_back_as_it_says_and_nothing_ahead(blocks, layers):
    layer = linear(decoder(1, 1, blocks, layers, hop=1))
    place = layer.receptive_field + 7
    signal = tf.zeros([1, place + 5, 1])
    content = tf.zeros([1, place + 5, 1])
    seen = samples_seen(signal, lambda signal: layer(signal, content)[0, place])
    np.testing.assert_array_equal(seen, np.arange(7, place))


@pytest.mark.parametrize("place", [0, 17, 58])
def test_a_sample_changes_only_the_predictions_after_it(place):
    layer = decoder()
    signal, content = clips(12 * HOP), tf.constant(contents(12), tf.float32)
    before = layer(tf.constant(signal, tf.float32), content)
    signal[:, place] += 0.3
    change = np.abs(layer(tf.constant(signal, tf.float32), content) - before).max(-1)
    assert change[:, : place + 1].max() < 1e-6
    assert change[:, place + 1].min() > 1e-3


def test_a_frame_of_content_changes_nothing_before_it():
    layer, content = decoder(), contents(12)
    signal = tf.constant(clips(12 * HOP), tf.float32)
    before = layer(signal, tf.constant(content, tf.float32))
    content[:, 4] += 1.0
    change = np.abs(layer(signal, tf.constant(content, tf.float32)) - before).max(-1)
    assert change[:, : 4 * HOP].max() < 1e-6
    assert change[:, 4 * HOP : 5 * HOP].min() > 1e-3
