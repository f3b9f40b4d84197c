"""Training batches: clips cropped from the recordings of a converted dataset."""

import collections
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_mt import dataset as datasets
from tf_mt import names
from tf_mt.data import augmentation as augmentations
from tf_mt.data import domains as stored_domains
from tf_mt.data import grid, heard, index
from tf_mt.dataset import DatasetInfo

# The split whose clips a model may have a row for.
INDEXED_SPLIT = "train"


def read_info(data_dir: Path) -> DatasetInfo:
    """Reads name, sample rate and domains of a converted dataset.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.

    Raises:
        FileNotFoundError: If there is no dataset.
        ValueError: If there are several.
    """
    return _info(index.open_dataset(data_dir))


def _info(dataset: tfds.core.DatasetBuilder) -> DatasetInfo:
    return DatasetInfo(
        name="/".join(filter(None, (dataset.info.name, dataset.info.config_name))),
        sample_rate_hz=int(dataset.info.metadata["sample_rate_hz"]),
        domains=stored_domains.read(dataset).translated,
    )


def grid_size(
    data_dir: Path, clip_samples: int, domains: Sequence[str] | None = None
) -> int:
    """Counts the clips that have a row in batches of the form "indexed".

    It is `Clips.indexed_clips`, known before a model is built.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.
        clip_samples: The length of a clip.
        domains: The domains that clips are drawn of; by default all of the dataset.

    Raises:
        FileNotFoundError: If there is no dataset.
        ValueError: If there are several, there is no such split, or a domain is not
            there.
    """
    dataset = index.open_dataset(data_dir)
    stored = stored_domains.read(dataset).translated
    records = index.scan(index.shards(dataset, INDEXED_SPLIT))
    wanted = list(stored if domains is None else domains)
    return grid.Grid(_of_domains(records, stored, wanted), clip_samples).clips


