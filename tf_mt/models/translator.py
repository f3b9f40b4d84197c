"""The contract of every approach: content, timbre, and a decoder of both."""

import abc
import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import keras
import tensorflow as tf

from tf_mt import config, dataset
from tf_mt.models import optimization

Batch = Mapping[str, tf.Tensor]


DOMAINS = "domains"
TRANSFER = "transfer"
POOLED_CONTENT = "pooled_content"
CAPABILITIES = (DOMAINS, TRANSFER, POOLED_CONTENT)


class Objective(NamedTuple):
    """What some parts of a model minimise.

    Attributes:
        parts: Names of the parts that learn from it; others are left alone.
        terms: Unweighted scalar loss of each of its terms, a mean over the examples of
            this replica.
        update_state: Called after an update of these parts; changes variables that no
            optimizer does (`Translator.add_state`) by what the forward pass found.
    """

    parts: tuple[str, ...]
    terms: dict[str, tf.Tensor]
    update_state: Callable[[], None] | None = None


class Update(NamedTuple):
    """One of the updates that a training step makes, in their order.

    Attributes:
        parts: Names of the parts that are updated; their gradients are taken in one
            forward pass.
        batches: How often, each time on another batch. Where updates of a step differ
            in this, their last batches are the same one.
        every: Only in each so manieth step, from the first one on.
    """

    parts: tuple[str, ...]
    batches: int = 1
    every: int = 1


