"""The TFDS builder that all datasets of recordings have in common."""

import concurrent.futures
import dataclasses
import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import tensorflow_datasets as tfds
import tqdm

from tf_mt.data import chunk

# More than this share of unreadable recordings is a mistake in the source.
MAX_BAD_SHARE = 0.01

# A recording that is longer than this waits on disk, not in memory, to be written.
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
            `ValueError` or `OSError` means that it cannot be had.
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

    def _info(self) -> tfds.core.DatasetInfo:
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
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

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        source = self.settings.source
        if not source and self.MANUAL_DOWNLOAD_INSTRUCTIONS:
            source = dl_manager.manual_dir
        plan = self.plan(Path(source) if source else None)
        self.info.features["domain"].names = list(plan.domains)
        self._total = sum(map(len, plan.recordings.values()))
        self._progress = tqdm.tqdm(total=self._total, unit="recording", desc=self.name)
        return {
            split: self._generate_examples(plan, recordings)
            for split, recordings in plan.recordings.items()
            if recordings
        }

    def _generate_examples(
        self, plan: Plan, recordings: Sequence[chunk.Source]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        rate = self.settings.sample_rate
        for recording, spooled in _spooled(plan.audio, recordings):
            try:
                with spooled.result() as pcm:
                    yield from examples(recording, pcm, rate)
            except (ValueError, OSError) as error:
                self.leave_out(error)
            self._progress.update()

    def leave_out(self, error: Exception) -> None:
        """Goes on without what could not be read, or raises the error again."""
        if not self.settings.skip_bad_files:
            raise error
        self.bad.append(str(error))


def examples(
    recording: chunk.Source, pcm: IO[bytes], sample_rate_hz: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The stored chunks of one recording.

    Args:
        recording: What it is.
        pcm: A file of its samples, 16-bit.
        sample_rate_hz: Their rate.

    Yields:
        A key and an example each.
    """
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


def spool(
    audio: Callable[[chunk.Source], Iterable[np.ndarray]], recording: chunk.Source
) -> IO[bytes]:
    """Reads or makes a whole recording, in memory that does not grow with its length.

    Nothing of a recording is stored before all of it has been read.
    """
    pcm = tempfile.SpooledTemporaryFile(_SPOOLED_BYTES)
    try:
        for block in audio(recording):
            pcm.write(chunk.pcm(block))
    except BaseException:
        pcm.close()
        raise
    return pcm


def _spooled(
    audio: Callable[[chunk.Source], Iterable[np.ndarray]],
    recordings: Sequence[chunk.Source],
) -> Iterator[tuple[chunk.Source, concurrent.futures.Future[IO[bytes]]]]:
    """Spools recordings on all cores and gives them back in their order.

    Threads are enough: decoding, resampling and synthesis are not Python.
    """
    threads = os.cpu_count() or 1
    waiting = iter(recordings)
    with concurrent.futures.ThreadPoolExecutor(threads) as executor:

        def start(count: int) -> list:
            return [
                (recording, executor.submit(spool, audio, recording))
                for recording in itertools.islice(waiting, count)
            ]

        running = start(2 * threads)
        while running:
            yield running.pop(0)
            running += start(1)
