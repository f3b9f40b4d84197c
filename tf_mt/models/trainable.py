"""Training of a model with several parts: objectives, updates, state and the step.

A step is a pure function of the weights and the batch, whatever number of replicas
share the batch.
"""

import abc
import functools
import time
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, ClassVar, NamedTuple

import keras
import tensorflow as tf

from tf_mt import config, dataset
from tf_mt.models import optimization

Batch = Mapping[str, tf.Tensor]

# The most clips that a training's log lets hear.
LOGGED_CLIPS = 3


class Objective(NamedTuple):
    """What some parts of a model minimise.

    Attributes:
        parts: Names of the parts that learn from it; others are left alone.
        terms: Unweighted scalar loss of each of its terms, a mean over the examples of
            this replica.
        update_state: Called after the last update of a step that has some of these
            parts, for each of its batches; changes variables that no optimizer does
            (`Trainable.add_state`) by what the forward pass found.
    """

    parts: tuple[str, ...]
    terms: dict[str, tf.Tensor]
    update_state: Callable[[], None] | None = None


class Update(NamedTuple):
    """One of the updates that a training step makes, in their order.

    Attributes:
        parts: Names of the parts that are updated; their gradients are taken in one
            forward pass. Other parts of their objectives are left as they are.
        batches: How often, each time on another batch. Where updates of a step differ
            in this, their last batches are the same one.
        every: Only in each so manieth step, from the first one on.
        terms: The loss terms that the update is by; empty takes all of the objectives.
    """

    parts: tuple[str, ...]
    batches: int = 1
    every: int = 1
    terms: tuple[str, ...] = ()