class Clips:
    """Random access to the clips of one split of a converted dataset.

    The files are mapped, not read: a batch costs the bytes of its clips.

    Args:
        data_dir: The dataset's folder, or a folder above it that has no other.
        split: The name of the split.
        clip_samples: The length of a clip.
        numbers: The domains to draw clips of, and the number of each in a batch; by
            default all of the dataset, by its own numbers.

    Attributes:
        info: The name and sample rate of the dataset, and the domains that are drawn.
        seconds: Seconds of audio of each domain in this split.
        indexed_clips: How many clips have a row in batches of the form "indexed"; 0 in
            another split than `INDEXED_SPLIT`.

    Raises:
        FileNotFoundError: If there is no dataset.
        ValueError: If there are several, the split is not there, or a domain is not or
            has no chunk as long as a clip.
    """

    def __init__(
        self,
        data_dir: Path,
        split: str,
        clip_samples: int,
        numbers: Mapping[str, int] | None = None,
    ):
        dataset = index.open_dataset(data_dir)
        self.info = _info(dataset)
        paths = index.shards(dataset, split)
        scanned = index.scan(paths)
        if numbers is None:
            numbers = {name: number for number, name in enumerate(self.info.domains)}
        records = _of_domains(scanned, self.info.domains, list(numbers))
        self.info = dataclasses.replace(self.info, domains=tuple(numbers))
        self._numbers = np.array(list(numbers.values()), np.int32)
        self._clip_samples = clip_samples
        self._shards = [np.memmap(path, np.uint8, "r") for path in paths]
        self.seconds = self._seconds(records)
        self._check_domains(records, split)
        long_enough = [r for r in records if r.samples >= clip_samples]
        self._domains = [
            _Starts([[r] for r in long_enough if r.domain == domain], clip_samples)
            for domain in range(len(self.info.domains))
        ]
        pieces = _aligned(long_enough, len(self.info.domains))
        self._pieces = _Starts(pieces, clip_samples)
        domains = stored_domains.read(dataset)
        self._heard = heard.Heard(
            pieces, _of_domains(scanned, domains.stored, domains.heard)
        )
        self._grid = grid.Grid(records, clip_samples)
        self.indexed_clips = self._grid.clips if split == INDEXED_SPLIT else 0

    def batches(
        self,
        form: str,
        batch_size: int,
        seed: int,
        first_step: int = 0,
        steps: int | None = None,
        part: int = 0,
        parts: int = 1,
        augmentation: augmentations.Augmentation | None = None,
    ) -> tf.data.Dataset:
        """The batches of a training run, from one of its steps on.

        The batch of a step depends on the files, the seed, the step and the batch size
        and on nothing else; so a run goes on where it was interrupted, and parts of a
        batch put together are the batch.

        Args:
            form: As in `dataset.batch_features`. "mixed", "stacked" and "paired":
                clips at random times; in "mixed" all domains are equally often.
                "indexed": the clips of the grid, each once an epoch, in another order
                every epoch.
            batch_size: Slots of the whole batch, over all parts.
            seed: The seed of the run.
            first_step: The step of the first batch.
            steps: The number of batches; without end if None.
            part: Which part of each batch to give.
            parts: The number of parts that each batch is divided into.
            augmentation: Parameters of the augmentation, if there is one.

        Returns:
            Dicts of what `dataset.batch_features` declares, for `batch_size / parts`
            slots; with `encoder_audio` if the augmentation makes one. In another
            split than `INDEXED_SPLIT`, `clip` is `dataset.NO_ROW`.

        Raises:
            ValueError: If the form is not known, the batch cannot be divided, the
                split has no pieces to pair, or has none by heard-only instruments
                that the encoder is to hear.
        """
        augmentation = augmentation or augmentations.Augmentation()
        features = datasets.batch_features(
            form, len(self.info.domains), self._clip_samples, augmentation.for_encoder
        )
        share = augmentation.heard_share
        self._check_batches(form, batch_size, parts)
        if share:
            self._check_heard(form, share)
        slots = batch_size // parts
        mine = slice(part * slots, (part + 1) * slots)
        shape = [slots, *features["domain"].shape[1:]]

        def read(step: np.int64) -> tuple[np.ndarray, ...]:
            drawn = self._draw(form, batch_size, seed, int(step), share)
            # The clips, and what is heard of them where that is not the same.
            crops = [drawn.crops, drawn.heard_crops] if share else [drawn.crops]
            pcm = self._read(np.stack([of_all[mine] for of_all in crops]))
            numbers = drawn.domain, drawn.heard_domain, drawn.clip
            return pcm, *(of_all[mine] for of_all in numbers)

        def load(step: tf.Tensor) -> dict[str, tf.Tensor]:
            pcm, *numbers = tf.numpy_function(
                read, [step], [tf.int16, tf.int32, tf.int32, tf.int32]
            )
            pcm = tf.ensure_shape(pcm, [1 + bool(share), *shape, self._clip_samples])
            audio = tf.cast(pcm, tf.float32) / 32768.0
            domain, heard_domain, clip = (tf.ensure_shape(n, shape) for n in numbers)
            found = {
                **self._augmented(
                    augmentation, audio[0], audio[-1], seed, step, mine.start
                ),
                "domain": domain,
                "encoder_domain": heard_domain,
                "clip": clip,
                "seed": tf.stack([seed, tf.cast(step, tf.int32)]),
                "step": step,
            }
            return {name: found[name] for name in features}

        end = np.iinfo(np.int64).max if steps is None else first_step + steps
        batches = tf.data.Dataset.range(first_step, end).map(
            load, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )
        datasets.check_batch(features, batches.element_spec)
        return batches.prefetch(tf.data.AUTOTUNE)

    def _augmented(
        self,
        augmentation: augmentations.Augmentation,
        audio: tf.Tensor,
        heard_audio: tf.Tensor,
        seed: int,
        step: tf.Tensor,
        first_slot: int,
    ) -> dict[str, tf.Tensor]:
        """The features of a batch that hold audio; see `augmentation.apply`."""
        of_slots = seed, step, first_slot
        audio = augmentations.apply(augmentation, audio, *of_slots)
        if not augmentation.for_encoder:
            return {"audio": audio}
        if augmentation.heard_share:
            # What is heard has the gain and the noise of its truth.
            heard_audio = augmentations.apply(augmentation, heard_audio, *of_slots)
        else:
            heard_audio = audio
        encoder_audio = augmentations.encoder_input(
            augmentation, heard_audio, self.info.sample_rate_hz, *of_slots
        )
        return {"audio": audio, "encoder_audio": encoder_audio}

    def _check_batches(self, form: str, batch_size: int, parts: int) -> None:
        if batch_size % parts:
            raise ValueError(
                f"batch_size={batch_size} must be a multiple of parts={parts}."
            )
        if form == "paired" and not self._pieces.total:
            raise ValueError(
                f"form='paired' needs recordings of one performance in every domain; "
                f"{self.info.name} has none of {self._clip_samples} samples in this "
                "split. Convert scores with --config=paired, or train with a preset "
                "that does not need pairs, such as vae_gan's small_unpaired."
            )

    def _check_heard(self, form: str, share: float) -> None:
        if form != "paired":
            raise ValueError(
                f"heard_share={share}: batches must be of the form 'paired', but are "
                f"{form!r}; leave it out, or train with a preset that learns from "
                "pairs, such as vae_gan's small."
            )
        if not self._heard.total:
            raise ValueError(
                f"heard_share={share}: {self.info.name} must have music of instruments "
                "that are heard only, and has none in this split; leave it out, or "
                "convert scores with --config=paired --heard_domains=all."
            )

    def _draw(
        self, form: str, batch_size: int, seed: int, step: int, heard_share: float
    ) -> "_Drawn":
        """Draws the clips of a step's whole batch."""
        if form == "indexed":
            return self._draw_of_grid(batch_size, seed, step)
        random = np.random.Generator(np.random.Philox(key=[seed, step]))
        domains = len(self._domains)
        if form == "mixed":
            # Counting on from step to step keeps the balance where a batch cannot.
            domain = (step * batch_size + np.arange(batch_size)) % domains
            domain = random.permutation(domain)
        else:
            domain = np.tile(np.arange(domains), (batch_size, 1))
        if form == "paired":
            return self._draw_of_pieces(domain, heard_share, random)
        where = random.random(domain.shape)
        crops = np.empty((*domain.shape, 2), np.int64)
        for number, starts in enumerate(self._domains):
            found = starts.find(where[domain == number])
            crops[domain == number] = starts.crops(*found)[:, 0]
        return _drawn(self._numbers[domain], crops, _no_rows(domain.shape))

    def _draw_of_pieces(
        self, domain: np.ndarray, heard_share: float, random: np.random.Generator
    ) -> "_Drawn":
        found = self._pieces.find(random.random(len(domain)))
        crops = self._pieces.crops(*found)
        drawn = _drawn(self._numbers[domain], crops, _no_rows(domain.shape))
        if not heard_share:
            return drawn
        # Drawn last, so that the clips themselves are the same without it.
        heard_crops, replaced = self._heard.instead(crops, *found, heard_share, random)
        heard_domain = np.where(replaced, datasets.NO_DOMAIN, drawn.domain)
        return drawn._replace(
            heard_crops=heard_crops, heard_domain=heard_domain.astype(np.int32)
        )

    def _draw_of_grid(self, batch_size: int, seed: int, step: int) -> "_Drawn":
        clip = self._grid.draw(seed, step, batch_size)
        domain, crops = self._grid.at(clip)
        rows = clip.astype(np.int32) if self.indexed_clips else _no_rows(clip.shape)
        return _drawn(self._numbers[domain], crops, rows)

    def _read(self, crops: np.ndarray) -> np.ndarray:
        """Reads crops `[..., 2]`: int16 `[..., samples]`."""
        size = 2 * self._clip_samples
        pcm = np.empty((*crops.shape[:-1], size), np.uint8)
        for slot in np.ndindex(crops.shape[:-1]):
            shard, byte = crops[slot]
            pcm[slot] = self._shards[shard][byte : byte + size]
        return pcm.view("<i2")

    def _seconds(self, records: Sequence[index.Record]) -> dict[str, float]:
        samples = collections.Counter()
        for record in records:
            samples[record.domain] += record.samples
        return {
            name: samples[number] / self.info.sample_rate_hz
            for number, name in enumerate(self.info.domains)
        }

    def _check_domains(self, records: Sequence[index.Record], split: str) -> None:
        longest = collections.Counter()
        for record in records:
            longest[record.domain] = max(longest[record.domain], record.samples)
        rate = self.info.sample_rate_hz
        for number, name in enumerate(self.info.domains):
            if longest[number] < self._clip_samples:
                raise ValueError(
                    f"domain {name!r} has no recording in split {split!r} as long as a "
                    f"clip: the longest stretch is {longest[number] / rate:.2f} s of "
                    f"{self.seconds[name]:.2f} s in all, a clip needs "
                    f"{self._clip_samples / rate:.2f} s."
                )


