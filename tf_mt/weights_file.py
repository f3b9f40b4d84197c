"""Files of weights, written where a full disk does no harm."""

import math
from collections.abc import Iterable
from pathlib import Path

import keras

from tf_mt import disk

# What HDF5 writes of each variable beside its numbers, and more.
_BYTES_OF_A_VARIABLE = 2048
_BYTES_OF_A_NUMBER = 4


def save(
    model: keras.Model,
    path: Path,
    optimizers: Iterable[keras.optimizers.Optimizer] = (),
) -> None:
    """Writes the weights of a model, and what its optimizers know.

    On a full disk HDF5 ends the whole process, so the space is made sure of before.

    Args:
        model: Its `save_weights` writes the file.
        path: A file that ends in `.weights.h5`.
        optimizers: Those whose variables it writes as well.

    Raises:
        OSError: There is not enough space.
    """
    variables = list(model.variables)
    for optimizer in optimizers:
        variables += optimizer.variables
    numbers = sum(math.prod(variable.shape) for variable in variables)
    disk.reserve(
        path, numbers * _BYTES_OF_A_NUMBER + len(variables) * _BYTES_OF_A_VARIABLE
    )
    model.save_weights(path)
