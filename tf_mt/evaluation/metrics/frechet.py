"""Fréchet distance of two sets of embeddings (Heusel 2017; FAD, Kilgour 2019).

Each set is taken for a Gaussian: `|m1 - m2|² + tr(C1 + C2 - 2 (C1 C2)^(1/2))`, all in
float64. The square root is taken in its symmetric form, `(C1^(1/2) C2 C1^(1/2))^(1/2)`,
by eigenvalues, so that it is real. A distance depends on the embedder and on both
counts: fewer embeddings give a larger one. It is reported with all three.
"""

import numpy as np


class Gaussian:
    """Mean and covariance of embeddings that come in batches.

    Memory does not grow with their number. Batches are merged about their own means
    (Chan et al. 1983), so that a mean far from zero costs no precision.

    Attributes:
        n: How many embeddings were added.
        mean: Their mean, float64 `[d]`.
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean = np.zeros(0)
        self._scatter = np.zeros((0, 0))

    def add(self, embeddings: np.ndarray) -> None:
        """Adds embeddings `[any, d]`.

        Raises:
            ValueError: They have another shape than those before, or are not finite.
        """
        embeddings = np.asarray(embeddings, np.float64)
        if embeddings.ndim != 2 or (self.n and embeddings.shape[1] != self.mean.size):
            raise ValueError(
                f"embeddings.shape={embeddings.shape} must be [any, "
                f"{self.mean.size if self.n else 'dimensions'}]."
            )
        if not np.isfinite(embeddings).all():
            raise ValueError("embeddings must be finite.")
        if not len(embeddings):
            return
        if not self.n:
            dimensions = embeddings.shape[1]
            self.mean = np.zeros(dimensions)
            self._scatter = np.zeros((dimensions, dimensions))
        total = self.n + len(embeddings)
        mean = embeddings.mean(axis=0)
        centred, step = embeddings - mean, mean - self.mean
        between = self.n * len(embeddings) / total * np.outer(step, step)
        self._scatter += centred.T @ centred + between
        self.mean = self.mean + step * (len(embeddings) / total)
        self.n = total

    def covariance(self) -> np.ndarray:
        """The unbiased covariance, float64 `[d, d]`.

        Raises:
            ValueError: There are fewer than two embeddings.
        """
        if self.n < 2:
            raise ValueError(
                f"n={self.n} embeddings have no covariance; give 2 or more."
            )
        return self._scatter / (self.n - 1)


def distance(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Fréchet distance between two sets of embeddings.

    Args:
        reference: What it should sound like, `[n, d]`; n is 2 or more.
        estimate: What it does sound like, `[m, d]`; m is 2 or more.

    Returns:
        0 for equal sets; has no upper bound.

    Raises:
        ValueError: The two cannot be compared.
    """
    gaussians = Gaussian(), Gaussian()
    for gaussian, embeddings in zip(gaussians, (reference, estimate), strict=True):
        gaussian.add(embeddings)
    return between(*gaussians)


def between(reference: Gaussian, estimate: Gaussian) -> float:
    """As `distance`, of sets that were added up."""
    covariances = reference.covariance(), estimate.covariance()
    if reference.mean.shape != estimate.mean.shape:
        raise ValueError(
            f"reference has {reference.mean.size} dimensions and estimate "
            f"{estimate.mean.size}; embed both with the same embedder."
        )
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    product = root @ covariances[1] @ root
    values = np.linalg.eigvalsh((product + product.T) / 2.0)
    shared = np.sqrt(np.maximum(values, 0.0)).sum()
    step = reference.mean - estimate.mean
    apart = step @ step + sum(np.trace(one) for one in covariances) - 2.0 * shared
    # Rounding can leave equal sets a little below 0.
    return max(0.0, float(apart))


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