class _Drawn(NamedTuple):
    """The clips of a batch.

    Attributes:
        domain: The number of each clip's domain, int32 `[slots]` or `[slots, domains]`.
        crops: Its file and first byte, int64 `[..., 2]`.
        clip: Its row in the grid of training clips, int32, as `domain`.
        heard_domain: The number of the domain that the encoder hears, or
            `dataset.NO_DOMAIN`, as `domain`.
        heard_crops: File and first byte of what it hears, as `crops`.
    """

    domain: np.ndarray
    crops: np.ndarray
    clip: np.ndarray
    heard_domain: np.ndarray
    heard_crops: np.ndarray


def _drawn(domain: np.ndarray, crops: np.ndarray, clip: np.ndarray) -> _Drawn:
    """Clips that the encoder hears as they are."""
    return _Drawn(domain, crops, clip, domain, crops)


def _no_rows(shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, datasets.NO_ROW, np.int32)


def _of_domains(
    records: Sequence[index.Record], stored: Sequence[str], wanted: Sequence[str]
) -> list[index.Record]:
    """The records of some domains, by their places among those."""
    for name in wanted:
        if name not in stored:
            raise ValueError(names.unknown("domain", name, stored))
    return [
        dataclasses.replace(record, domain=wanted.index(stored[record.domain]))
        for record in records
        if 0 <= record.domain < len(stored) and stored[record.domain] in wanted
    ]


