"""Fréchet distance of two sets of embeddings (Heusel 2017; FAD, Kilgour 2019).

Each set is taken for a Gaussian: `|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^(1/2))`, all in
float64. The square root is taken in its symmetric form, `(C1^(1/2) C2 C1^(1/2))^(1/2)`,
by eigenvalues, so that it is real. A distance depends on the embedder and on both
counts: fewer embeddings give a larger one. It is reported with all three.
"""

import numpy as np


def distance(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Fréchet distance between two sets of embeddings.

    Args:
        reference: Embeddings of real recordings, `[n, d]`; n is 2 or more.
        estimate: Embeddings of translations, `[m, d]`; m is 2 or more.

    Returns:
        0 for equal sets; has no upper bound.

    Raises:
        ValueError: The two cannot be compared.
    """
    reference, estimate = _checked(reference), _checked(estimate)
    if reference.shape[1] != estimate.shape[1]:
        raise ValueError(
            f"reference has {reference.shape[1]} dimensions and estimate "
            f"{estimate.shape[1]}; embed both with the same embedder."
        )
    covariances = [
        np.atleast_2d(np.cov(embeddings, rowvar=False))
        for embeddings in (reference, estimate)
    ]
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    product = root @ covariances[1] @ root
    values = np.linalg.eigvalsh((product + product.T) / 2.0)
    shared = np.sqrt(np.maximum(values, 0.0)).sum()
    step = reference.mean(axis=0) - estimate.mean(axis=0)
    apart = step @ step + sum(np.trace(one) for one in covariances) - 2.0 * shared
    # Rounding can leave equal sets a little below 0.
    return max(0.0, float(apart))


def _checked(embeddings: np.ndarray) -> np.ndarray:
    """The embeddings in float64."""
    embeddings = np.asarray(embeddings, np.float64)
    if embeddings.ndim != 2:
        raise ValueError(
            f"embeddings.shape={embeddings.shape} must be [any, dimensions]."
        )
    if not np.isfinite(embeddings).all():
        raise ValueError("embeddings must be finite.")
    if len(embeddings) < 2:
        raise ValueError(
            f"n={len(embeddings)} embeddings have no covariance; give 2 or more."
        )
    return embeddings


def warning(n: int, dimensions: int) -> str:
    """What to say of a distance that too few embeddings were compared for.

    Args:
        n: Embeddings of the smaller set.
        dimensions: Of an embedding.

    Returns:
        One sentence; empty if n is twice the dimensions or more.
    """
    if n >= 2 * dimensions:
        return ""
    return (
        f"The Fréchet distance is over n={n} embeddings of {dimensions} dimensions, "
        f"fewer than {2 * dimensions}, so it is too large and hardly comparable."
    )
