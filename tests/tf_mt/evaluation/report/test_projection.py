"""t-SNE plots: near codes stay near, and equal codes give equal points."""

import numpy as np
import pytest
from matplotlib import figure, image
from sklearn import metrics

from tf_mt.evaluation.report import projection

LABELS = np.repeat(["flute", "trumpet", "violin"], 40)


def clusters(dimensions):
    random = np.random.default_rng(0)
    centres = np.repeat(10.0 * random.standard_normal((3, dimensions)), 40, axis=0)
    return centres + random.standard_normal((120, dimensions))


@pytest.mark.parametrize("dimensions", [2, 8, 80])
def test_clusters_stay_apart(dimensions):
    points = projection.project(clusters(dimensions))
    assert points.shape == (120, 2)
    assert points.dtype == np.float32
    assert metrics.silhouette_score(points, LABELS) > 0.5


def test_the_same_codes_give_the_same_points():
    codes = clusters(60)
    np.testing.assert_array_equal(projection.project(codes), projection.project(codes))


@pytest.mark.parametrize("count", [4, 10, 40])
def test_few_codes_have_a_place(count):
    points = projection.project(clusters(6)[:count])
    assert points.shape == (count, 2)
    assert np.isfinite(points).all()


def test_equal_codes_have_one_place():
    assert not projection.project(np.ones((10, 4))).any()


def test_every_domain_is_in_the_legend(tmp_path):
    points = clusters(2)
    axis = figure.Figure().subplots()
    projection.draw(axis, points, LABELS)
    legend = [text.get_text() for text in axis.get_legend().get_texts()]
    assert legend == ["flute", "trumpet", "violin"]
    assert [len(drawn.get_offsets()) for drawn in axis.collections] == [40, 40, 40]
    projection.write(points, LABELS, "codes", tmp_path / "points.png")
    assert image.imread(tmp_path / "points.png").std() > 0.01


def test_what_has_no_plane_is_refused():
    with pytest.raises(ValueError, match=r"codes.shape=\(3, 5\) must be \[4 or more"):
        projection.project(np.zeros((3, 5)))
    with pytest.raises(ValueError, match="finite"):
        projection.project(np.full((5, 5), np.nan))
