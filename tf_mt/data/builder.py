"""The TFDS builder that all datasets of recordings have in common."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import errno
import itertools
import os
import resource
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds
from tensorflow_datasets.core import shuffle

from tf_mt import progress
from tf_mt.data import chunk, domains, index, schema, splitting, storing

Plan = storing.Plan


# TFDS keeps what it shuffles in memory up to this size, and then in some files.
_SHUFFLED_BYTES = 1 << 26

# What the system calls a disk that is full, a quota or a file size that is reached.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the user decides about any dataset of recordings.

    Attributes:
        source: The folder that the recordings or scores are read from; `tfds build`
            leaves it empty and gives it as `--manual_dir`.
        sample_rate: The sample rate of the stored recordings in hertz.
        skip_bad_files: Whether to go on without files that cannot be read.
    """

    source: str = ""
    sample_rate: int = 16000
    skip_bad_files: bool = False

    def stored(self) -> dict[str, Any]:
        """What a dataset says of how it was made, by the names of the settings."""
        return dataclasses.asdict(self)


class RecordingsBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A dataset of recordings; each kind of dataset writes `plan`.

    Args:
        settings: What the user decided; the defaults of its configuration if None.
        **kwargs: As for every TFDS builder.

    Attributes:
        settings: What the user decided.
        config_named: Whether the user named the configuration; what it asks for and
            the source lacks is an error then, and left out otherwise.
        remarks: What the user should know of how it was made, in a sentence each.
    """

    SETTINGS: type[Settings] = Settings
    HOMEPAGE: str | None = None
    LICENSE: str | None = None

    def __init__(self, *, settings: Settings | None = None, **kwargs: Any):
        config = kwargs.get("config")
        name = getattr(config, "name", config)
        self.settings = settings or self.default_settings(name)
        self.config_named = config is not None
        self.remarks: list[str] = []
        self._bad: list[str] = []
        self._silent: list[str] = []
        super().__init__(**kwargs)

    @classmethod
    def default_settings(cls, config: str | None) -> Settings:
        """The settings of a configuration where the user decides nothing."""
        del config
        return cls.SETTINGS()

    @classmethod
    def default_config(cls, settings: Mapping[str, Any]) -> str | None:
        """The configuration that settings of the user ask for; None for the first."""
        del settings
        return None

    def plan(self, source: Path | None) -> Plan:
        """Decides what the dataset is to hold.

        Args:
            source: The folder that the user named, if any.

        Raises:
            ValueError, FileNotFoundError: If it cannot be made from that source.
        """
        raise NotImplementedError

    def labels(self) -> dict[str, tfds.features.FeatureConnector]:
        """The features of the dataset's own labels."""
        return {}

    def divide(
        self,
        domain: str,
        recordings: Sequence[chunk.Source],
        seconds: Callable[[chunk.Source], float],
        required: bool = False,
        kind: str = "recording",
    ) -> Sequence[tuple[str, chunk.Source]]:
        """Splits the recordings of a domain and remarks on what is not by recording.

        Args:
            domain: The name of the domain.
            recordings: All of its recordings.
            seconds: The length of a recording; asked only where there are few.
            required: Whether the domain must have something in every split.
            kind: What the user calls a recording.

        Returns:
            `(split, recording)` of each; see `splitting.divide`.

        Raises:
            ValueError: If it is required to, and has not.
        """
        division = splitting.divide(domain, recordings, seconds, kind)
        if required and division.missing:
            raise ValueError(
                f"domain={domain!r} cannot fill its splits: {division.remark}"
            )
        self.remarks += [division.remark] if division.remark else []
        return division.recordings

    def leave_out(self, error: Exception) -> None:
        """Goes on without what is silent or could not be read.

        Raises:
            Exception: The error again, if it is not `storing.SilentError` and the user
                does not skip bad files.
        """
        if isinstance(error, storing.SilentError):
            self._silent.append(str(error))
        elif not self.settings.skip_bad_files:
            raise error
        elif str(error) not in self._bad:  # All parts of a bad recording say the same.
            self._bad.append(str(error))

    def download_and_prepare(self, **kwargs: Any) -> None:
        """Makes the dataset with a progress bar; see TFDS for the arguments.

        Given options of Apache Beam, it is made on Beam's workers.

        Raises:
            ValueError, FileNotFoundError: If it cannot be made from that source.
            OSError: If it cannot be written.
        """
        config = kwargs.get("download_config")
        self._on_beam = bool(config and (config.beam_options or config.beam_runner))
        with contextlib.ExitStack() as self._resources:
            self._resources.enter_context(_lean_shuffling())
            try:
                super().download_and_prepare(**kwargs)
            except tf.errors.OpError as error:
                raise self._unwritable(error.message) from error
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                raise self._unwritable(error.strerror) from error

    def _unwritable(self, reason: str) -> OSError:
        return OSError(
            f"{self.data_dir} cannot be written: {reason}; while it is made, a dataset "
            "takes twice the room that it has in the end."
        )

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict({**schema.features(), **self.labels()}),
            homepage=self.HOMEPAGE,
            license=self.LICENSE,
            metadata=tfds.core.MetadataDict(
                sample_rate_hz=self.settings.sample_rate,
                settings=self.settings.stored(),
            ),
        )

    def _example_writer(self) -> tfds.core.writer.ExampleWriter:
        return _OrderedWriter(self.info.file_format)

    def _download_and_prepare(self, *args: Any, **kwargs: Any) -> None:
        super()._download_and_prepare(*args, **kwargs)
        if self._on_beam:
            from tf_mt.data import distributed

            for error in distributed.left_out(self.data_path, self._splits):
                self.leave_out(error)
        self._check_bad()
        for split in self.info.splits.values():
            index.write([Path(path) for path in split.filepaths])

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Any]:
        source = self.settings.source
        if not source and self.MANUAL_DOWNLOAD_INSTRUCTIONS:
            try:
                source = dl_manager.manual_dir
            except AssertionError as error:
                raise ValueError(
                    "source is not given; name the folder to read. "
                    f"{self.MANUAL_DOWNLOAD_INSTRUCTIONS}"
                ) from error
        plan = self.plan(Path(source) if source else None)
        _check_ids(plan)
        domains.write(self, plan.domains, plan.heard)
        self._planned_bad = len(self._bad)
        self._total = sum(map(len, plan.recordings.values()))
        self._splits = [split for split, found in plan.recordings.items() if found]
        if self._on_beam:
            from tf_mt.data import distributed

            rate, folder = self.settings.sample_rate, Path(self.data_path)
            return {
                split: distributed.Examples(split, plan, rate, folder)
                for split in self._splits
            }
        self._progress = self._resources.enter_context(
            progress.bar(total=self._total, desc=self.name, unit="recording")
        )
        return {split: self._generate_examples(plan, split) for split in self._splits}

    def _generate_examples(
        self, plan: Plan, split: str
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        def spool(recording: chunk.Source) -> storing.Spooled:
            rate, folder = self.settings.sample_rate, Path(self.data_path)
            return storing.spool(plan, recording, rate, folder)

        used = 0
        for waiting in _in_threads(spool, plan.recordings[split]):
            try:
                with waiting.result() as spooled:
                    yield from spooled.examples()
                used += 1
            except (storing.UnreadableError, storing.SilentError) as error:
                self.leave_out(error)
            self._progress.update()
        if not used:
            raise ValueError(
                f"split {split!r} has nothing to store: all of its "
                f"{len(plan.recordings[split])} recordings are silent or unreadable."
            )

    def _check_bad(self) -> None:
        """Says what was left out; raises `ValueError` if it was too much."""
        bad, total = len(self._bad), self._planned_bad + self._total
        if 2 * bad > total:
            listed = "\n  ".join(self._bad)
            raise ValueError(
                f"{bad} of {total} cannot be read, which is more than half; mend or "
                f"remove:\n  {listed}"
            )
        self.remarks += [f"left out: {reason}" for reason in self._bad]
        self.remarks += [f"left out: {name!r} is silent." for name in self._silent]


class _OrderedWriter(tfds.core.writer.ExampleWriter):
    """Writes the features of an example in the order of their names.

    Protocol buffers leave the order open, and it would differ from run to run.
    """

    def write(self, path: Any, examples: Iterable[tuple[Any, bytes]]) -> Any:
        return super().write(path, ((key, _ordered(data)) for key, data in examples))


def _ordered(serialized: bytes) -> bytes:
    example = tf.train.Example.FromString(serialized)
    return example.SerializeToString(deterministic=True)


def _check_ids(plan: Plan) -> None:
    counts = collections.Counter(
        recording.recording
        for recordings in plan.recordings.values()
        for recording in recordings
    )
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            f"recording={twice[0]!r} is there {counts[twice[0]]} times; an id has to "
            "be that of one recording; rename or remove the others."
        )


def _in_threads(
    spool: Callable[[chunk.Source], storing.Spooled],
    recordings: Iterable[chunk.Source],
) -> Iterator[concurrent.futures.Future[storing.Spooled]]:
    """Spools recordings on all cores and gives them back in their order.

    Threads are enough: decoding, resampling and mixing are not done by Python.
    """
    threads = os.cpu_count() or 1
    waiting = iter(recordings)
    with concurrent.futures.ThreadPoolExecutor(threads) as executor:

        def start(count: int) -> list:
            chosen = itertools.islice(waiting, count)
            return [executor.submit(spool, recording) for recording in chosen]

        running = start(2 * threads)
        try:
            while running:
                yield running.pop(0)
                running += start(1)
        finally:
            executor.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _lean_shuffling() -> Iterator[None]:
    """Lets TFDS shuffle with little memory, for which it has no setting."""
    in_memory = shuffle.MAX_MEM_BUFFER_SIZE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # It opens all its files at once, and the recordings need some, too.
    wanted = soft + shuffle.BUCKETS_NUMBER
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    shuffle.MAX_MEM_BUFFER_SIZE = _SHUFFLED_BYTES
    try:
        yield
    finally:
        shuffle.MAX_MEM_BUFFER_SIZE = in_memory
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
