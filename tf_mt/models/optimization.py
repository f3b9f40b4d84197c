"""Optimizers and schedules that an approach declares for its parts."""

import math

import keras
import tensorflow as tf

from tf_mt import config


class LinearSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly, stays, and falls linearly to zero at the last step.

    Args:
        training: Gives the highest step size, the length of the rise, where the fall
            begins, and the number of steps.
        updates_per_step: How many updates of the optimizer a training step makes
            (`Trainable.updates_per_step`).
    """

    def __init__(self, training: config.Training, updates_per_step: float = 1.0):
        self.training = training
        self.updates_per_step = updates_per_step

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the step size of an update, counted from 0."""
        done = tf.cast(step, tf.float32) / self.updates_per_step
        rise = (done + 1.0) / max(1, self.training.warmup_steps)
        falling = self.training.steps * (1.0 - self.training.decay_from)
        fall = (self.training.steps - done) / max(1.0, falling)
        share = tf.minimum(1.0, tf.minimum(rise, fall) if falling else rise)
        return self.training.learning_rate * share


class CosineSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly, stays, and falls as half a cosine to a share of its height.

    Args:
        training: As for `LinearSchedule`; a training step makes one update.
        scale: What the training's step size is multiplied by.
        last: The step size at the end, as a share of the highest.
    """

    def __init__(self, training: config.Training, scale: float, last: float):
        self.training = training
        self.scale = scale
        self.last = last

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Returns the step size of an update, counted from 0."""
        done = tf.cast(step, tf.float32)
        rise = tf.minimum(1.0, (done + 1.0) / max(1, self.training.warmup_steps))
        first = self.training.steps * self.training.decay_from
        falling = max(1.0, self.training.steps - first)
        place = tf.clip_by_value((done - first) / falling, 0.0, 1.0)
        fall = 0.5 * (1.0 + tf.cos(math.pi * place))
        share = rise * (self.last + (1.0 - self.last) * fall)
        return self.scale * self.training.learning_rate * share


def adam(
    training: config.Training, updates_per_step: float = 1.0
) -> keras.optimizers.Adam:
    """Makes Adam with the linear schedule of a training configuration.

    Args:
        training: Gives the schedule and the decay of the first moment.
        updates_per_step: As for `LinearSchedule`.
    """
    schedule = LinearSchedule(training, updates_per_step)
    return keras.optimizers.Adam(schedule, beta_1=training.beta_1)


class RowAdam(keras.optimizers.Adam):
    """Adam for tables of embeddings: only the rows that a batch used are updated.

    The cost of an update grows with the batch, not with the table. The moments of the
    other rows stay as they are, where Adam would let them decay ("lazy Adam"). A
    variable whose gradient is dense is updated as by Adam.
    """

    def update_step(
        self,
        gradient: tf.Tensor | tf.IndexedSlices,
        variable: tf.Variable,
        learning_rate: tf.Tensor,
    ) -> None:
        """Updates a variable and its moments; see `keras.optimizers.Optimizer`."""
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        gradient = merged_rows(gradient)
        rows, values = gradient.indices, gradient.values
        place = self._get_variable_index(variable)
        first, second = self._momentums[place].value, self._velocities[place].value
        momentum = tf.gather(first, rows)
        momentum += (values - momentum) * (1.0 - self.beta_1)
        velocity = tf.gather(second, rows)
        velocity += (tf.square(values) - velocity) * (1.0 - self.beta_2)
        step = tf.cast(self.iterations.value + 1, tf.float32)
        scale = tf.sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)
        change = learning_rate * scale * momentum / (tf.sqrt(velocity) + self.epsilon)
        first.scatter_update(tf.IndexedSlices(momentum, rows))
        second.scatter_update(tf.IndexedSlices(velocity, rows))
        variable.scatter_sub(tf.IndexedSlices(change, rows))


def merged_rows(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """Sums the rows of a sparse gradient that are of one index."""
    rows, places = tf.unique(gradient.indices)
    values = tf.math.unsorted_segment_sum(gradient.values, places, tf.size(rows))
    return tf.IndexedSlices(values, rows, gradient.dense_shape)
