import numpy as np
import pytest

from tf_mt.losses import cross_entropy


def test_mean_surprise_of_each_clip_in_nats():
    logits = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
    codes = np.array([[0, 1, 2, 3, 0], [3, 3, 0, 1, 2]])
    odds = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    surprise = -np.log(np.take_along_axis(odds, codes[..., np.newaxis], axis=-1))
    found = cross_entropy.cross_entropy(logits, codes)
    np.testing.assert_allclose(found, surprise[..., 0].mean(axis=1), rtol=1e-5)


def test_knowing_nothing_of_256_classes_costs_their_logarithm():
    logits = np.full((3, 10, 256), 7.0, np.float32)
    codes = np.random.default_rng(0).integers(0, 256, (3, 10))
    found = cross_entropy.cross_entropy(logits, codes).numpy()
    assert found == pytest.approx([np.log(256.0)] * 3, rel=1e-6)
    assert found == pytest.approx([5.545] * 3, abs=1e-3)


def test_knowing_all_costs_nothing():
    codes = np.arange(256)[np.newaxis]
    sure = 50.0 * np.eye(256, dtype=np.float32)[codes]
    assert cross_entropy.cross_entropy(sure, codes).numpy() == pytest.approx([0.0])
