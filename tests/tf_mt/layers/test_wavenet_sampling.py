import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from tf_mt import models
from tf_mt.audio import mu_law
from tf_mt.layers import wavenet, wavenet_sampling

STREAMS = 3
LOGITS = tf.TensorSpec([None, mu_law.LEVELS], tf.float32)
CODES = tf.TensorSpec([None], tf.int32)


def sizes():
    """The sizes of every preset's decoder, each once."""
    found = {}
    for approach in ("umt", "cpc_gru", "cpc_wavenet"):
        for name, preset in models.APPROACHES[approach].presets.items():
            hparams = preset.model
            decoder = (
                hparams.decoder_channels,
                hparams.latent,
                hparams.decoder_blocks,
                hparams.decoder_layers,
                hparams.hop,
            )
            found.setdefault(decoder, f"{approach}-{name}")
    return [
        pytest.param(decoder, id=name, marks=[pytest.mark.slow] * (decoder[0] >= 128))
        for decoder, name in found.items()
    ]


@functools.cache
def made(channels, latent, blocks, layers, hop):
    decoder = wavenet.Decoder(channels, latent, blocks, layers, hop)
    decoder.make_variables()
    random = np.random.default_rng(0)

    def drawn(weight):
        fan_in = math.prod(weight.shape[:-1])
        return random.normal(0.0, 1.0 / math.sqrt(fan_in), weight.shape)

    decoder.set_weights([drawn(weight) for weight in decoder.get_weights()])
    return decoder


def small():
    return made(8, 3, 2, 3, 10)


def inputs(decoder, samples, seed=0):
    random = np.random.default_rng(seed)
    frames = -(-samples // decoder.hop)
    content = random.normal(size=(STREAMS, frames, decoder.latent))
    codes = random.integers(0, mu_law.LEVELS, (STREAMS, frames * decoder.hop))
    return tf.constant(content, tf.float32), tf.constant(codes, tf.int32)


def forced(decoder, content, codes, dtype=tf.float32):
    """Logits of streams that are told their codes, whatever they predict."""
    told = tf.transpose(codes)

    @tf.function
    def run(content):
        kept = wavenet_sampling.run(
            wavenet_sampling.weights(decoder, dtype),
            decoder.dilations,
            tf.transpose(content, [1, 0, 2]),
            decoder.hop,
            lambda number, logits: (told[number], logits),
            LOGITS,
            told.shape[0],
        )
        return tf.transpose(kept, [1, 0, 2])

    return run(content).numpy()


def sampled(decoder, content, uniform, temperature=1.0, top_k=0):
    """Codes that streams draw for themselves."""
    uniforms = tf.transpose(tf.constant(uniform, tf.float32))

    def choose(number, logits):
        codes = wavenet_sampling.draw(logits, uniforms[number], temperature, top_k)
        return codes, codes

    @tf.function
    def run(content):
        kept = wavenet_sampling.run(
            wavenet_sampling.weights(decoder, tf.float32),
            decoder.dilations,
            tf.transpose(content, [1, 0, 2]),
            decoder.hop,
            choose,
            CODES,
            uniforms.shape[0],
        )
        return tf.transpose(kept)

    return run(content).numpy()


def uniforms(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape)


@pytest.mark.parametrize("sizes", sizes())
def test_step_by_step_equals_all_at_once(sizes):
    decoder = made(*sizes)
    content, codes = inputs(decoder, samples=1100)
    expected = decoder(mu_law.scale(codes)[..., tf.newaxis], content)
    found = forced(decoder, content, codes)
    assert np.std(expected) > 0.5
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_bfloat16_is_close():
    decoder = made(32, 8, 2, 6, 40)
    content, codes = inputs(decoder, samples=200)
    expected = forced(decoder, content, codes)
    found = forced(decoder, content, codes, tf.bfloat16)
    assert found.dtype == np.float32
    error = np.std(found - expected) / np.std(expected)
    assert 1e-5 < error < 0.05


def test_what_is_drawn_is_what_the_next_sample_hears():
    decoder = small()
    content, _ = inputs(decoder, samples=100)
    uniform = uniforms(STREAMS, 100)
    codes = sampled(decoder, content, uniform)
    logits = decoder(mu_law.scale(codes)[..., tf.newaxis], content)
    again = wavenet_sampling.draw(
        tf.reshape(logits, [-1, 256]), tf.constant(uniform.ravel(), tf.float32), 1.0, 0
    )
    np.testing.assert_array_equal(codes.ravel(), again)


def test_streams_do_not_hear_each_other():
    decoder = small()
    content, _ = inputs(decoder, samples=100)
    uniform = uniforms(STREAMS, 100)
    together = sampled(decoder, content, uniform)
    assert len(np.unique(together, axis=0)) == STREAMS
    for row in range(STREAMS):
        own = slice(row, row + 1)
        alone = sampled(decoder, content[own], uniform[own])
        np.testing.assert_array_equal(alone[0], together[row])


def test_codes_follow_the_uniform_draws():
    decoder = small()
    content, _ = inputs(decoder, samples=50)
    one, again, other = (
        sampled(decoder, content, uniforms(STREAMS, 50, seed=seed))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, again)
    assert (one != other).any(axis=1).all()


def test_at_temperature_zero_draws_do_not_matter():
    decoder = small()
    content, _ = inputs(decoder, samples=50)
    uniform, other = (uniforms(STREAMS, 50, seed=seed) for seed in (0, 1))
    likeliest = sampled(decoder, content, uniform, temperature=0.0)
    assert len(np.unique(likeliest)) > 1
    for options in ({"temperature": 0.0}, {"top_k": 1}):
        found = sampled(decoder, content, other, **options)
        np.testing.assert_array_equal(found, likeliest)


def test_one_graph_serves_every_number_of_streams_and_frames():
    decoder = small()
    found = wavenet_sampling.weights(decoder, tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, None, 3])])
    def run(content):
        def choose(number, logits):
            codes = tf.argmax(logits, axis=1, output_type=tf.int32)
            return codes, codes

        samples = decoder.hop * tf.shape(content)[0]
        return wavenet_sampling.run(
            found, decoder.dilations, content, decoder.hop, choose, CODES, samples
        )

    for streams, frames in [(1, 1), (2, 3), (5, 2)]:
        assert run(tf.zeros([frames, streams, 3])).shape == (10 * frames, streams)


