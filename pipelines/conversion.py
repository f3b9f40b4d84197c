"""Converts a dataset by its name, atomically, and prints a table of its contents."""

import collections
import contextlib
import dataclasses
import fcntl
import importlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import tensorflow_datasets as tfds

from tf_mt import disk, names
from tf_mt.data import builder, chunk, domains, index, quiet, schema

DATASETS = {
    "audio_folder": "pipelines.audio_folder.audio_folder_dataset_builder",
    "irmas": "pipelines.irmas.irmas_dataset_builder",
    "musicnet": "pipelines.musicnet.musicnet_dataset_builder",
    "nsynth": "pipelines.nsynth.nsynth_dataset_builder",
    "scores": "pipelines.scores.scores_dataset_builder",
}

# The splits that training needs every domain in.
NEEDED = ("train", "validation")


def convert(
    dataset: str,
    data_dir: Path,
    config: str | None = None,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    beam_options: str | None = None,
) -> Path:
    """Makes a dataset unless it is there, and prints what it holds.

    Args:
        dataset: Its name, one of `DATASETS`.
        data_dir: The folder that datasets are kept in.
        config: The variant of the dataset; the one that goes with the settings if None.
        settings: What differs from the defaults of that variant.
        overwrite: Whether to make it again if it is there.
        beam_options: Options of Apache Beam on one line, to make it on Beam's workers.

    Returns:
        The folder of the dataset.

    Raises:
        ValueError: If a name or a setting is not known, the source cannot be read, or
            another dataset has that place.
    """
    made = _builder(dataset, data_dir, config, settings or {})
    folder = Path(made.data_dir)
    if folder.exists() and not overwrite:
        _check_same(made)
        print(f"{folder} is already made from this source; --overwrite makes it again.")
    else:
        with _place_of(folder), disk.writing(folder):
            # A builder of its own, for the first one has read what was there.
            _make(_builder(dataset, data_dir, config, settings or {}), beam_options)
    print(table(folder))
    if made.LICENSE:
        print(f"licence: {made.LICENSE}")
    missing = _missing(folder)
    if missing:
        print(
            f"not ready for training, which needs every domain in {_listed(NEEDED)}: "
            f"{'; '.join(missing)}. Bring more or longer recordings."
        )
    else:
        print(
            f"next: python -m tf_mt.train --approach=vae_gan --preset={_preset(made)} "
            f"--data={folder} --run=runs/{dataset}"
        )
    return folder


def _preset(made: builder.RecordingsBuilder) -> str:
    """A preset that learns from what the dataset has."""
    paired = made.builder_config and made.builder_config.name == "paired"
    return "small" if paired else "small_unpaired"


def table(data_dir: Path) -> str:
    """Recordings and seconds of each domain in each split, as text."""
    dataset = index.open_dataset(data_dir)
    stored = domains.read(dataset)
    order = [*chunk.SPLITS, *sorted(dataset.info.splits)]
    splits = sorted(dataset.info.splits, key=order.index)
    rate = int(dataset.info.metadata["sample_rate_hz"])
    recordings = collections.defaultdict(set)
    samples = collections.Counter()
    for split in splits:
        for record in index.scan(index.shards(dataset, split)):
            recordings[record.domain, split].add(record.recording)
            samples[record.domain, split] += record.samples
    rows = {name: [number] for number, name in enumerate(stored.translated)}
    if stored.heard:
        first, last = len(stored.translated), len(stored.stored)
        rows[f"{len(stored.heard)} heard only"] = range(first, last)
    if any(domain == schema.NO_DOMAIN for domain, _ in samples):
        rows["(none)"] = [schema.NO_DOMAIN]
    width = max(len(name) for name in [*rows, "domain"])
    lines = [
        f"{'domain':{width}}" + "".join(f"{split:>24}" for split in splits),
        " " * width + "".join(f"{'recordings':>14}{'seconds':>10}" for _ in splits),
    ]
    for name, numbers in rows.items():
        lines.append(
            f"{name:{width}}"
            + "".join(
                f"{sum(len(recordings[number, split]) for number in numbers):14d}"
                f"{sum(samples[number, split] for number in numbers) / rate:10.1f}"
                for split in splits
            )
        )
    return "\n".join(lines)


