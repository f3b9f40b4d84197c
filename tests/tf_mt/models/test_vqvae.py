"""The VQ-VAE: its codebooks, its statistics, and what its methods change."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import config, dataset, models
from tf_mt.evaluation.metrics import loudness
from tf_mt.inference import bundle
from tf_mt.models.vqvae import codebook, configuration, statistics
from tf_mt.models.vqvae import model as vqvae

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute"))
TINY = models.preset("vqvae", "tiny").model


def made(**changes):
    keras.utils.set_random_seed(0)
    return vqvae.VqVae(dataclasses.replace(TINY, **changes), INFO)


def batch_for(model, step=0):
    return {
        "audio": tf.random.stateless_normal([2, model.clip_samples], [1, 2]) * 0.1,
        "domain": tf.constant([0, 1]),
        "seed": tf.constant([0, step]),
        "step": tf.constant(step, tf.int64),
    }


def trained(model, steps=3):
    training = config.Training(learning_rate=1e-3)
    model.compile(model.make_optimizers(training), clip_norm=1.0)
    for step in range(steps):
        model.train_step(batch_for(model, step))
    return model


# The codebook


def a_codebook(codes, counts=None, sums=None):
    codes = np.array(codes, np.float32)
    counts = np.ones(len(codes)) if counts is None else np.array(counts)
    sums = codes * counts[:, np.newaxis] if sums is None else sums
    state = (keras.Variable(value, dtype="float32") for value in (codes, counts, sums))
    return codebook.Codebook(*state, stream=0)


def test_the_nearest_code_is_that_of_the_smallest_distance():
    random = np.random.default_rng(0)
    codes = random.standard_normal((7, 3)).astype(np.float32)
    features = random.standard_normal((2, codebook.CHUNK + 5, 3)).astype(np.float32)
    distance = np.square(features[:, :, np.newaxis] - codes).sum(axis=-1)
    found = a_codebook(codes).nearest(tf.constant(features))
    np.testing.assert_array_equal(found, distance.argmin(axis=-1))
    allowed = np.array([[1, 0, 0, 1, 0, 0, 1], [0, 1, 1, 0, 0, 0, 0]], np.float32)
    distance[np.broadcast_to(allowed[:, np.newaxis] == 0, distance.shape)] = np.inf
    found = a_codebook(codes).nearest(tf.constant(features), tf.constant(allowed))
    np.testing.assert_array_equal(found, distance.argmin(axis=-1))


def test_used_codes_are_those_that_occur():
    codes = a_codebook(np.eye(4))
    used = codes.used(tf.constant([[0, 0, 3], [2, 1, 1]]))
    np.testing.assert_array_equal(used, [[1, 0, 0, 1], [0, 1, 1, 0]])


def test_a_code_follows_the_mean_of_its_features_and_a_dead_one_is_moved():
    codes = a_codebook([[0.0, 0.0], [10.0, 10.0]], [5.0, 1.005])
    features = tf.constant([[[1.0, 0.0], [3.0, 2.0]]])
    numbers = codes.nearest(features)
    np.testing.assert_array_equal(numbers, [[0, 0]])
    codes.update(features, numbers, {"seed": tf.constant([0, 0])})
    counts = [0.99 * 5.0 + 0.01 * 2, 0.99 * 1.005]
    np.testing.assert_allclose(codes.counts, counts, rtol=1e-6)
    np.testing.assert_allclose(
        codes.codes[0], np.array([0.04, 0.02]) / counts[0], rtol=1e-5
    )
    moved = np.linalg.norm(features[0] - codes.codes[1], axis=1).min()
    assert moved < 0.1


def test_at_first_every_code_is_a_feature_of_the_moment():
    codes = a_codebook(np.zeros((5, 2)), np.zeros(5), np.zeros((5, 2)))
    features = 3.0 + tf.random.stateless_normal([2, 4, 2], [0, 0])
    codes.update(features, codes.nearest(features), {"seed": tf.constant([0, 0])})
    flat = np.reshape(features, [-1, 2])
    for code in codes.codes.numpy():
        assert np.linalg.norm(flat - code, axis=1).min() < 0.1
    assert (codes.counts.numpy() > 0.98).all()


# Statistics


@pytest.fixture
def features():
    random = np.random.default_rng(0)
    mixing = random.standard_normal((2, 5, 5))
    noise = random.standard_normal((2, 200, 5))
    content, style = noise @ mixing[0] + 1.0, noise[:, ::-1] @ mixing[1] - 2.0
    return tf.constant(content, tf.float32), tf.constant(style, tf.float32)


def test_adain_gives_means_and_deviations(features):
    content, style = features
    changed = statistics.adain(content, statistics.adain_of(style)).numpy()
    np.testing.assert_allclose(changed.mean(1), style.numpy().mean(1), atol=1e-4)
    np.testing.assert_allclose(changed.std(1), style.numpy().std(1), rtol=1e-4)
    same = statistics.adain(content, statistics.adain_of(content))
    np.testing.assert_allclose(same, content, atol=1e-4)


def test_wct_gives_covariances(features):
    content, style = features
    changed = statistics.wct(content, statistics.wct_of(style)).numpy()
    for row in range(2):
        np.testing.assert_allclose(
            np.cov(changed[row].T), np.cov(style[row].numpy().T), rtol=1e-3, atol=1e-3
        )
    np.testing.assert_allclose(changed.mean(1), style.numpy().mean(1), atol=1e-4)
    same = statistics.wct(content, statistics.wct_of(content))
    np.testing.assert_allclose(same, content, atol=1e-3)


def test_wct_of_fewer_frames_than_channels_is_finite():
    short = tf.random.stateless_normal([1, 3, 8], [0, 0])
    flat = tf.zeros([1, 3, 8])
    for content, style in ((short, flat), (flat, short), (short, short)):
        changed = statistics.wct(content, statistics.wct_of(style))
        assert np.isfinite(changed).all()


# The model


def test_the_paper_has_three_levels_of_8_32_and_128_samples():
    paper = models.preset("vqvae", "paper").model
    assert [paper.hop(level) for level in range(3)] == [8, 32, 128]
    model = vqvae.VqVae(paper, dataset.DatasetInfo("music", 44_100, ("a",)))
    assert model.parameters == 1_485_763
    assert [book.codes.shape for book in model.codebooks] == [(2048, 64)] * 3


def test_layers_of_the_decoder_are_counted():
    for level in (0, 1):
        model = made(level=level)
        assert len(model.levels[level].decoder) == model.hparams.layers_of_decoder


def test_terms_are_shares_of_what_was_measured_on_the_first_clips():
    model = made()
    batch = batch_for(model)
    trained(model, 1)
    count, power, norm = model.measured.numpy()
    assert count == 2.0
    variances = np.var(batch["audio"], axis=1)
    assert power == pytest.approx(variances.sum(), rel=1e-4)
    model.measured_clips = 2.0
    model.train_step(batch_for(model, 1))
    assert model.measured.numpy().tolist() == [count, power, norm]


def test_the_error_falls():
    model = trained(made(), 1)
    first = model.test_step(batch_for(model))
    trained(model, 20)
    last = model.test_step(batch_for(model))
    assert float(last["spectral"]) < float(first["spectral"])


def test_averaged_weights_translate():
    model = trained(made(average=0.5), 2)
    audio = batch_for(model)["audio"]
    before = model.features(audio, 1).numpy()
    for variable in model.levels[1].trainable_variables:
        variable.assign(tf.zeros_like(variable))
    np.testing.assert_array_equal(model.features(audio, 1), before)
    assert np.abs(before).max() > 0


@pytest.fixture(scope="module")
def weights():
    return trained(made()).get_weights()


def of_method(weights, method, **changes):
    model = made(method=method, **changes)
    model.set_weights(weights)
    return model


def clip(seed, samples=1500):
    return 0.1 * tf.random.stateless_normal([1, samples], [seed, 0])


def test_without_a_method_a_reference_changes_nothing(weights):
    model = of_method(weights, "none", loudness="decoded")
    first, second = (model.transfer(clip(0), clip(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(first, second)
    quantised = model.codebooks[1].read(
        model.codebooks[1].nearest(model.features(model.padded(clip(0)), 1))
    )
    with model.averages.applied():
        expected = model.levels[1].decode(quantised)[:, :1500]
    np.testing.assert_allclose(first, np.clip(expected, -1, 1), atol=1e-6)


def test_the_codebook_method_takes_codes_of_the_reference_only(weights):
    model = of_method(weights, "codebook")
    reference = clip(1, 64)
    allowed = model.reference_timbre(reference)
    assert 0 < allowed.numpy().sum() < model.hparams.codes
    features = model.features(clip(0, 1504), 1)
    numbers = model.codebooks[1].nearest(features, allowed)
    assert set(np.ravel(numbers)) <= set(np.flatnonzero(allowed[0]))


@pytest.mark.parametrize("method", ["adain", "wct"])
def test_features_have_the_statistics_of_the_reference(weights, method):
    plain = of_method(weights, "none")
    model = of_method(weights, method, splits="2")
    x, y = clip(0), clip(1)
    assert np.any(model.transfer(x, y) != plain.transfer(x, y))
    weak = of_method(weights, method, strength=0.0)
    np.testing.assert_allclose(weak.transfer(x, y), plain.transfer(x, y), atol=1e-5)
    timbre = model.reference_timbre(y)
    codes = model.codebooks[1]
    features = codes.read(codes.nearest(model.features(model.padded(y), 1)))
    with model.averages.applied():
        for layer in model.levels[1].decoder[:3]:
            features = layer(features)
    mean = np.mean(features, axis=1)
    np.testing.assert_allclose(timbre[:, : mean.shape[-1]], mean, atol=1e-5)


def test_output_is_as_loud_as_its_source():
    # One that has learned to be heard: no more than 40 dB are added.
    model = trained(made(method="adain"), 30)
    x, y = 0.3 * clip(0, 8000), clip(1, 8000)
    transferred = model.transfer(x, y).numpy()[0]
    assert loudness.integrated_lufs(transferred, 8000) == pytest.approx(
        loudness.integrated_lufs(x[0].numpy(), 8000), abs=0.3
    )


@pytest.mark.parametrize("method", configuration.METHODS)
def test_every_method_is_exported(weights, method, tmp_path):
    model = of_method(weights, method)
    bundle.export(model, tmp_path / "bundle")
    loaded = bundle.Bundle(tmp_path / "bundle")
    x, y = clip(0).numpy(), clip(1).numpy()
    np.testing.assert_allclose(
        loaded.transfer(x, y), model.transfer(x, y), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": 2}, "level=2 must be below levels=2; the highest is 1."),
        ({"strength": 1.5}, "strength=1.5 must be 1 or less."),
        ({"average": 1.0}, "average=1.0 must be below 1."),
        ({"clip_samples": 1001}, "clip_samples=1001 must be a multiple of 8"),
        ({"splits": "1,99"}, "splits='1,99' must be all, or numbers from 0 to 10"),
        ({"splits": "first"}, "splits='first' must be all, or numbers"),
        ({"method": "gram"}, "method='gram' is not known"),
    ],
)
def test_what_does_not_fit_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(TINY, **changes)
