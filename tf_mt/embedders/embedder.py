"""The protocol of embedders, and the table of them."""

from pathlib import Path
from typing import Protocol

import numpy as np

from tf_mt import names
from tf_mt.embedders import classifier, mfcc, trained, vggish

VGGISH = "vggish:"


class Embedder(Protocol):
    """Turns recordings into vectors.

    Attributes:
        name: What it is, for a report.
        dimensions: Of an embedding.
        domains: Names of the domains that it classifies; empty if it does not.
    """

    name: str
    dimensions: int
    domains: tuple[str, ...]

    def embed(self, audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """Embeds a recording window by window, about one a second, at least one.

        Args:
            audio: float32 `[samples]` in [-1, 1].
            sample_rate_hz: Its rate, whatever it is.

        Returns:
            float32 `[windows, dimensions]`.
        """

    def probabilities(self, audio: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """How likely a recording is of each domain; only where there are `domains`.

        Args:
            audio: float32 `[samples]` in [-1, 1].
            sample_rate_hz: Its rate, whatever it is.

        Returns:
            float32 `[domains]`; sums to 1.
        """


def load(name: str) -> Embedder:
    """Makes an embedder ready.

    Args:
        name: "mfcc"; "vggish:FILE", with the checkpoint of VGGish's weights; or a
            folder that `python -m tf_mt.train_embedder` made.

    Raises:
        ValueError: It is none of them, or the checkpoint is of something else.
        FileNotFoundError: The checkpoint is not there, or the folder holds no embedder.
    """
    if name == "mfcc":
        return mfcc.Mfcc()
    if name.startswith(VGGISH):
        return vggish.Vggish(Path(name.removeprefix(VGGISH)))
    if Path(name).is_dir():
        return trained.Trained(*classifier.load(Path(name)))
    known = ("mfcc", f"{VGGISH}FILE", "a folder that tf_mt.train_embedder made")
    raise ValueError(names.unknown("embedder", name, known))
