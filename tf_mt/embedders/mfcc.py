"""MFCC statistics as an embedder: nothing to train, nothing to load."""

import functools

import numpy as np

from tf_mt.evaluation.metrics import mfcc


class Mfcc:
    """Embeds by `tf_mt.evaluation.metrics.mfcc.statistics`. See `embedder.Embedder`."""

    name = "MFCC statistics"
    domains = ()

    @functools.cached_property
    def dimensions(self) -> int:
        """Of an embedding; those of a second of silence."""
        return self.embed(np.zeros(16_000, np.float32), 16_000).shape[1]

    def embed(self, audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """See `embedder.Embedder`."""
        return mfcc.statistics(audio, sample_rate_hz).astype(np.float32)
