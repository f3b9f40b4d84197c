"""Training of any `Trainable`: strategy, loop, checkpoints, exact resume."""

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import tensorflow as tf

from tf_mt import config, dataset, models, progress
from tf_mt.data import augmentation, channel
from tf_mt.data import clips as stored_clips
from tf_mt.models import trainable
from tf_mt.training import precision, training_log, workers
from tf_mt.training import run as runs

# Validation sees the same clips in every run, whatever its seed.
VALIDATION_SEED = 20_260_000


def dataset_info(
    approach: models.Approach, hparams: config.Config, data_dir: Path
) -> dataset.DatasetInfo:
    """Returns what a model must know of the dataset that it is to be trained on.

    Args:
        approach: The model's approach.
        hparams: The model's configuration.
        data_dir: A converted dataset.
    """
    info = stored_clips.read_info(data_dir)
    if getattr(approach.model, "batches", None) != "indexed":
        return info
    # Only a model knows the length of its clips.
    clip_samples = approach.model(hparams, info).clip_samples
    size = stored_clips.grid_size(data_dir, clip_samples)
    return dataclasses.replace(info, indexed_clips=size)


def default_strategy() -> tf.distribute.Strategy:
    """Several machines if `TF_CONFIG` names them, else all GPUs, else one device.

    Raises:
        ValueError: `TF_CONFIG` does not name them as TensorFlow wants them named.
    """
    if workers.are_named(os.environ.get("TF_CONFIG", "")):
        return tf.distribute.MultiWorkerMirroredStrategy()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def train(
    build: Callable[[], trainable.Trainable],
    data_dir: Path,
    run: runs.Run,
    training: config.Training,
    strategy: tf.distribute.Strategy | None = None,
) -> trainable.Trainable:
    """Trains a model, or goes on where a run was cut off, to the same result.

    Args:
        build: Makes the untrained model; called in the strategy's scope.
        data_dir: A converted dataset with the splits train and validation.
        run: Where checkpoints and logs go; its newest checkpoint is gone on from.
        training: How to train.
        strategy: The devices that share each batch; by default `default_strategy()`.

    Returns:
        The trained model.

    Raises:
        ValueError: The replicas cannot share the batch equally.
        FloatingPointError: A loss is no longer finite; the last checkpoint holds the
            weights from before.
    """
    strategy = strategy or default_strategy()
    replicas = strategy.num_replicas_in_sync
    if training.batch_size % replicas:
        raise ValueError(
            f"batch_size={training.batch_size} must be a multiple of the {replicas} "
            "replicas that share it."
        )
    keras.utils.set_random_seed(training.seed)
    if not tf.config.list_logical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
    with strategy.scope(), precision.policy(training.precision):
        model = build()
        model.compile(model.make_optimizers(training), training.clip_norm)
        step, history = run.restore(model)
        model.steps_done = step
    if step >= training.steps:
        return model
    numbers = {name: model.info.domains.index(name) for name in model.trained_domains}
    clips = {
        split: stored_clips.Clips(data_dir, split, model.clip_samples, numbers)
        for split in ("train", "validation")
    }
    validation = _distributed(
        clips["validation"], model, training, strategy, seed=VALIDATION_SEED
    )
    batches = _distributed(
        clips["train"],
        model,
        training,
        strategy,
        seed=training.seed,
        first_step=step,
        batches_per_step=model.batches_per_step,
        augmented=_augmentation(training),
    )
    model.fit(
        batches,
        epochs=training.steps // training.epoch_steps,
        initial_epoch=step // training.epoch_steps,
        steps_per_epoch=training.epoch_steps,
        shuffle=False,
        verbose=0,
        callbacks=[
            _Epochs(run, training, clips["validation"], validation, history, strategy)
        ],
    )
    return model


def _augmentation(training: config.Training) -> augmentation.Augmentation:
    heard_through = channel.Channel(
        training.equaliser_db,
        training.room_seconds,
        training.coloured_noise_db,
        training.clipping_db,
        training.band_hz,
    )
    return augmentation.Augmentation(
        training.gain_db,
        training.noise_db,
        training.pitch_semitones,
        heard_through,
        training.heard_share,
    )


