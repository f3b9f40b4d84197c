"""The distance has its closed forms, and scipy's square root agrees."""

import numpy as np
import pytest
import scipy.linalg

from tf_mt.evaluation.metrics import frechet


def exact(mean, covariance, count=400):
    """Points whose sample mean and unbiased covariance are exactly these."""
    points = np.random.default_rng(0).standard_normal((count, len(mean)))
    points -= points.mean(axis=0)
    whiten = np.linalg.inv(np.linalg.cholesky(np.cov(points.T)))
    return points @ whiten.T @ np.linalg.cholesky(covariance).T + mean


def test_diagonal_gaussians_have_a_closed_form():
    deviations = np.array([1.0, 2.0, 0.5]), np.array([1.5, 0.25, 3.0])
    means = np.array([0.0, 1.0, -2.0]), np.array([3.0, 1.0, 0.0])
    sets = [exact(m, np.diag(s**2)) for m, s in zip(means, deviations, strict=True)]
    expected = sum((means[0] - means[1]) ** 2 + (deviations[0] - deviations[1]) ** 2)
    assert frechet.distance(*sets) == pytest.approx(expected, rel=1e-9)


def test_a_shift_costs_its_square_and_a_scale_the_change_of_deviation():
    points = np.random.default_rng(0).standard_normal((50, 4))
    spread = np.trace(np.cov(points.T))
    centred = points - points.mean(axis=0)
    assert frechet.distance(points, points + 2.0) == pytest.approx(16.0, rel=1e-9)
    assert frechet.distance(centred, 3.0 * centred) == pytest.approx(4.0 * spread)


@pytest.mark.parametrize("dimensions", [2, 24, 128])
def test_it_agrees_with_the_general_square_root(dimensions):
    random = np.random.default_rng(dimensions)
    sets = [
        random.standard_normal((3 * dimensions, dimensions))
        @ random.standard_normal((dimensions, dimensions))
        + random.standard_normal(dimensions)
        for _ in range(2)
    ]
    means = [points.mean(axis=0) for points in sets]
    covariances = [np.cov(points.T) for points in sets]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    expected = np.sum((means[0] - means[1]) ** 2) + np.trace(
        sum(covariances) - 2 * root
    )
    assert frechet.distance(*sets) == pytest.approx(expected, rel=1e-6)
    assert frechet.distance(*sets[::-1]) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [2, 20, 500])
def test_equal_sets_are_at_no_distance(count):
    points = np.random.default_rng(0).standard_normal((count, 64)) * 3.0 + 5.0
    assert 0.0 <= frechet.distance(points, points) < 1e-4
    assert 0.0 <= frechet.distance(points, points[::-1]) < 1e-4
    assert frechet.distance(np.ones((count, 3)), np.ones((count, 3))) == 0.0


def test_it_grows_with_the_noise():
    random = np.random.default_rng(0)
    points, noise = random.standard_normal((2, 300, 16))
    distances = [frechet.distance(points, points + s * noise) for s in (0.1, 0.5, 2.0)]
    assert distances == sorted(distances)


def test_what_has_no_distance_is_refused():
    points = np.zeros((4, 3))
    with pytest.raises(ValueError, match="n=1 embeddings have no covariance"):
        frechet.distance(points[:1], points)
    with pytest.raises(ValueError, match="n=0 embeddings have no covariance"):
        frechet.distance(points, points[:0])
    with pytest.raises(ValueError, match="3 dimensions and estimate 2"):
        frechet.distance(points, points[:, :2])
    with pytest.raises(ValueError, match=r"embeddings.shape=\(4,\) must be \[any, d"):
        frechet.distance(points, points[:, 0])
    with pytest.raises(ValueError, match="must be finite"):
        frechet.distance(points + np.nan, points)


def test_too_few_embeddings_are_said():
    assert frechet.warning(256, 128) == ""
    assert "n=255 embeddings of 128 dimensions, fewer than 256" in frechet.warning(
        255, 128
    )
