"""Confidence intervals contain the true mean as often as they claim."""

import numpy as np
import pytest
import scipy.stats

from tf_mt.evaluation.protocol import intervals


def test_it_holds_the_true_mean_nineteen_times_in_twenty():
    random = np.random.default_rng(0)
    trials = 300
    held = 0
    for trial in range(trials):
        interval = intervals.bootstrap(random.exponential(size=80), seed=trial)
        held += interval.low <= 1.0 <= interval.high
    # The percentile bootstrap of a skewed mean covers a little less than it says.
    assert 0.90 < held / trials < 0.98


def test_it_agrees_with_scipy():
    scores = np.random.default_rng(1).gamma(2.0, size=60)
    expected = scipy.stats.bootstrap(
        (scores,), np.mean, n_resamples=20_000, method="percentile", rng=0
    ).confidence_interval
    interval = intervals.bootstrap(scores)
    assert interval.mean == pytest.approx(scores.mean())
    width = expected.high - expected.low
    assert interval.low == pytest.approx(expected.low, abs=0.04 * width)
    assert interval.high == pytest.approx(expected.high, abs=0.04 * width)


def test_it_narrows_with_the_root_of_the_count():
    scores = np.random.default_rng(2).standard_normal(1600)
    widths = [
        interval.high - interval.low
        for interval in (intervals.bootstrap(scores[:n]) for n in (100, 1600))
    ]
    assert widths[0] / widths[1] == pytest.approx(4.0, rel=0.15)


def test_one_score_is_its_own_bounds():
    assert intervals.bootstrap(np.array([0.3])) == (0.3, 0.3, 0.3)


def test_what_is_not_defined_is_dropped():
    scores = np.array([1.0, np.nan, 2.0, 4.0, np.nan])
    assert intervals.bootstrap(scores) == intervals.bootstrap(np.array([1.0, 2.0, 4.0]))
    assert np.isnan(intervals.bootstrap(np.array([np.nan]))).all()
    assert np.isnan(intervals.bootstrap(np.array([]))).all()


def test_the_same_seed_gives_the_same_interval():
    scores = np.arange(20.0)
    assert intervals.bootstrap(scores, seed=3) == intervals.bootstrap(scores, seed=3)
    assert intervals.bootstrap(scores, seed=3) != intervals.bootstrap(scores, seed=4)


def test_pairs_tell_apart_what_separate_means_cannot():
    random = np.random.default_rng(0)
    first = 10.0 * random.standard_normal(50)
    second = first + 0.5 + 0.1 * random.standard_normal(50)
    assert intervals.bootstrap(first).high > intervals.bootstrap(second).low
    assert intervals.separates(first, second)
    assert intervals.separates(second, first)
    first[:3], second[5] = np.nan, np.nan
    assert intervals.separates(first, second)


def test_equal_systems_are_told_apart_one_time_in_twenty():
    random = np.random.default_rng(0)
    wrong = sum(
        intervals.separates(*random.standard_normal((2, 40))) for _ in range(300)
    )
    assert 0.02 < wrong / 300 < 0.09
    same = np.arange(10.0)
    assert not intervals.separates(same, same)


def test_five_pairs_tell_nothing_apart():
    better, worse = np.zeros(6), np.ones(6)
    assert intervals.separates(better, worse)
    assert not intervals.separates(better[:5], worse[:5])


def test_what_is_not_paired_is_refused():
    with pytest.raises(ValueError, match=r"first.shape=\(3,\) and second.shape=\(4,\)"):
        intervals.separates(np.zeros(3), np.zeros(4))
    with pytest.raises(ValueError, match="one dimension"):
        intervals.bootstrap(np.zeros((2, 2)))
