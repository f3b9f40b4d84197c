"""Published tensors held against the shapes that they should have."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Shape = tuple[int, ...]
ABSENT = "absent"


class Mismatch(NamedTuple):
    """A tensor that is not as it should be.

    Attributes:
        name: Its name.
        found: Its shape, or `ABSENT`.
        wanted: The shape that it should have, or `ABSENT`.
    """

    name: str
    found: Shape | str
    wanted: Shape | str


def first_mismatch(
    wanted: Mapping[str, Shape], tensors: Mapping[str, np.ndarray]
) -> Mismatch | None:
    """The first tensor, by name, that is missing, too many, or of another shape.

    Args:
        wanted: The shapes that there should be, by name.
        tensors: What there is.

    Returns:
        None if they are these and no others.
    """
    found = {name: np.shape(values) for name, values in tensors.items()}
    for name in sorted({*wanted, *found}):
        one = Mismatch(name, found.get(name, ABSENT), wanted.get(name, ABSENT))
        if one.found != one.wanted:
            return one
    return None
