"""Moving averages of weights, which translate in place of the weights themselves."""

import contextlib
from collections.abc import Iterator, Sequence

import keras
import tensorflow as tf

from tf_mt.models import trainable


class Averages:
    """Moving averages of some of a model's variables, as state of the model.

    Args:
        model: What has the variables; gets the state `average_0`, `average_1`, ...
        variables: What is averaged; at first the averages are equal to them.
        share: Of the old average, in an update.
    """

    def __init__(
        self,
        model: trainable.Trainable,
        variables: Sequence[keras.Variable],
        share: float,
    ):
        self.variables = list(variables)
        self.share = share
        self.values = [
            model.add_state(f"average_{number}", variable.shape)
            for number, variable in enumerate(self.variables)
        ]
        self.begin()

    def begin(self) -> None:
        """Makes the averages equal to the variables."""
        for average, variable in zip(self.values, self.variables, strict=True):
            average.assign(variable)

    def update(self) -> None:
        """Moves the averages towards the variables; after each step."""
        for average, variable in zip(self.values, self.variables, strict=True):
            old, new = map(tf.convert_to_tensor, (average, variable))
            average.assign(self.share * old + (1.0 - self.share) * new)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Within it, the averages stand for the variables."""
        values = map(tf.convert_to_tensor, self.values)
        with keras.StatelessScope(list(zip(self.variables, values, strict=True))):
            yield