def _missing(data_dir: Path) -> list[str]:
    """The domains that lack a split that training needs, in words."""
    dataset = index.open_dataset(data_dir)
    found = {
        split: {record.domain for record in index.scan(index.shards(dataset, split))}
        for split in NEEDED
        if split in dataset.info.splits
    }
    lacking = {
        name: [split for split in NEEDED if number not in found.get(split, ())]
        for number, name in enumerate(domains.read(dataset).translated)
    }
    return [
        f"{name} has none in {_listed(splits)}"
        for name, splits in lacking.items()
        if splits
    ]


def _listed(splits: Sequence[str]) -> str:
    return " and ".join(splits)


def _builder(
    dataset: str, data_dir: Path, config: str | None, settings: Mapping[str, Any]
) -> builder.RecordingsBuilder:
    if dataset not in DATASETS:
        raise ValueError(names.unknown("dataset", dataset, DATASETS))
    made = importlib.import_module(DATASETS[dataset]).Builder
    known = [field.name for field in dataclasses.fields(made.SETTINGS)]
    for name in settings:
        if name not in known:
            raise ValueError(f"{dataset} has no setting {name!r}; leave --{name} out.")
    config = config or made.default_config(settings)
    configs = [known.name for known in made.BUILDER_CONFIGS]
    if config is not None and config not in configs:
        raise ValueError(names.unknown("config", config, configs or ["none"]))
    if settings.get("source"):
        settings = {**settings, "source": str(Path(settings["source"]).resolve())}
    with quiet.tfds_silenced():
        return made(
            data_dir=Path(data_dir).expanduser(),
            config=config,
            settings=dataclasses.replace(made.default_settings(config), **settings),
        )


@contextlib.contextmanager
def _place_of(folder: Path) -> Iterator[None]:
    """Clears the place of a dataset; one that was there comes back after an error.

    Raises:
        ValueError: If another process is making it.
    """
    with _lock_file(folder.parent) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(
                f"{folder} is being made by another process; wait for it, or choose "
                "another data_dir."
            ) from error
        for leftover in folder.parent.glob("incomplete.*"):
            shutil.rmtree(leftover)
        replaced = folder.with_name(f"incomplete.replaced_{folder.name}")
        if folder.exists():
            folder.rename(replaced)
        try:
            yield
        except BaseException:
            if replaced.exists():
                replaced.rename(folder)
            raise
        if replaced.exists():
            shutil.rmtree(replaced)


def _lock_file(folder: Path) -> IO[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return open(folder / ".lock", "w")
    except OSError as error:
        raise OSError(
            f"data_dir: {folder} cannot be written ({error.strerror}); choose another."
        ) from error


def _make(made: builder.RecordingsBuilder, beam_options: str | None) -> None:
    with quiet.tfds_silenced():
        made.download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                try_download_gcs=False,
                compute_stats=tfds.download.ComputeStatsMode.SKIP,
                beam_options=_read_beam_options(beam_options) if beam_options else None,
            )
        )
    for remark in made.remarks:
        print(remark)


def _read_beam_options(line: str) -> Any:
    try:
        from tf_mt.data import distributed
    except ImportError as error:
        raise ValueError(
            f"beam_options={line!r} needs Apache Beam; pip install 'tf_mt[beam]'."
        ) from error
    return distributed.options(line)


def _check_same(made: builder.RecordingsBuilder) -> None:
    """Raises `ValueError` if the dataset there was made with other settings."""
    wanted = json.loads(json.dumps(made.settings.stored()))
    found = index.open_dataset(made.data_dir).info.metadata["settings"]
    different = [
        f"{name} was {found.get(name)!r}, not {wanted.get(name)!r}"
        for name in {**wanted, **found}
        if wanted.get(name) != found.get(name)
        # What could be made without leaving anything out had nothing to leave out.
        and not (name == "skip_bad_files" and wanted[name])
    ]
    if different:
        raise ValueError(
            f"{made.data_dir} was made from something else: {'; '.join(different)}. "
            "Choose another data_dir, or --overwrite it."
        )
