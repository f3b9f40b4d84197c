"""Scatter plots of content vectors by t-SNE (van der Maaten and Hinton 2008)."""

from pathlib import Path

import numpy as np
import threadpoolctl
from matplotlib import axes as plot_axes
from matplotlib import figure
from sklearn import decomposition, manifold

from tf_mt import atomic

PERPLEXITY = 30.0
SEED = 0

FEWEST_CODES = 4

# The axes that t-SNE sees, as van der Maaten and Hinton advise (section 4.2).
_PRINCIPAL_AXES = 50


def project(codes: np.ndarray) -> np.ndarray:
    """Puts codes into a plane so that near ones stay near.

    Distances between far groups mean nothing. It begins with the two first principal
    axes and runs on one core, so that the same codes give the same points.

    Args:
        codes: `[n, d]`; n is `FEWEST_CODES` or more, d is 2 or more.

    Returns:
        float32 `[n, 2]`; all zero if all codes are equal.

    Raises:
        ValueError: There are fewer, or some are not finite.
    """
    codes = np.asarray(codes, np.float64)
    if codes.ndim != 2 or len(codes) < FEWEST_CODES or codes.shape[1] < 2:
        raise ValueError(
            f"codes.shape={codes.shape} must be [{FEWEST_CODES} or more, 2 or more]."
        )
    if not np.isfinite(codes).all():
        raise ValueError("codes must be finite.")
    if not np.ptp(codes, axis=0).any():
        return np.zeros((len(codes), 2), np.float32)
    # More neighbours than a third of the codes are all of them.
    perplexity = min(PERPLEXITY, (len(codes) - 1) / 3)
    with threadpoolctl.threadpool_limits(1):
        if min(codes.shape) > _PRINCIPAL_AXES:
            codes = decomposition.PCA(_PRINCIPAL_AXES, random_state=SEED).fit_transform(
                codes
            )
        return manifold.TSNE(
            perplexity=perplexity, init="pca", random_state=SEED
        ).fit_transform(codes)


def draw(axis: plot_axes.Axes, points: np.ndarray, labels: np.ndarray) -> None:
    """Draws points in the colours of their labels.

    Args:
        axis: Where to draw.
        points: `[n, 2]`, as `project` gives them.
        labels: The name of each point's domain, `[n]`.
    """
    labels = np.asarray(labels)
    for name in np.unique(labels):
        x, y = points[labels == name].T
        axis.scatter(x, y, s=10, alpha=0.7, linewidths=0, label=str(name))
    axis.set_xticks([])
    axis.set_yticks([])
    axis.legend(fontsize=8, markerscale=1.6)


def write(points: np.ndarray, labels: np.ndarray, title: str, path: Path) -> None:
    """Draws points on a page of their own.

    Args:
        points: `[n, 2]`.
        labels: The name of each point's domain, `[n]`.
        title: What the points are.
        path: PNG to write.
    """
    page = figure.Figure(figsize=(5, 4.5), layout="constrained")
    axis = page.subplots()
    draw(axis, points, labels)
    axis.set_title(title, fontsize=10)
    with atomic.path(path) as temporary:
        page.savefig(temporary, format="png", dpi=110)
