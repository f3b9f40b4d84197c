"""Confidence intervals of means by the percentile bootstrap.

Efron and Tibshirani 1993, chapter 13. Scores are taken for independent; clips of one
piece are less than that, so an interval over them is rather too narrow than too wide.
"""

from typing import NamedTuple

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95

# Of fewer pairs, all can be of one sign by chance more often than once in twenty.
FEWEST_PAIRS = 6

# Resamples that are drawn at a time, so that memory stays small.
_BLOCK = 100


class Interval(NamedTuple):
    """A mean and the bounds that hold it with a confidence of 95 %.

    Attributes:
        mean: Of the scores.
        low: The lower bound.
        high: The upper bound.
    """

    mean: float
    low: float
    high: float


def bootstrap(scores: np.ndarray, seed: int = 0) -> Interval:
    """The mean of scores and its 95 % interval.

    Args:
        scores: `[n]`; NaNs, where a metric is not defined, are dropped.
        seed: Of the resampling; the same seed gives the same interval.

    Returns:
        The interval; of one score both bounds are the score, of none all is NaN.

    Raises:
        ValueError: The scores are not one-dimensional.
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim != 1:
        raise ValueError(f"scores.shape={scores.shape} must have one dimension.")
    scores = scores[~np.isnan(scores)]
    if not scores.size:
        return Interval(np.nan, np.nan, np.nan)
    random = np.random.default_rng(seed)
    shape = _BLOCK, scores.size
    means = [
        scores[random.integers(scores.size, size=shape, dtype=np.int32)].mean(axis=1)
        for _ in range(RESAMPLES // _BLOCK)
    ]
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(means, (tail, 1.0 - tail))
    return Interval(float(scores.mean()), float(low), float(high))


def separates(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether a metric discriminates two systems on the same clips.

    Args:
        first: Scores of the one system, `[n]`.
        second: Scores of the other on the same clips, `[n]`.

    Returns:
        True if the 95 % interval of the mean paired difference excludes 0. Pairs with
        a NaN are dropped; fewer than `FEWEST_PAIRS` pairs give False.

    Raises:
        ValueError: The two are not of one length.
    """
    first, second = np.asarray(first), np.asarray(second)
    if first.shape != second.shape:
        raise ValueError(
            f"first.shape={first.shape} and second.shape={second.shape} must be equal; "
            "give scores of the same clips."
        )
    difference = first - second
    if np.sum(~np.isnan(difference)) < FEWEST_PAIRS:
        return False
    interval = bootstrap(difference)
    return interval.low > 0.0 or interval.high < 0.0