class _Starts:
    """All positions that a clip can start at, in rows of chunks that run in parallel.

    Args:
        rows: Chunks of the same length in each row, at least that of a clip; every
            position of a row is one of all of them at once.
        clip_samples: The length of a clip.

    Attributes:
        total: The number of positions.
    """

    def __init__(self, rows: Sequence[Sequence[index.Record]], clip_samples: int):
        counts = [row[0].samples - clip_samples + 1 for row in rows]
        self._ends = np.cumsum(counts, dtype=np.int64)
        self._chunks = np.array(
            [[(record.shard, record.byte) for record in row] for row in rows], np.int64
        )
        self.total = int(self._ends[-1]) if rows else 0

    def find(self, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions by their place among all.

        Args:
            where: float `[n]` in [0, 1).

        Returns:
            The row of each, and how many bytes after the beginning of its chunks it
            is; int64 `[n]`.
        """
        position = np.floor(where * self.total).astype(np.int64)
        row = np.searchsorted(self._ends, position, side="right")
        return row, 2 * (self._ends[row] - position - 1)

    def crops(self, row: np.ndarray, start_bytes: np.ndarray) -> np.ndarray:
        """The clips at positions, as `find` gives them.

        Returns:
            int64 `[n, chunks of a row, 2]`: shard and byte.
        """
        crops = self._chunks[row]
        crops[..., 1] += start_bytes[:, np.newaxis]
        return crops


def _aligned(
    records: Sequence[index.Record], domains: int
) -> list[tuple[index.Record, ...]]:
    """The chunks of one piece at one time, for each that all domains have."""
    found = collections.defaultdict(dict)
    for record in records:
        if record.piece and record.domain >= 0:
            found[index.music(record)][record.domain] = record
    return [
        tuple(row[domain] for domain in range(domains))
        for _, row in sorted(found.items())
        if len(row) == domains
    ]