def _distributed(
    clips: stored_clips.Clips,
    model: trainable.Trainable,
    training: config.Training,
    strategy: tf.distribute.Strategy,
    seed: int,
    first_step: int = 0,
    batches_per_step: int = 1,
    augmented: augmentation.Augmentation | None = None,
) -> tf.distribute.DistributedDataset:
    """Batches for the replicas; together they see what a single one would."""
    _check_rows(clips, model)

    def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
        batches = clips.batches(
            model.batches,
            training.batch_size,
            seed,
            first_step=first_step * batches_per_step,
            part=context.input_pipeline_id,
            parts=context.num_input_pipelines,
            augmentation=augmented,
        )
        replicas = context.num_replicas_in_sync // context.num_input_pipelines
        features = dataset.batch_features(
            model.batches,
            len(model.trained_domains),
            model.clip_samples,
            "encoder_audio" in batches.element_spec,
        )
        # A batch of `Clips` has its own number; models count training steps.
        batches = batches.map(
            lambda batch: batch | {"step": batch["step"] // batches_per_step}
        )
        shares = batches.flat_map(lambda batch: _shares(batch, features, replicas))
        dataset.check_batch(features, shares.element_spec)
        return shares.prefetch(2)

    return strategy.distribute_datasets_from_function(of_worker)


def _check_rows(clips: stored_clips.Clips, model: trainable.Trainable) -> None:
    expected = model.info.indexed_clips
    if model.batches == "indexed" and clips.indexed_clips not in (0, expected):
        raise ValueError(
            f"indexed_clips={expected} must be the number of clips in the dataset's "
            f"split {stored_clips.INDEXED_SPLIT!r}, {clips.indexed_clips}; give the "
            "dataset that the run was begun with, or another --run to begin anew."
        )


def _shares(
    batch: dict[str, tf.Tensor],
    features: Mapping[str, dataset.Feature],
    replicas: int,
) -> tf.data.Dataset:
    """Cuts a worker's batch into one element for each of its replicas."""
    cut = {
        name: tf.reshape(value, [replicas, -1, *value.shape[1:]])
        if features[name].per_slot
        else tf.repeat(value[tf.newaxis], replicas, axis=0)
        for name, value in batch.items()
    }
    return tf.data.Dataset.from_tensor_slices(cut)


class _Epochs(keras.callbacks.Callback):
    """Watches the losses; after each epoch validates, logs and saves."""

    def __init__(
        self,
        run: runs.Run,
        training: config.Training,
        clips: stored_clips.Clips,
        validation: tf.distribute.DistributedDataset,
        history: list[dict],
        strategy: tf.distribute.Strategy,
    ):
        super().__init__()
        self.run = run
        self.training = training
        self.clips = clips
        self.validation = validation
        self.history = history
        self.writes = strategy.extended.should_checkpoint

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Opens the log and the progress bar."""
        self.log = training_log.TrainingLog(self.run.logs) if self.writes else None
        self.bar = progress.bar(
            total=self.training.steps,
            initial=len(self.history) * self.training.epoch_steps,
            unit="step",
            disable=not self.writes,
        )

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Starts the epoch's averages and its clock."""
        self.losses = _Mean()
        self.clock = training_log.Clock(self.model)

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        """Adds the step's losses to the epoch's averages."""
        self.losses.add(logs)
        shown = {name: f"{value:.3g}" for name, value in logs.items() if value}
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Validates, logs, and writes the checkpoint last."""
        step = (epoch + 1) * self.training.epoch_steps
        # Before the validation, whose time is not the training's.
        speed = self.clock.read(self.training.epoch_steps * self._clips_per_step())
        epochs = self.training.steps // self.training.epoch_steps
        losses = {"train": self.losses.means(), "validation": self._validate()}
        entry = {"step": step, **losses}
        self.history.append(entry)
        if not self.writes:
            return
        self.log.scalars(entry, speed)
        if training_log.is_sampled(epoch, epochs, self.training.sampled_epochs):
            # Not from the distributed batches: other workers do not take part.
            batches = self.clips.batches("stacked", 1, VALIDATION_SEED, steps=1)
            self.log.samples(self.model, next(iter(batches)), step)
        self.run.save(self.model, step, self.history)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Closes the progress bar."""
        self.bar.close()

    def _clips_per_step(self) -> int:
        stacks = self.model.batches in ("stacked", "paired")
        domains = len(self.model.trained_domains) if stacks else 1
        return self.training.batch_size * domains * self.model.batches_per_step

    def _validate(self) -> dict[str, float]:
        losses, test = _Mean(), self.model.make_test_function()
        batches = iter(self.validation)
        for _ in range(self.training.validation_batches):
            losses.add({name: float(value) for name, value in test(batches).items()})
        return losses.means()


class _Mean:
    """Averages of named losses; refuses what is not finite."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.count = 0

    def add(self, losses: dict[str, float]) -> None:
        wrong = [name for name, value in losses.items() if not math.isfinite(value)]
        if wrong:
            raise FloatingPointError(
                f"the loss {', '.join(wrong)} is no longer finite; the last checkpoint "
                "is from before. A smaller --learning_rate or a --clip_norm may help."
            )
        for name, value in losses.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.count += 1

    def means(self) -> dict[str, float]:
        return {name: total / self.count for name, total in self.sums.items()}
