"""Probes find domains that codes reveal, and score at chance level where none is."""

import numpy as np
import pytest
from sklearn import metrics

from tf_mt.evaluation.metrics import probes

DOMAINS = np.array(["flute", "trumpet", "violin"])
WINDOWS = 12


def codes(recordings=6, dimensions=8, of_domain=0.0, of_recording=0.0, seed=0):
    """Codes of windows of recordings, their domains and their recordings."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(3 * recordings), WINDOWS)
    numbers = groups // recordings
    centres = of_domain * random.standard_normal((3, dimensions))
    places = of_recording * random.standard_normal((3 * recordings, dimensions))
    noise = random.standard_normal((len(groups), dimensions))
    return centres[numbers] + places[groups] + noise, DOMAINS[numbers], groups


def test_a_code_that_holds_the_domain_is_found_out():
    found = probes.accuracy(*codes(of_domain=5.0))
    assert found.linear > 0.97
    assert found.mlp > 0.97
    assert found.majority == pytest.approx(1 / 3)
    assert found.n == 216


def test_a_code_without_the_domain_scores_at_chance_level():
    found = probes.accuracy(*codes())
    assert abs(found.linear - found.majority) < 0.1
    assert abs(found.mlp - found.majority) < 0.1


def test_a_recording_is_never_on_both_sides():
    # Each recording has a place of its own that says nothing of its domain: who had
    # seen other windows of it would name its domain without fail.
    found = probes.accuracy(*codes(of_recording=20.0))
    assert found.linear < 0.6
    assert found.mlp < 0.6


def test_a_perceptron_sees_what_is_not_linear():
    random = np.random.default_rng(0)
    points = random.uniform(-1.0, 1.0, (600, 2))
    labels = np.where(points[:, 0] * points[:, 1] > 0.0, "same", "other")
    found = probes.accuracy(points, labels, np.arange(600))
    assert found.linear < 0.65
    assert found.mlp > 0.9


def test_scale_and_offset_do_not_matter():
    points, labels, groups = codes(recordings=4, of_domain=0.7)
    stretched = points * np.logspace(-3, 3, points.shape[1]) + 1e3
    first = probes.accuracy(points, labels, groups)
    second = probes.accuracy(stretched, labels, groups)
    assert second.linear == pytest.approx(first.linear, abs=0.02)
    assert probes.accuracy(points, labels, groups) == first


def test_the_majority_is_counted():
    points, labels, groups = codes(recordings=4)
    kept = (labels != "violin") | (groups >= 10)
    found = probes.accuracy(points[kept], labels[kept], groups[kept])
    assert found.majority == pytest.approx(0.4)


def test_silhouette_is_high_for_clusters_and_none_without():
    assert probes.silhouette(*codes(of_domain=20.0)[:2]) > 0.7
    assert abs(probes.silhouette(*codes()[:2])) < 0.05
    assert probes.silhouette(np.ones((4, 2)), np.array(list("aabb"))) == 0.0


def test_silhouette_of_two_pairs_has_a_closed_form():
    points = np.array([[0.0], [1.0], [10.0], [11.0]])
    # To the own neighbour 1; to the others 10.5 from without, 9.5 from within.
    expected = np.mean([1 - 1 / 10.5, 1 - 1 / 9.5])
    assert probes.silhouette(points, np.array(list("aabb"))) == pytest.approx(expected)
    unscaled = metrics.silhouette_score(points, list("aabb"))
    assert unscaled == pytest.approx(expected)


def test_what_cannot_be_probed_is_refused():
    points, labels, groups = codes(recordings=2)
    with pytest.raises(ValueError, match=r"must be \[n, d\] and \[n\]"):
        probes.accuracy(points[1:], labels, groups)
    with pytest.raises(ValueError, match=r"groups.shape=\(71,\) must be \(72,\)"):
        probes.accuracy(points, labels, groups[1:])
    with pytest.raises(ValueError, match=r"labels=\['flute'\] must be of two kinds"):
        probes.accuracy(points[:24], labels[:24], groups[:24])
    with pytest.raises(ValueError, match="domain violin has codes of one recording"):
        probes.accuracy(points[:60], labels[:60], groups[:60])
    with pytest.raises(ValueError, match="finite"):
        probes.silhouette(points + np.inf, labels)
    with pytest.raises(ValueError, match="3 different ones for as many codes"):
        probes.silhouette(points[:3], np.arange(3))
