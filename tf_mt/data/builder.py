"""The TFDS builder that all datasets of recordings have in common."""

import concurrent.futures
import contextlib
import dataclasses
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import tqdm

from tf_mt.data import chunk

# A greater share of unreadable files is a mistake in the source, not in the files.
MAX_BAD_SHARE = 0.01

# A longer recording waits on disk, not in memory, to be stored.
_SPOOLED_BYTES = 1 << 24


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


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a dataset is to hold.

    Attributes:
        domains: The names of the domains, in their order.
        recordings: The recordings of each split.
        audio: Reads or makes a recording: yields its blocks, float32 `[samples]`. A
            `ValueError` or `OSError` means that it cannot be had. Runs in threads.
    """

    domains: Sequence[str]
    recordings: Mapping[str, Sequence[chunk.Source]]
    audio: Callable[[chunk.Source], Iterable[np.ndarray]]


class RecordingsBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A dataset of recordings; each kind of dataset writes `plan`.

    Args:
        settings: What the user decided; the defaults of `SETTINGS` if None.
        **kwargs: As for every TFDS builder.

    Attributes:
        settings: What the user decided.
        bad: What could not be read and was left out, in a sentence each.
    """

    SETTINGS: type[Settings] = Settings

    def __init__(self, *, settings: Settings | None = None, **kwargs: Any):
        self.settings = settings or self.SETTINGS()
        self.bad: list[str] = []
        super().__init__(**kwargs)

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

    def leave_out(self, error: Exception) -> None:
        """Goes on without what could not be read, or raises the error again."""
        if not self.settings.skip_bad_files:
            raise error
        self.bad.append(str(error))

    def download_and_prepare(self, **kwargs: Any) -> None:
        """Makes the dataset with a progress bar; see TFDS for the arguments."""
        with contextlib.ExitStack() as self._resources:
            super().download_and_prepare(**kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    # The Audio feature of TFDS takes three times the space.
                    "audio": tfds.features.Tensor(
                        shape=(None,), dtype=np.int16, encoding="bytes"
                    ),
                    "sample_rate": np.int32,
                    "domain": tfds.features.ClassLabel(),
                    "recording": tfds.features.Text(),
                    "offset": np.int64,
                    "piece": tfds.features.Text(),
                    **self.labels(),
                }
            ),
            metadata=tfds.core.MetadataDict(
                sample_rate_hz=self.settings.sample_rate,
                settings=dataclasses.asdict(self.settings),
            ),
        )

    def _example_writer(self) -> tfds.core.writer.ExampleWriter:
        return _OrderedWriter(self.info.file_format)

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        source = self.settings.source
        if not source and self.MANUAL_DOWNLOAD_INSTRUCTIONS:
            source = dl_manager.manual_dir
        plan = self.plan(Path(source) if source else None)
        self.info.features["domain"].names = list(plan.domains)
        self._progress = self._resources.enter_context(
            tqdm.tqdm(
                total=sum(map(len, plan.recordings.values())),
                desc=self.name,
                unit="recording",
                mininterval=0.5,
            )
        )
        return {
            split: self._generate_examples(plan, recordings)
            for split, recordings in plan.recordings.items()
            if recordings
        }

    def _generate_examples(
        self, plan: Plan, recordings: Sequence[chunk.Source]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for recording, spooled in _spooled(plan.audio, recordings):
            try:
                with spooled.result() as pcm:
                    yield from _examples(recording, pcm, self.settings.sample_rate)
            except (ValueError, OSError) as error:
                self.leave_out(error)
            self._progress.update()
            if self._progress.n == self._progress.total:
                self._check_bad()

    def _check_bad(self) -> None:
        if len(self.bad) > MAX_BAD_SHARE * self._progress.total:
            listed = "\n  ".join(self.bad)
            raise ValueError(
                f"{len(self.bad)} of {self._progress.total} cannot be read, which is "
                f"more than {MAX_BAD_SHARE:.0%}; mend or remove:\n  {listed}"
            )


class _OrderedWriter(tfds.core.writer.ExampleWriter):
    """Writes the features of an example in the order of their names.

    Protocol buffers leave the order open, and it would differ from run to run.
    """

    def write(self, path: Any, examples: Iterable[tuple[Any, bytes]]) -> Any:
        return super().write(path, ((key, _ordered(data)) for key, data in examples))


def _ordered(serialized: bytes) -> bytes:
    example = tf.train.Example.FromString(serialized)
    return example.SerializeToString(deterministic=True)


def _examples(
    recording: chunk.Source, pcm: IO[bytes], sample_rate_hz: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The stored chunks of a recording, given a file of its samples: key, example."""
    samples = pcm.seek(0, os.SEEK_END) // 2
    pcm.seek(0)
    for start, end in chunk.bounds(samples, sample_rate_hz):
        yield (
            f"{recording.recording}@{start}",
            {
                "audio": np.frombuffer(pcm.read(2 * (end - start)), "<i2"),
                "sample_rate": sample_rate_hz,
                "domain": recording.domain,
                "recording": recording.recording,
                "offset": start,
                "piece": recording.piece,
                **recording.labels,
            },
        )


def _spooled(
    audio: Callable[[chunk.Source], Iterable[np.ndarray]],
    recordings: Sequence[chunk.Source],
) -> Iterator[tuple[chunk.Source, concurrent.futures.Future[IO[bytes]]]]:
    """Spools recordings on all cores and gives them back in their order.

    Threads are enough: decoding, resampling and mixing are not done by Python.
    """
    threads = os.cpu_count() or 1
    waiting = iter(recordings)
    with concurrent.futures.ThreadPoolExecutor(threads) as executor:

        def start(count: int) -> list:
            return [
                (recording, executor.submit(_spool, audio, recording))
                for recording in itertools.islice(waiting, count)
            ]

        running = start(2 * threads)
        try:
            while running:
                yield running.pop(0)
                running += start(1)
        finally:
            executor.shutdown(cancel_futures=True)


def _spool(
    audio: Callable[[chunk.Source], Iterable[np.ndarray]], recording: chunk.Source
) -> IO[bytes]:
    """Reads or makes a whole recording, in memory that does not grow with its length.

    Nothing of a recording is stored before all of it has been read.
    """
    with contextlib.ExitStack() as on_error:
        pcm = on_error.enter_context(tempfile.SpooledTemporaryFile(_SPOOLED_BYTES))
        for block in audio(recording):
            pcm.write(chunk.pcm(block))
        on_error.pop_all()
    return pcm