class Trainable(keras.Model, abc.ABC):
    """A model whose parts learn from objectives of their own.

    Args:
        hparams: The configuration; its `weights` give each loss term's weight and its
            `warmup` the steps over which that weight rises from zero.
        info: The dataset that the model is trained on.

    Raises:
        ValueError: The weights are not those of the terms.

    Attributes:
        terms: Names of all its loss terms.
        info: The dataset that it is trained on.
        batches: The form of batch that it trains on, one of `dataset.FORMS`.
        clip_samples: Length of a training clip.
        trained_domains: The domains that it is trained on; a batch has these.
        steps_done: Training steps so far.
        waited_seconds: Time that steps have spent waiting for data.
    """

    terms: ClassVar[tuple[str, ...]]
    batches: str
    clip_samples: int

    def __init__(self, hparams: config.Config, info: dataset.DatasetInfo):
        super().__init__()
        if set(hparams.weights) != set(self.terms):
            raise ValueError(
                f"weights={dict(hparams.weights)} must weigh the terms {self.terms}."
            )
        self.hparams = hparams
        self.info = info
        self.trained_domains = info.domains
        self.steps_done = 0
        self.waited_seconds = 0.0

    @abc.abstractmethod
    def parts(self) -> dict[str, Sequence[keras.Layer]]:
        """Returns the layers of each part; each part has an optimizer of its own.

        Together they hold every trainable variable once.
        """

    @abc.abstractmethod
    def objectives(self, batch: Batch, training: bool) -> list[Objective]:
        """Computes every objective in one forward pass.

        Args:
            batch: A replica's batch, as `dataset.batch_features` declares it for the
                form `batches`.
            training: Whether weights are about to be updated.

        Returns:
            Objectives over parts that have none in common. A term whose weight is zero
            may be left out.
        """

    @abc.abstractmethod
    def sounds(self, batch: Batch) -> dict[str, dict[str, tf.Tensor]]:
        """What a training's log lets hear of the model.

        Args:
            batch: A stacked batch of one slot.

        Returns:
            By a name for the clip and one for what was done with it, the audio, float32
            `[samples]`.
        """

    def compile(
        self,
        optimizers: Mapping[str, keras.optimizers.Optimizer],
        clip_norm: float = 0.0,
    ) -> None:
        """Gives each part its optimizer; called in the strategy's scope.

        Args:
            optimizers: An optimizer for each of `parts()`.
            clip_norm: Largest global norm of a part's gradient; 0 does not clip.
        """
        super().compile(optimizer=None, jit_compile=False)
        declared = {part for update in self.updates() for part in update.parts}
        for found, wanted in (("updates", declared), ("optimizers", set(optimizers))):
            if wanted != set(self.parts()):
                raise ValueError(
                    f"{found} of {type(self).__name__} are of the parts "
                    f"{', '.join(sorted(wanted))}, but must be of all of its parts: "
                    f"{', '.join(sorted(self.parts()))}."
                )
        self.clip_norm = clip_norm
        self.optimizers = dict(optimizers)
        for part, optimizer in self.optimizers.items():
            # An optimizer that is built later fails on several replicas, and forgets
            # the state that a checkpoint holds.
            optimizer.build(self.part_variables(part))

    def make_optimizers(
        self, training: config.Training
    ) -> dict[str, keras.optimizers.Optimizer]:
        """Makes the optimizer of each part, with its schedule; by default Adam for all.

        Args:
            training: The run's training configuration.
        """
        return {
            part: optimization.adam(training, self.updates_per_step(part))
            for part in self.parts()
        }

    def updates(self) -> Sequence[Update]:
        """Declares the order and the number of a step's updates.

        By default all gradients are taken before any weight moves, in one forward pass.
        """
        return (Update(tuple(self.parts())),)

    def updates_per_step(self, part: str) -> float:
        """Returns how often a step updates a part, on average.

        Optimizers count updates, and schedules are of steps.

        Args:
            part: One of `parts()`.
        """
        updates = [update for update in self.updates() if part in update.parts]
        return sum(update.batches / update.every for update in updates)

    def add_state(
        self, name: str, shape: Sequence[int], initializer: Any = "zeros"
    ) -> keras.Variable:
        """Makes a float32 variable that training changes and no optimizer does.

        A pool of earlier outputs, a codebook, averaged weights: it is saved with the
        weights. `Objective.update_state` assigns it; every replica has to assign the
        same value, as those of `replicas` are that gather a whole batch.

        Args:
            name: Its name in the model.
            shape: Its shape.
            initializer: As in `keras.Model.add_weight`.
        """
        return self.add_weight(
            name=name,
            shape=tuple(shape),
            initializer=initializer,
            dtype="float32",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def part_variables(self, part: str) -> list[keras.Variable]:
        """Returns the trainable variables of a part."""
        layers = self.parts()[part]
        return [v for layer in layers for v in layer.trainable_variables]

    def train_step(
        self, *batches: Batch, updates: Sequence[Update] | None = None
    ) -> dict[str, tf.Tensor]:
        """Makes the updates of one step.

        Args:
            *batches: This replica's batches, `batches_per_step` of them.
            updates: Those to make; all if None.

        Returns:
            Unweighted terms, each as of its last forward pass.
        """
        terms = {}
        remaining = list(self.updates() if updates is None else updates)
        while remaining:
            update = remaining.pop(0)
            later = {part for other in remaining for part in other.parts}
            for batch in batches[len(batches) - update.batches :]:
                terms |= self._update(update, batch, later)
        return terms

    def _update(
        self, update: Update, batch: Batch, later: Set[str]
    ) -> dict[str, tf.Tensor]:
        """Updates some parts at once by their objectives on a batch.

        Args:
            update: Which parts, and by which terms.
            batch: This replica's batch.
            later: The parts that this step updates afterwards.

        Returns:
            The terms that the update was by.
        """
        with tf.GradientTape(persistent=True) as tape:
            objectives = [
                _restricted(objective, update.terms)
                for objective in self.objectives(batch, training=True)
                if not set(update.parts).isdisjoint(objective.parts)
            ]
            totals = [self._weighted(objective, batch) for objective in objectives]
        # Every gradient is taken before any weight moves.
        gradients = []
        for objective, total in zip(objectives, totals, strict=True):
            updated = [part for part in objective.parts if part in update.parts]
            variables = {part: self.part_variables(part) for part in updated}
            gradients.append(tape.gradient(total, variables))
        del tape
        for of_objective in gradients:
            for part, of_part in of_objective.items():
                optimizer = self.optimizers[part]
                if not isinstance(optimizer, optimization.RowAdam):
                    of_part = [tf.convert_to_tensor(gradient) for gradient in of_part]
                optimizer.apply(self._shared(of_part), self.part_variables(part))
        for objective in objectives:
            if objective.update_state is not None and later.isdisjoint(objective.parts):
                objective.update_state()
        return _merged(objectives)

    @property
    def batches_per_step(self) -> int:
        """How many batches a training step takes."""
        return max(update.batches for update in self.updates())

    def _due(self) -> tuple[Update, ...]:
        """The updates of the step that is next."""
        return tuple(u for u in self.updates() if self.steps_done % u.every == 0)

    def test_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Returns the unweighted terms of a replica's batch."""
        return _merged(self.objectives(batch, training=False))

    def _weighted(self, objective: Objective, batch: Batch) -> tf.Tensor:
        return tf.add_n(
            [self._weight(name, batch) * term for name, term in objective.terms.items()]
        )

    def _weight(self, term: str, batch: Batch) -> tf.Tensor:
        weight = tf.constant(self.hparams.weights[term], tf.float32)
        steps = self.hparams.warmup.get(term, 0.0)
        if not steps:
            return weight
        step = tf.cast(batch["step"], tf.float32)
        return weight * tf.minimum(1.0, (step + 1.0) / steps)

    def _shared(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """Averages gradients over replicas, clips them, and divides by the replicas.

        An optimizer sums what the replicas give it. Clipping comes after the average,
        so that a step does not depend on how many replicas share the batch.
        """
        replicas = tf.distribute.get_replica_context()
        count = float(replicas.num_replicas_in_sync)
        if self.clip_norm:
            summed = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            means = [_divided(gradient, count) for gradient in summed]
            gradients, _ = tf.clip_by_global_norm(means, self.clip_norm)
        return [_divided(gradient, count) for gradient in gradients]

    def _maybe_symbolic_build(self, iterator=None, data_batch=None) -> None:
        """Does nothing: a model has all its variables once it is made.

        Keras would reduce a first batch over the replicas, which fails with several
        worker processes (keras-team/keras#20585).
        """

    def make_train_function(self, force: bool = False):
        """Makes the function that `fit` calls with an iterator once a step."""
        if self.train_function is None or force:
            by_updates: dict[tuple[Update, ...], Callable] = {}

            def step(iterator):
                # Chosen outside of the graph: optimizers of several replicas cannot
                # update in a branch.
                due = self._due()
                if due not in by_updates:
                    update = functools.partial(self.train_step, updates=due)
                    by_updates[due] = self._distributed(update, self.batches_per_step)
                terms = by_updates[due](iterator)
                self.steps_done += 1
                return terms

            self.train_function = step
        return self.train_function

    def make_test_function(self, force: bool = False):
        """Makes the function that a test calls with an iterator once a step."""
        if self.test_function is None or force:
            self.test_function = self._distributed(self.test_step, 1)
        return self.test_function

    def _distributed(self, step: Callable, batches_per_step: int):
        """Runs a step on every replica and averages each of its scalars.

        Keras's own reduction does not work with several worker processes
        (keras-team/keras#20585).
        """

        def clock() -> tf.Tensor:
            # `tf.timestamp` refuses to run when operations must be deterministic.
            return tf.numpy_function(time.perf_counter, [], tf.float64)

        @tf.function(reduce_retracing=True)
        def run(iterator):
            asked = clock()
            with tf.control_dependencies([asked]):
                batches = [next(iterator) for _ in range(batches_per_step)]
            with tf.control_dependencies(
                tf.nest.flatten(batches, expand_composites=True)
            ):
                waited = clock() - asked
            terms = self.distribute_strategy.run(step, args=tuple(batches))
            means = {
                name: self.distribute_strategy.reduce("MEAN", value, axis=None)
                for name, value in terms.items()
            }
            return means, waited

        def run_and_count(iterator):
            means, waited = run(iterator)
            self.waited_seconds += float(waited)
            return means

        return run_and_count


def _merged(objectives: list[Objective]) -> dict[str, tf.Tensor]:
    return {
        name: term for objective in objectives for name, term in objective.terms.items()
    }


def _divided(
    gradient: tf.Tensor | tf.IndexedSlices, count: float
) -> tf.Tensor | tf.IndexedSlices:
    """Divides a gradient; the rows of a sparse one are first made unique."""
    if isinstance(gradient, tf.IndexedSlices):
        rows = optimization.merged_rows(gradient)
        return tf.IndexedSlices(rows.values / count, rows.indices, rows.dense_shape)
    return gradient / count


def _restricted(objective: Objective, terms: Sequence[str]) -> Objective:
    """An objective with only some of its terms; with all of them if none is named."""
    if not terms:
        return objective
    kept = {name: term for name, term in objective.terms.items() if name in terms}
    return objective._replace(terms=kept)
