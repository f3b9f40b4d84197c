"""Probes: how well classifiers predict the domain from content vectors.

A code without the domain lets no classifier do better than always naming the most
frequent one, and does not cluster by domain.
"""

import warnings
from typing import NamedTuple

import numpy as np
import threadpoolctl
from sklearn import (
    base,
    exceptions,
    linear_model,
    metrics,
    model_selection,
    neural_network,
    pipeline,
    preprocessing,
)

FOLDS = 5
HIDDEN_UNITS = 256
SEED = 0


class Accuracy(NamedTuple):
    """Shares of codes whose domain is named right, in [0, 1].

    Attributes:
        linear: By multinomial logistic regression.
        mlp: By a perceptron with one hidden layer of 256, for what is not linear.
        majority: By always naming the most frequent domain.
        n: How many codes were classified.
    """

    linear: float
    mlp: float
    majority: float
    n: int


def accuracy(codes: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> Accuracy:
    """Names the domain of each code with what was learnt from other recordings.

    Cross-validation in 5 folds, fewer where a domain has fewer recordings. Each
    dimension has zero mean and unit variance over the codes that are learnt from.

    Args:
        codes: Content codes, `[n, d]`.
        labels: The domain of each, `[n]`.
        groups: The recording of each, `[n]`; none is both learnt from and tested on.

    Returns:
        Accuracies over all codes, each tested once.

    Raises:
        ValueError: The arrays do not fit each other, there is one domain, or a domain
            has one recording.
    """
    codes = _checked(codes, labels)
    folds = _folds(codes, labels, groups)
    linear = linear_model.LogisticRegression(max_iter=1000)
    mlp = neural_network.MLPClassifier(
        (HIDDEN_UNITS,), learning_rate_init=3e-3, max_iter=100, random_state=SEED
    )
    _, counts = np.unique(labels, return_counts=True)
    return Accuracy(
        linear=_share(linear, codes, labels, folds),
        mlp=_share(mlp, codes, labels, folds),
        majority=float(counts.max() / counts.sum()),
        n=len(codes),
    )


def silhouette(codes: np.ndarray, labels: np.ndarray) -> float:
    """How far codes cluster by label (Rousseeuw 1987), over standardised dimensions.

    Args:
        codes: `[n, d]`.
        labels: The domain of each, `[n]`, or its pitch.

    Returns:
        In [-1, 1]: 0 or less where the labels do not cluster, 1 for tight clusters far
        from each other.

    Raises:
        ValueError: The arrays do not fit each other, there is one label, or every code
            has a label of its own.
    """
    codes = _checked(codes, labels)
    count = len(np.unique(labels))
    if count == len(codes):
        raise ValueError(
            f"labels has {count} different ones for as many codes; give some twice."
        )
    scaled = preprocessing.StandardScaler().fit_transform(codes)
    return float(metrics.silhouette_score(scaled, labels))


def _checked(codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or codes.shape[:1] != np.shape(labels):
        raise ValueError(
            f"codes.shape={codes.shape} and labels.shape={np.shape(labels)} must be "
            "[n, d] and [n]."
        )
    if not np.isfinite(codes).all():
        raise ValueError("codes must be finite.")
    names = np.unique(labels)
    if len(names) < 2:
        raise ValueError(f"labels={names.tolist()} must be of two kinds or more.")
    return codes


def _folds(
    codes: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows that are learnt from and rows that are tested on, for each fold."""
    if np.shape(groups) != np.shape(labels):
        raise ValueError(
            f"groups.shape={np.shape(groups)} must be {np.shape(labels)}, that of "
            "labels."
        )
    recordings = {
        label: len(np.unique(np.asarray(groups)[np.asarray(labels) == label]))
        for label in np.unique(labels)
    }
    fewest = min(recordings, key=recordings.get)
    if recordings[fewest] < 2:
        raise ValueError(
            f"domain {fewest} has codes of one recording; a probe needs two or more of "
            "each."
        )
    splitter = model_selection.StratifiedGroupKFold(
        min(FOLDS, recordings[fewest]), shuffle=True, random_state=SEED
    )
    return list(splitter.split(codes, labels, groups))


def _share(
    classifier: base.ClassifierMixin,
    codes: np.ndarray,
    labels: np.ndarray,
    folds: list[tuple[np.ndarray, np.ndarray]],
) -> float:
    scaled = pipeline.make_pipeline(preprocessing.StandardScaler(), classifier)
    # Its many small products are faster on one core than shared among several.
    with warnings.catch_warnings(), threadpoolctl.threadpool_limits(1):
        # A probe that is not at its optimum yet is still a probe.
        warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
        named = model_selection.cross_val_predict(scaled, codes, labels, cv=folds)
    return float(np.mean(named == labels))
