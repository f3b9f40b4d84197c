"""Embeddings of real clips of each domain, and distances of translations to them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_mt import progress
from tf_mt.evaluation.protocol import cases

# The most recordings of a domain that are embedded.
CLIPS = 50


def embed(
    embedder: Any,
    train: Any,
    domains: Sequence[str],
    sample_rate_hz: int,
    samples: int,
) -> dict[str, np.ndarray]:
    """Embeds clips of each domain, from all over the training split.

    Args:
        embedder: With `embed(audio, sample_rate_hz)`.
        train: The recordings of the training split.
        domains: The domains.
        sample_rate_hz: The rate of the recordings.
        samples: The most of a recording that is taken.

    Returns:
        `[windows, dimensions]` of each domain.
    """
    chosen = {
        domain: cases.spread([e for e in train.entries if e.domain == domain], CLIPS)
        for domain in domains
    }
    found: dict[str, list] = {domain: [] for domain in domains}
    with progress.bar(
        total=sum(map(len, chosen.values())), desc="reference", unit="clip"
    ) as bar:
        for domain, entries in chosen.items():
            for entry in entries:
                audio = train.audio(entry, 0, min(samples, entry.samples))
                found[domain].append(embedder.embed(audio, sample_rate_hz))
                bar.update()
    return {domain: np.concatenate(windows) for domain, windows in found.items()}


def scores(
    embedder: Any,
    estimate: np.ndarray,
    sample_rate_hz: int,
    target: str,
    windows: np.ndarray,
    target_windows: np.ndarray,
) -> Mapping[str, float]:
    """The distance of a translation to a domain, and whether it is classified as such.

    Args:
        embedder: Also a classifier, if it has `domains`.
        estimate: The translation `[samples]`.
        sample_rate_hz: Its rate.
        target: The domain.
        windows: Its embeddings, `[windows, dimensions]`.
        target_windows: Those of clips of the domain.

    Returns:
        `timbre`, a cosine distance in [0, 2]; `domain`, 1 or 0, if the embedder
        classifies that domain.
    """
    own, wanted = windows.mean(axis=0), target_windows.mean(axis=0)
    cosine = own @ wanted / max(np.linalg.norm(own) * np.linalg.norm(wanted), 1e-12)
    found = {"timbre": float(1.0 - cosine)}
    if target in embedder.domains:
        likely = np.argmax(embedder.probabilities(estimate, sample_rate_hz))
        found["domain"] = float(embedder.domains[likely] == target)
    return found
