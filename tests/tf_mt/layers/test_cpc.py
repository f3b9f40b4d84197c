import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset, models
from tf_mt.layers import cpc

INFO = dataset.DatasetInfo("toy", 16_000, ("violin",))


def frames(channels=4, squeezed=False, seed=0):
    made = cpc.Frames(channels, squeezed)
    made(tf.zeros([1, 320, 1]))
    random = np.random.default_rng(seed)
    for variable in made.weights:
        # Variances have to be positive.
        variable.assign(random.uniform(0.2, 1.0, variable.shape))
    for convolution in made.convolutions:
        kernel = convolution.kernel
        kernel.assign(random.normal(0.0, 0.5, kernel.shape))
    return made


def signal(clips=2, samples=1600, seed=0):
    random = np.random.default_rng(seed)
    return tf.constant(random.uniform(-0.5, 0.5, (clips, samples, 1)), tf.float32)


def moving(made):
    return [v.numpy() for norm in made.norms for v in norm.non_trainable_variables]


def trained(*layers):
    return sum(
        math.prod(v.shape) for layer in layers for v in layer.trainable_variables
    )


def published(approach):
    hparams = dataclasses.replace(
        models.preset(approach, "paper").model,
        decoders="joint",
        decoder_blocks=1,
        decoder_layers=1,
        decoder_channels=1,
    )
    return models.approach(approach).model(hparams, INFO)


def test_cpc_gru_has_the_published_number_of_parameters():
    model = published("cpc_gru")
    assert trained(model.frames) == 5_253_120
    assert trained(model.frames, model.context) == 5_364_096
    assert trained(*model.projections) == 166_400
    assert len(model.projections) == 5


def test_cpc_wavenet_has_the_published_number_of_parameters():
    model = published("cpc_wavenet")
    assert trained(model.frames, model.context) == 7_236_160
    assert trained(*model.projections) == 325


@pytest.mark.parametrize(
    ("samples", "count"),
    [(9600, 60), (10_000, 62), (10_240, 64), (80_000, 500), (160, 1)],
)
def test_a_frame_comes_every_160_samples(samples, count):
    assert cpc.STRIDE == math.prod(stride for _, stride, _ in cpc.STAGES) == 160
    latents = cpc.Frames(2, squeezed=False)(tf.zeros([1, samples, 1]))
    assert latents.shape == (1, count, 2)
    assert latents.dtype == tf.float32


def numpy_frames(made, x):
    for (_, stride, padding), convolution, norm in zip(
        cpc.STAGES, made.convolutions, made.norms, strict=True
    ):
        [kernel] = convolution.get_weights()
        gamma, beta, mean, variance = norm.get_weights()
        x = np.pad(x, [(padding, padding), (0, 0)])
        starts = range(0, len(x) - len(kernel) + 1, stride)
        windows = np.stack([x[at : at + len(kernel)] for at in starts])
        x = np.einsum("tki,kio->to", windows, kernel)
        x = np.maximum((x - mean) / np.sqrt(variance + 1e-5) * gamma + beta, 0.0)
    if made.squeezed:
        x = np.maximum(x @ made.squeeze.get_weights()[0][0], 0.0)
    return x


@pytest.mark.parametrize("squeezed", [False, True])
def test_frames_equal_numpy(squeezed):
    made, clips = frames(squeezed=squeezed), signal()
    latents = made(clips)
    assert latents.shape == (2, 10, 1 if squeezed else 4)
    expected = [numpy_frames(made, clip) for clip in clips.numpy()]
    np.testing.assert_allclose(latents, expected, rtol=1e-4, atol=1e-4)


def test_a_frame_sees_465_samples():
    made = frames()
    for norm in made.norms:
        norm.beta.assign(tf.fill(norm.beta.shape, 100.0))
    clip = signal(clips=1, samples=20 * 160)
    with tf.GradientTape() as tape:
        tape.watch(clip)
        seen = made(clip)[0, 10]
    seen = np.flatnonzero(tape.gradient(seen, clip))
    np.testing.assert_array_equal(seen, 10 * 160 - 153 + np.arange(465))


def test_norms_use_their_moving_statistics_unless_training():
    made, clips = frames(), signal()
    before = moving(made)
    alone = made(clips[:1])
    np.testing.assert_allclose(alone[0], made(clips)[0], atol=1e-5)
    assert all(map(np.array_equal, before, moving(made)))
    trained = made(clips, training=True)
    assert np.abs(trained - made(clips)).max() > 0.01
    assert not any(map(np.array_equal, before, moving(made)))


def test_norms_that_are_settled_go_on_gathering_and_use_what_they_have():
    made, clips = frames(), signal()
    before = moving(made)
    early = made(clips, training=True, settled=tf.constant(False))
    gathered = moving(made)
    assert not any(map(np.array_equal, before, gathered))
    np.testing.assert_allclose(made(clips, training=True), early, atol=1e-5)
    late = made(clips, training=True, settled=tf.constant(True))
    assert not any(map(np.array_equal, gathered, moving(made)))
    np.testing.assert_allclose(late, made(clips), atol=1e-5)
    assert np.abs(late - early).max() > 0.01


def test_moving_statistics_follow_those_of_the_batch_by_a_tenth():
    made, clips = frames(), signal()
    mean = made.norms[0].moving_mean
    before = mean.numpy()
    first = made.convolutions[0](tf.pad(clips, [[0, 0], [3, 3], [0, 0]]))
    made(clips, training=True)
    expected = 0.9 * before + 0.1 * np.mean(first, axis=(0, 1))
    np.testing.assert_allclose(mean, expected, rtol=1e-4)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def test_the_context_is_the_gru_of_cudnn():
    model = models.approach("cpc_gru").model(
        models.preset("cpc_gru", "tiny").model, INFO
    )
    random = np.random.default_rng(0)
    layer = model.context
    weights = [random.normal(0.0, 0.5, w.shape) for w in layer.get_weights()]
    layer.set_weights(weights)
    latents = random.normal(size=(2, 7, model.analysed)).astype(np.float32)
    of_input, of_state = (
        [np.split(each, 3, axis=-1) for each in (kernel, bias)]
        for kernel, bias in zip(weights[:2], weights[2], strict=True)
    )

    def gate(place, x, which):
        kernel, bias = which
        return x @ kernel[place] + bias[place]

    state, expected = np.zeros((2, model.hparams.latent)), []
    for x in latents.swapaxes(0, 1):
        update = sigmoid(gate(0, x, of_input) + gate(0, state, of_state))
        reset = sigmoid(gate(1, x, of_input) + gate(1, state, of_state))
        new = np.tanh(gate(2, x, of_input) + reset * gate(2, state, of_state))
        state = (1.0 - update) * new + update * state
        expected.append(state)
    code = model.gather(tf.constant(latents))
    np.testing.assert_allclose(code, np.stack(expected, axis=1), atol=1e-5)
