"""The contract of every approach: content, timbre, and a decoder of both."""

import abc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import keras
import tensorflow as tf

from tf_mt import config, dataset

Batch = Mapping[str, tf.Tensor]


class Objective(NamedTuple):
    """What some parts of a model minimise.

    Attributes:
        parts: Names of the parts that learn from it; others are left alone.
        terms: Unweighted scalar loss of each of its terms, a mean over the examples of
            this replica.
    """

    parts: tuple[str, ...]
    terms: dict[str, tf.Tensor]


class Translator(keras.Model, abc.ABC):
    """An encoder of content, a source of timbre and a decoder of both to a waveform.

    An approach writes `parts`, `objectives`, `encode`, `timbre` and `decode` (and
    `timbre_of` if it can transfer), and for the scorecard `round_trip` and `code`.
    This class owns what follows from them: translation, resynthesis, padding, the
    training and the test step, and what has to be the same however many replicas share
    a batch.

    Args:
        hparams: The approach's configuration; its `weights` give each loss term's
            weight and its `warmup` the steps over which that weight rises from zero.
        info: The dataset that the model is trained on.

    Attributes:
        terms: Names of all its loss terms.
        batches: The form of batch that it trains on: one of `dataset.FORMS`.
        clip_samples: Length of a training clip.
        hop_samples: Audio is padded to a multiple of this before it is encoded.
        window_samples: Length of the windows that a long recording is cut into.
        overlap_samples: How far two such windows overlap.
        trained_domains: The domains that it is trained on; a batch has these.
        waited_seconds: Time that steps have spent waiting for data.
    """

    terms: ClassVar[tuple[str, ...]]
    batches: str
    clip_samples: int
    hop_samples: int
    window_samples: int
    overlap_samples: int

    def __init__(self, hparams: config.Config, info: dataset.DatasetInfo):
        super().__init__()
        if set(hparams.weights) != set(self.terms):
            raise ValueError(
                f"weights={dict(hparams.weights)} must weigh the terms {self.terms}."
            )
        self.hparams = hparams
        self.info = info
        self.trained_domains = info.domains
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
    def encode(self, audio: tf.Tensor) -> Any:
        """Extracts the content of `[batch, samples]`, a multiple of `hop_samples`."""

    @abc.abstractmethod
    def timbre(self, domain: tf.Tensor) -> Any:
        """Returns the timbre of each domain number in int32 `[batch]`."""

    @abc.abstractmethod
    def decode(self, content: Any, timbre: Any) -> tf.Tensor:
        """Plays content with a timbre; returns audio `[batch, samples]`."""

    @abc.abstractmethod
    def round_trip(self, audio: tf.Tensor) -> tf.Tensor:
        """Takes audio apart and puts it together, with nothing learned in between.

        Args:
            audio: float32 `[batch, samples]`, a multiple of `hop_samples`.

        Returns:
            float32 `[batch, samples]`, by the analysis of `encode` and the synthesis
            of `decode`.
        """

    @abc.abstractmethod
    def code(self, content: Any) -> tf.Tensor:
        """Gathers what `encode` gave for a clip, of any length, in one vector.

        Args:
            content: Of `[batch]` clips, from `encode`.

        Returns:
            float32 `[batch, features]`, what the content holds, summed up over time.
        """

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
        """Plays the content of a clip with the timbre of a known domain.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1], of any length.
            domain: int32 `[batch]`, the domain to translate to.

        Returns:
            float32 `[batch, samples]` in [-1, 1].
        """
        return self._played(audio, self.timbre(domain))

    def transfer(self, audio: tf.Tensor, reference: tf.Tensor) -> tf.Tensor:
        """Plays the content of a clip with the timbre of a reference clip.

        Args:
            audio: float32 `[batch, samples]` in [-1, 1].
            reference: float32 `[batch, other samples]` in [-1, 1].

        Returns:
            float32 `[batch, samples]` in [-1, 1].
        """
        return self._played(audio, self.timbre_of(self._padded(reference)))

    def resynthesise(self, audio: tf.Tensor) -> tf.Tensor:
        """Plays a clip as well as any translation of this model can sound.

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
        return self.code(self.encode(self._padded(audio)))

    def _played(self, audio: tf.Tensor, timbre: Any) -> tf.Tensor:
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
        self.clip_norm = clip_norm
        self.optimizers = dict(optimizers)
        for part, optimizer in self.optimizers.items():
            # An optimizer that is built later fails on several replicas, and forgets
            # the state that a checkpoint holds.
            optimizer.build(self.part_variables(part))

    def part_variables(self, part: str) -> list[keras.Variable]:
        """Returns the trainable variables of a part."""
        layers = self.parts()[part]
        return [v for layer in layers for v in layer.trainable_variables]

    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Takes one step on a replica's batch; returns its unweighted terms."""
        with tf.GradientTape(persistent=True) as tape:
            objectives = self.objectives(batch, training=True)
            totals = [self._weighted(objective, batch) for objective in objectives]
        # Every gradient is taken before any weight moves.
        gradients = []
        for objective, total in zip(objectives, totals, strict=True):
            variables = {p: self.part_variables(p) for p in objective.parts}
            gradients.append(tape.gradient(total, variables))
        del tape
        for of_objective in gradients:
            for part, of_part in of_objective.items():
                shared = self._shared(of_part)
                self.optimizers[part].apply(shared, self.part_variables(part))
        return _merged(objectives)

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
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        if self.clip_norm:
            summed = replicas.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
            means = [gradient / count for gradient in summed]
            gradients, _ = tf.clip_by_global_norm(means, self.clip_norm)
        return [gradient / count for gradient in gradients]

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

    def _maybe_symbolic_build(self, iterator=None, data_batch=None) -> None:
        """Does nothing: a translator has all its variables once it is made.

        Keras would reduce a first batch over the replicas, which fails with several
        worker processes (keras-team/keras#20585).
        """

    def make_train_function(self, force: bool = False):
        """Makes the function that `fit` calls with an iterator once a step."""
        if self.train_function is None or force:
            self.train_function = self._distributed(self.train_step)
        return self.train_function

    def make_test_function(self, force: bool = False):
        """Makes the function that a test calls with an iterator once a step."""
        if self.test_function is None or force:
            self.test_function = self._distributed(self.test_step)
        return self.test_function

    def _distributed(self, step):
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
                batch = next(iterator)
            with tf.control_dependencies(
                tf.nest.flatten(batch, expand_composites=True)
            ):
                waited = clock() - asked
            terms = self.distribute_strategy.run(step, args=(batch,))
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


def _trimmed(played: tf.Tensor, audio: tf.Tensor) -> tf.Tensor:
    return tf.clip_by_value(played[:, : tf.shape(audio)[1]], -1.0, 1.0)


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
