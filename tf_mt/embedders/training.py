"""Training of the networks that classify a dataset's domains."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_mt import progress
from tf_mt.audio import mel
from tf_mt.data import augmentation, clips
from tf_mt.embedders import classifier, cnn
from tf_mt.layers import spectrogram

BATCH_SIZE = 32
EPOCH_STEPS = 50
STEP_SIZES = {"cnn": 2e-3, "cp_resnet": 5e-4}

# Validation and test see the same clips in every training, whatever its seed.
VALIDATION_BATCHES = 5
TEST_BATCHES = 20
TESTED_SEED = 20_260_000

# The level of a clip, its hiss and the tilt of its spectrum are no cues.
AUGMENTATION = augmentation.Augmentation(gain_db=15.0, noise_db=-50.0)
TILT_DB = 6.0


class Result(NamedTuple):
    """What was trained, and how well it does on the test split.

    Attributes:
        about: What the network says of itself.
        confusion: Shares of the clips of each domain that were taken for each,
            `[domain, taken for]`; rows sum to 1.
        n: Clips of the test split that were named.
    """

    about: classifier.About
    confusion: np.ndarray
    n: int

    def markdown(self) -> str:
        """The result as Markdown, a row for each domain."""
        domains = self.about.domains
        lines = [
            f"Test accuracy {self.about.test_accuracy:.3f}, chance "
            f"{1.0 / len(domains):.3f}; n = {self.n} clips of "
            f"{self.about.seconds:.1f} s, all domains equally often.",
            "",
            "| is \\ taken for | " + " | ".join(domains) + " |",
            "|---" * (len(domains) + 1) + "|",
        ]
        for name, shares in zip(domains, self.confusion, strict=True):
            cells = " | ".join(f"{share:.2f}" for share in shares)
            lines.append(f"| {name} | {cells} |")
        return "\n".join(lines)


class Windows(NamedTuple):
    """What a network is trained on.

    Attributes:
        front: Makes log-mel spectrograms of audio.
        frames: How many a window has.
    """

    front: spectrogram.LogMel
    frames: int


def train(
    data_dir: Path,
    folder: Path,
    steps: int,
    seed: int,
    architecture: str = "cnn",
    sizes: Mapping[str, int] = MappingProxyType({}),
    windows: Windows | None = None,
) -> Result:
    """Trains a network on a dataset's train split and writes it to a folder.

    On the CPU the same arguments give the same weights.

    Args:
        data_dir: A converted dataset with the splits train, validation and test, and
            two domains or more.
        folder: Where the network is written, whole or not at all.
        steps: Batches of 32 windows; a multiple of `EPOCH_STEPS`.
        seed: Of weights, clips and augmentation.
        architecture: Which of `classifier.ARCHITECTURES`.
        sizes: What its class takes besides the number of domains.
        windows: What it takes; the CNN's own, of about a second, if None.

    Returns:
        What was trained.

    Raises:
        ValueError: The folder exists, or the arguments or the dataset will not do.
        FileNotFoundError: There is no dataset.
    """
    info = clips.read_info(data_dir)
    _check(folder, steps, info.domains)
    front, frames = windows or Windows(cnn.front_end(info.sample_rate_hz), cnn.FRAMES)
    if front.settings["sample_rate_hz"] != info.sample_rate_hz:
        raise ValueError(
            f"front: it takes {front.settings['sample_rate_hz']} Hz, but the dataset "
            f"has {info.sample_rate_hz}; give the dataset of that model."
        )
    split = {
        name: clips.Clips(data_dir, name, frames * front.hop)
        for name in ("train", "validation", "test")
    }
    keras.utils.set_random_seed(seed)
    if not tf.config.list_logical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
    network = classifier.make(architecture, len(info.domains), dict(sizes))
    step_size = keras.optimizers.schedules.CosineDecay(STEP_SIZES[architecture], steps)
    network.compile(
        keras.optimizers.Adam(step_size),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    progress = _Progress(steps, front, split["validation"])
    network.fit(
        _batches(split["train"], front, seed),
        epochs=steps // EPOCH_STEPS,
        steps_per_epoch=EPOCH_STEPS,
        shuffle=False,
        verbose=0,
        callbacks=[progress],
    )
    counts = _confusion(network, front, split["test"], TEST_BATCHES)
    about = classifier.About(
        architecture=architecture,
        sizes=dict(sizes),
        front=front.settings,
        frames=frames,
        dataset=info.name,
        domains=info.domains,
        steps=steps,
        seed=seed,
        validation_accuracy=progress.accuracy,
        test_accuracy=_accuracy(counts),
    )
    classifier.save(folder, about, network)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return Result(about, shares, int(counts.sum()))


def _check(folder: Path, steps: int, domains: tuple[str, ...]) -> None:
    if folder.exists():
        raise ValueError(f"out={str(folder)!r} exists; name a folder that does not.")
    if steps < EPOCH_STEPS or steps % EPOCH_STEPS:
        raise ValueError(
            f"steps={steps} must be a positive multiple of {EPOCH_STEPS}, those of an "
            "epoch."
        )
    if len(domains) < 2:
        raise ValueError(
            f"the dataset has one domain, {domains[0]!r}; two or more can be told "
            "apart."
        )


def _batches(
    train: clips.Clips, front_end: spectrogram.LogMel, seed: int
) -> tf.data.Dataset:
    """Augmented log-mels `[slots, frames, bands]` and their domains `[slots]`."""

    def prepare(
        step: tf.Tensor, batch: dict[str, tf.Tensor]
    ) -> tuple[tf.Tensor, tf.Tensor]:
        log_mel = front_end.log_mel(batch["audio"])
        return _tilted(log_mel, tf.stack([tf.cast(seed, tf.int64), step])), batch[
            "domain"
        ]

    batches = train.batches("mixed", BATCH_SIZE, seed, augmentation=AUGMENTATION)
    steps = tf.data.Dataset.counter()
    return tf.data.Dataset.zip(steps, batches).map(prepare).prefetch(2)


def _tilted(log_mel: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Makes each clip brighter or darker: up to `TILT_DB` at either end."""
    ends = tf.random.stateless_uniform([BATCH_SIZE, 1, 1], seed, -1.0, 1.0)
    unit_db = (mel.HIGHEST_DB - mel.LOWEST_DB) / 2.0
    tilt = tf.linspace(-1.0, 1.0, log_mel.shape[-1]) * ends * TILT_DB / unit_db
    return tf.clip_by_value(log_mel + tilt, -1.0, 1.0)