class Translator(keras.Model, abc.ABC):
    """An encoder of content, a source of timbre and a decoder of both to a waveform.

    An approach writes `parts`, `objectives`, `encode`, `decode` and `round_trip`, what
    its capabilities need (`timbre` for known domains, `timbre_of` for transfer, `pool`
    for a pooled content vector), and where Adam for all parts at once is not enough
    `make_optimizers` and `updates`. This class owns what follows from them:
    translation, transfer, resynthesis, padding, the training and the test step, and
    what has to be the same however many replicas share a batch.

    Args:
        hparams: The approach's configuration; its `weights` give each loss term's
            weight and its `warmup` the steps over which that weight rises from zero.
        info: The dataset that the model is trained on.

    Raises:
        ValueError: The weights are not those of the terms, or the approach declares
            capabilities that are not known, that it has no method for, or neither
            known domains nor transfer.

    Attributes:
        terms: Names of all its loss terms.
        capabilities: What it can do: some of `CAPABILITIES`. One that knows domains
            translates to each of them; one that transfers takes the timbre of a
            reference clip.
        batches: The form of batch that it trains on, one of `dataset.FORMS`.
        clip_samples: Length of a training clip.
        hop_samples: Audio is padded to a multiple of this before it is encoded.
        window_samples: Length of the windows that a long recording is cut into.
        overlap_samples: How far two such windows overlap.
        reference_samples: The most of a reference clip that transfer uses; 0 where it
            cannot transfer.
        trained_domains: The domains that it is trained on; a batch has these.
        steps_done: Training steps so far.
        waited_seconds: Time that steps have spent waiting for data.
    """

    terms: ClassVar[tuple[str, ...]]
    capabilities: ClassVar[frozenset[str]]
    batches: str
    clip_samples: int
    hop_samples: int
    window_samples: int
    overlap_samples: int
    reference_samples: int = 0

    def __init__(self, hparams: config.Config, info: dataset.DatasetInfo):
        super().__init__()
        if set(hparams.weights) != set(self.terms):
            raise ValueError(
                f"weights={dict(hparams.weights)} must weigh the terms {self.terms}."
            )
        self._check_capabilities()
        self.hparams = hparams
        self.info = info
        self.trained_domains = info.domains
        self.steps_done = 0
        self.waited_seconds = 0.0

    def _check_capabilities(self) -> None:
        name = type(self).__name__
        unknown = self.capabilities - set(CAPABILITIES)
        if unknown:
            raise ValueError(
                f"capabilities of {name}: {', '.join(sorted(unknown))} must be some of "
                f"{', '.join(CAPABILITIES)}."
            )
        if not self.capabilities & {DOMAINS, TRANSFER}:
            raise ValueError(
                f"capabilities of {name} must have {DOMAINS!r} or {TRANSFER!r}: a "
                "model needs known domains or a reference clip for its timbre."
            )
        methods = {DOMAINS: "timbre", TRANSFER: "timbre_of", POOLED_CONTENT: "pool"}
        for capability, method in methods.items():
            own = getattr(type(self), method) is not getattr(Translator, method)
            if own != (capability in self.capabilities):
                raise ValueError(
                    f"capabilities of {name}: {capability!r} must be declared if, and "
                    f"only if, it has the method {method!r}."
                )

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
    def encode(self, audio: tf.Tensor) -> Any:
        """Extracts the content of `[batch, samples]`, a multiple of `hop_samples`."""

    def timbre(self, domain: tf.Tensor) -> Any:
        """Returns the timbre of each domain number in int32 `[batch]`."""
        raise NotImplementedError(f"{type(self).__name__} knows no domains.")

    def timbre_of(self, reference: tf.Tensor) -> tf.Tensor:
        """Extracts the timbre of reference clips.

        Args:
            reference: float32 `[batch, samples]` in [-1, 1], a multiple of
                `hop_samples` and at most `reference_samples` and a hop.

        Returns:
            float32 `[batch, ...]`, of a shape that does not depend on the samples.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot transfer.")

    @abc.abstractmethod
    def decode(self, content: Any, timbre: Any) -> tf.Tensor:
        """Decodes content with a timbre; returns audio `[batch, samples]`."""

    @abc.abstractmethod
    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """Takes audio apart and puts it together, with nothing learned in between.

        Args:
            audio: float32 `[batch, samples]`, a multiple of `hop_samples`.

        Returns:
            float32 `[batch, samples]`, by the analysis of `encode` and the synthesis
            of `decode`.
        """

    def pool(self, content: Any) -> tf.Tensor:
        """Summarises the content of a clip, of any length, as one vector.

        Args:
            content: Of `[batch]` clips, from `encode`.

        Returns:
            float32 `[batch, features]`, statistics over time of the content.
        """
        raise NotImplementedError(f"{type(self).__name__} has no pooled content.")

    def initialise_from(self, other: "Translator") -> None:
        """Takes over what another trained model has learned.

        Args:
            other: The other model.

        Raises:
            ValueError: It has nothing that this one could take over.
        """
        raise ValueError(
            f"init_from: {type(self).__name__} cannot begin from the weights of "
            "another run."
        )

    def freeze_all_but(self, domain: str) -> None:
        """Leaves all as it is but what only one domain needs.

        Args:
            domain: A name in `info.domains`.

        Raises:
            ValueError: The approach has no part of its own for a domain.
        """
        raise ValueError(
            f"add_domain={domain!r}: {type(self).__name__} has no part of its own for "
            "a domain."
        )

    @property
    def parameters(self) -> int:
        """How many trainable numbers the model has."""
        return sum(math.prod(v.shape) for v in self.trainable_variables)

    def translate(self, audio: tf.Tensor, domain: tf.Tensor) -> tf.Tensor:
        """Decodes the content of a clip with the timbre of a known domain.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], of any length.
            domain: int32 `[batch]`, the domain to translate to.

        Returns:
            float32 `[batch, samples]` in [-1, 1].
        """
        return self.decode_to(audio, self.timbre(domain))

    def transfer(self, audio: tf.Tensor, reference: tf.Tensor) -> tf.Tensor:
        """Decodes the content of a clip with the timbre of a reference clip.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1].
            reference: float32 `[batch, other samples]` in [-1, 1].

        Returns:
            float32 `[batch, samples]` in [-1, 1].
        """
        return self.decode_to(audio, self.reference_timbre(reference))

    def reference_timbre(self, reference: tf.Tensor) -> tf.Tensor:
        """Extracts the timbre of reference clips of any length.

        Args:
            reference: float32 `[batch, samples]` in [-1, 1]; what is more than
                `reference_samples` is left out.

        Returns:
            float32 `[batch, ...]`.
        """
        return self.timbre_of(self._padded(reference[:, : self.reference_samples]))

    def resynthesise(self, audio: tf.Tensor) -> tf.Tensor:
        """Analyses and synthesises a clip, with nothing learned in between.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], of any length.

        Returns:
            float32 `[batch, samples]` in [-1, 1].
        """
        return _trimmed(self.round_trip(self._padded(audio)), audio)

    def codes(self, audio: tf.Tensor) -> tf.Tensor:
        """Returns the content of each clip as one vector.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], of any length.

        Returns:
            float32 `[batch, features]`; as many features whatever the length.
        """
        return self.pool(self.encode(self._padded(audio)))

    def decode_to(self, audio: tf.Tensor, timbre: Any) -> tf.Tensor:
        """Decodes the content of clips with a timbre.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], of any length.
            timbre: As `timbre` or `timbre_of` gives it.

        Returns:
            float32 `[batch, samples]` in [-1, 1].
        """
        return _trimmed(self.decode(self.encode(self._padded(audio)), timbre), audio)

    def _padded(self, audio: tf.Tensor) -> tf.Tensor:
        missing = -tf.shape(audio)[1] % self.hop_samples
        return tf.pad(audio, [[0, 0], [0, missing]])

    # Training: a pure function of the weights and the batch, whatever the replicas.

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
        return {part: optimization.adam(training) for part in self.parts()}

    def updates(self) -> Sequence[Update]:
        """Declares the order and the number of a step's updates.

        By default all gradients are taken before any weight moves, in one forward pass.
        """
        return (Update(tuple(self.parts())),)

    def add_state(
        self, name: str, shape: Sequence[int], initializer: Any = "zeros"
    ) -> keras.Variable:
        """Makes a float32 variable that training changes and no optimizer does.

        A pool of earlier outputs, a codebook, averaged weights: it is saved with the
        weights. `Objective.update_state` assigns it; every replica has to assign the
        same value, as `batch_mean`, `batch_sum` and `whole_batch` give it.

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
        for update in self.updates() if updates is None else updates:
            for batch in batches[len(batches) - update.batches :]:
                terms |= self._update(update.parts, batch)
        return terms

    def _update(self, parts: Sequence[str], batch: Batch) -> dict[str, tf.Tensor]:
        """Updates some parts at once by their objectives on a batch."""
        with tf.GradientTape(persistent=True) as tape:
            objectives = _of_parts(self.objectives(batch, training=True), parts)
            totals = [self._weighted(objective, batch) for objective in objectives]
        # Every gradient is taken before any weight moves.
        gradients = []
        for objective, total in zip(objectives, totals, strict=True):
            variables = {p: self.part_variables(p) for p in objective.parts}
            gradients.append(tape.gradient(total, variables))
        del tape
        for of_objective in gradients:
            for part, of_part in of_objective.items():
                optimizer = self.optimizers[part]
                if not isinstance(optimizer, optimization.RowAdam):
                    of_part = [tf.convert_to_tensor(gradient) for gradient in of_part]
                optimizer.apply(self._shared(of_part), self.part_variables(part))
        for objective in objectives:
            if objective.update_state is not None:
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

    def row_numbers(self, like: tf.Tensor) -> tf.Tensor:
        """Numbers this replica's rows as those of the whole batch.

        Args:
            like: Tensor `[batch, ...]`.

        Returns:
            int32 `[batch]`.
        """
        rows = tf.shape(like)[0]
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return rows * replica + tf.range(rows)

    def normal(self, like: tf.Tensor, batch: Batch, stream: int) -> tf.Tensor:
        """Draws standard normal noise that does not depend on the replicas' number.

        Args:
            like: Tensor `[batch, ...]` whose shape the noise has.
            batch: The replica's batch; gives the step's seed.
            stream: Tells draws of the same step apart.

        Returns:
            float32, of the shape of `like`: this replica's rows of one draw for the
            whole batch.
        """
        drawn = _drawn(tf.random.stateless_normal, tf.shape(like), batch, stream)
        return tf.ensure_shape(drawn, like.shape)

    def example_seeds(self, like: tf.Tensor, batch: Batch, stream: int) -> tf.Tensor:
        """Draws a seed for each example that does not depend on the replicas' number.

        Args:
            like: Tensor `[batch, ...]`.
            batch: The replica's batch; gives the step's seed.
            stream: Tells draws of the same step apart.

        Returns:
            int32 `[batch, 2]`.
        """

        def bits(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
            return tf.random.stateless_uniform(shape, seed, None, None, tf.int32)

        return _drawn(bits, tf.stack([tf.shape(like)[0], 2]), batch, stream)

    def batch_mean(self, values: tf.Tensor) -> tf.Tensor:
        """Averages `[batch, ...]` over the batches of all replicas."""
        replicas = tf.distribute.get_replica_context()
        mean = tf.reduce_mean(values, axis=0)
        return replicas.all_reduce(tf.distribute.ReduceOp.MEAN, mean)

    def batch_sum(self, values: tf.Tensor) -> tf.Tensor:
        """Sums `[batch, ...]` over the batches of all replicas."""
        replicas = tf.distribute.get_replica_context()
        total = tf.reduce_sum(values, axis=0)
        return replicas.all_reduce(tf.distribute.ReduceOp.SUM, total)

    def whole_batch(self, values: tf.Tensor) -> tf.Tensor:
        """Gathers `[batch, ...]` of all replicas, in the order of the whole batch."""
        return tf.distribute.get_replica_context().all_gather(values, axis=0)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None) -> None:
        """Does nothing: a translator has all its variables once it is made.

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


def _trimmed(decoded: tf.Tensor, audio: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(decoded[:, : tf.shape(audio)[1]], -1.0, 1.0)


def _drawn(
    draw: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    shape: tf.Tensor,
    batch: Batch,
    stream: int,
) -> tf.Tensor:
    """Draws `shape`: this replica's rows of one draw for the whole batch."""
    replicas = tf.distribute.get_replica_context()
    rows = shape[0]
    whole = tf.concat([[rows * replicas.num_replicas_in_sync], shape[1:]], axis=0)
    seed = tf.random.experimental.stateless_fold_in(batch["seed"], stream)
    first = rows * replicas.replica_id_in_sync_group
    return draw(whole, seed)[first : first + rows]


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


def _of_parts(objectives: Sequence[Objective], parts: Sequence[str]) -> list[Objective]:
    """The objectives that an update of some parts is by.

    Raises:
        ValueError: One is over parts that are not updated together.
    """
    found = [one for one in objectives if set(one.parts) & set(parts)]
    for objective in found:
        if not set(objective.parts) <= set(parts):
            raise ValueError(
                f"objective over {', '.join(objective.parts)}: these parts must be "
                "updated together; declare one update for them."
            )
    return found