def test_it_may_begin_and_end_within_a_frame():
    decoder, samples, skipped = small(), 24, 7
    content, codes = inputs(decoder, samples + skipped)
    told, longer = codes[:, :samples], tf.repeat(content, decoder.hop, axis=1)
    # A decoder with frames of one sample, and those that belong to what is told.
    finer = made(8, 3, 2, 3, 1)
    finer.set_weights(decoder.get_weights())
    expected = finer(
        mu_law.scale(told)[..., tf.newaxis], longer[:, skipped : skipped + samples]
    )
    found = wavenet_sampling.run(
        wavenet_sampling.weights(decoder, tf.float32),
        decoder.dilations,
        tf.transpose(content, [1, 0, 2]),
        decoder.hop,
        lambda number, logits: (told[:, number], logits),
        LOGITS,
        samples,
        skipped,
    )
    assert found.shape[0] == samples
    np.testing.assert_allclose(tf.transpose(found, [1, 0, 2]), expected, atol=1e-4)


def logits_of(classes=8, seed=0):
    return np.random.default_rng(seed).normal(0.0, 1.5, classes).astype(np.float32)


def softmax(logits):
    odds = np.exp(logits - logits.max())
    return odds / odds.sum()


def drawn(logits, uniform, temperature=1.0, top_k=0):
    rows = np.tile(logits, (len(uniform), 1))
    codes = wavenet_sampling.draw(
        tf.constant(rows), tf.constant(uniform, tf.float32), temperature, top_k
    )
    assert codes.dtype == tf.int32
    return codes.numpy()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_classes_are_drawn_as_often_as_the_softmax_says(temperature):
    logits, count = logits_of(), 20_000
    expected = count * softmax(logits / temperature)
    even = np.bincount(drawn(logits, (np.arange(count) + 0.5) / count, temperature))
    np.testing.assert_allclose(even, expected, atol=1.5)
    found = np.bincount(drawn(logits, uniforms(count), temperature))
    # Of 7 degrees of freedom, at odds of 1 in 1000.
    assert np.sum((found - expected) ** 2 / expected) < 24.3


def test_large_logits_do_not_overflow():
    logits = logits_of() + 1e4
    uniform = uniforms(1000)
    np.testing.assert_array_equal(
        drawn(logits, uniform), drawn(logits - np.float32(1e4), uniform)
    )


@pytest.mark.parametrize("uniform", [0.0, np.nextafter(np.float32(1), np.float32(0))])
def test_what_is_impossible_is_never_drawn(uniform):
    logits = logits_of(256)
    logits[[0, 1, 254, 255]] = -np.inf
    [code] = drawn(logits, [uniform])
    assert 2 <= code <= 253


def test_at_no_temperature_the_likeliest_is_drawn():
    logits = logits_of(256)
    assert set(drawn(logits, uniforms(100), temperature=0.0)) == {np.argmax(logits)}


@pytest.mark.parametrize("top_k", [1, 2, 5, 256])
def test_only_so_many_likeliest_are_drawn(top_k):
    logits = 0.1 * logits_of(256)
    likeliest = np.argsort(logits)[-top_k:]
    found = drawn(logits, uniforms(20_000), top_k=top_k)
    np.testing.assert_array_equal(np.unique(found), np.sort(likeliest))


def test_among_the_likeliest_the_odds_are_as_before():
    logits, count = logits_of(), 20_000
    logits_of_three = np.where(logits < np.sort(logits)[-3], -np.inf, logits)
    found = drawn(logits, (np.arange(count) + 0.5) / count, top_k=3)
    expected = count * softmax(logits_of_three)
    np.testing.assert_allclose(np.bincount(found, minlength=8), expected, atol=1.5)