def _confusion(
    network: classifier.Network,
    front_end: spectrogram.LogMel,
    split: clips.Clips,
    batches: int,
) -> np.ndarray:
    """Counts clips `[domain, taken for]`."""
    counts = np.zeros((len(split.info.domains),) * 2)
    for batch in split.batches("mixed", BATCH_SIZE, TESTED_SEED, steps=batches):
        logits = network.predict_on_batch(front_end.log_mel(batch["audio"]))
        np.add.at(counts, (batch["domain"].numpy(), logits.argmax(axis=-1)), 1)
    return counts


def _accuracy(counts: np.ndarray) -> float:
    return float(np.trace(counts) / counts.sum())


class _Progress(keras.callbacks.Callback):
    """A progress bar with the accuracy on the validation split after each epoch.

    Attributes:
        accuracy: The last one.
    """

    def __init__(
        self, steps: int, front_end: spectrogram.LogMel, validation: clips.Clips
    ):
        super().__init__()
        self.accuracy = 0.0
        self._bar = progress.bar(total=steps, desc="embedder", unit="step")
        self._front_end = front_end
        self._validation = validation

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        """Moves the bar."""
        self._bar.update()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Validates."""
        counts = _confusion(
            self.model, self._front_end, self._validation, VALIDATION_BATCHES
        )
        self.accuracy = _accuracy(counts)
        self._bar.set_postfix(validation=f"{self.accuracy:.3f}")

    def on_train_end(self, logs: dict | None = None) -> None:
        """Closes the bar."""
        self._bar.close()
