"""Gram matrices as distances, and an optimisation that lowers them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_mt import dataset, models
from tf_mt.inference import input_optimisation
from tf_mt.models.vqvae import model as vqvae

INFO = dataset.DatasetInfo("toy", 8000, ("violin", "flute"))


@pytest.fixture
def features():
    random = np.random.default_rng(0)
    return random.standard_normal((2, 9, 4)).astype(np.float32)


def test_distances_are_those_of_the_matrices(features):
    h, g = features
    averaged = h.T @ h / 9 - g[:7].T @ g[:7] / 7
    found = input_optimisation.time_averaged(tf.constant(h), tf.constant(g[:7]))
    assert float(found) == pytest.approx(np.square(averaged).sum() / 16, rel=1e-5)
    products = [np.outer(a, a) - np.outer(b, b) for a, b in zip(h, g[:7], strict=False)]
    found = input_optimisation.per_frame(tf.constant(h), tf.constant(g[:7]))
    expected = np.square(products).sum(axis=(1, 2)).mean() / 16
    assert float(found) == pytest.approx(expected, rel=1e-5)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return vqvae.VqVae(models.preset("vqvae", "tiny").model, INFO)


def tone(pitch_hz):
    time = np.arange(2001) / INFO.sample_rate_hz
    return (0.2 * np.sin(2 * np.pi * pitch_hz * time)).astype(np.float32)


@pytest.mark.parametrize("name", input_optimisation.GRAMS)
def test_the_distance_falls(model, name):
    gram = input_optimisation.GRAMS[name]
    content, style = tone(300.0), tone(700.0)

    def distance(audio):
        a, b = (
            model.features(model.padded(tf.constant(x[np.newaxis])), 1)[0]
            for x in (audio, style)
        )
        return float(gram(a, b))

    found = input_optimisation.optimise(
        model, content, style, [0, 1], gram, content_weight=0.0, iterations=30
    )
    assert found.shape == content.shape
    assert np.abs(found).max() <= 1.0
    assert distance(found) < 0.5 * distance(content)


def test_a_content_weight_keeps_it_nearer(model):
    gram = input_optimisation.time_averaged
    content, style = tone(300.0), tone(700.0)
    free, held = (
        input_optimisation.optimise(
            model, content, style, [1], gram, content_weight=weight, iterations=20
        )
        for weight in (0.0, 100.0)
    )
    assert np.abs(held - content).mean() < np.abs(free - content).mean()


def test_a_clip_in_its_own_style_stays(model):
    content = tone(300.0)
    found = input_optimisation.optimise(
        model, content, content, [1], input_optimisation.per_frame, 0.0, 5
    )
    np.testing.assert_allclose(found, content - content.mean(), atol=1e-3)
