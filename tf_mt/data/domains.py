"""The domains of a converted dataset: those that are translated to, and the others."""

import dataclasses
from collections.abc import Sequence

import tensorflow_datasets as tfds

_HEARD = "heard_domains"


@dataclasses.dataclass(frozen=True)
class Domains:
    """The domains of a dataset.

    Attributes:
        translated: Names of those that models translate to, by their numbers.
        heard: Names of those that are heard only: sources of training pairs, which no
            model plays. Their numbers follow.
    """

    translated: tuple[str, ...]
    heard: tuple[str, ...] = ()

    @property
    def stored(self) -> tuple[str, ...]:
        """The names of all, by the numbers that are stored."""
        return self.translated + self.heard


def read(dataset: tfds.core.DatasetBuilder) -> Domains:
    """Reads the domains of a converted dataset."""
    stored = tuple(dataset.info.features["domain"].names)
    # Most datasets, and all that were made before there were any, have none.
    heard = tuple(dataset.info.metadata.get(_HEARD, ()))
    return Domains(stored[: len(stored) - len(heard)], heard)


def write(
    dataset: tfds.core.DatasetBuilder, translated: Sequence[str], heard: Sequence[str]
) -> None:
    """Says what domains a dataset that is being made has; see `Domains`."""
    dataset.info.features["domain"].names = [*translated, *heard]
    if heard:
        dataset.info.metadata[_HEARD] = list(heard)
