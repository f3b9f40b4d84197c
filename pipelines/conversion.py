"""Makes datasets by name, whole or not at all, and says what was made."""

import collections
import contextlib
import dataclasses
import importlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds

from tf_mt import names
from tf_mt.data import builder, index, quiet

DATASETS = {
    "audio_folder": "pipelines.audio_folder.audio_folder_dataset_builder",
    "scores": "pipelines.scores.scores_dataset_builder",
}


def convert(
    dataset: str,
    data_dir: Path,
    config: str | None = None,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Makes a dataset unless it is there, and prints what it holds.

    Args:
        dataset: Its name, one of `DATASETS`.
        data_dir: The folder that datasets are kept in.
        config: The variant of the dataset; its first if None.
        settings: What differs from the defaults of the dataset's `SETTINGS`.
        overwrite: Whether to make it again if it is there.

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
        with _place_of(folder):
            # A builder of its own, for the first one has read what was there.
            _make(_builder(dataset, data_dir, config, settings or {}))
    print(table(folder))
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
    splits = [s for s in ("train", "validation", "test") if s in dataset.info.splits]
    rate = int(dataset.info.metadata["sample_rate_hz"])
    domains = dataset.info.features["domain"].names
    recordings = collections.defaultdict(set)
    samples = collections.Counter()
    for split in splits:
        for record in index.scan(index.shards(dataset, split)):
            recordings[record.domain, split].add(record.recording)
            samples[record.domain, split] += record.samples
    width = max(len(name) for name in [*domains, "domain"])
    lines = [
        f"{'domain':{width}}" + "".join(f"{split:>24}" for split in splits),
        " " * width + "".join(f"{'recordings':>14}{'seconds':>10}" for _ in splits),
    ]
    for number, name in enumerate(domains):
        lines.append(
            f"{name:{width}}"
            + "".join(
                f"{len(recordings[number, split]):14d}"
                f"{samples[number, split] / rate:10.1f}"
                for split in splits
            )
        )
    return "\n".join(lines)


def _builder(
    dataset: str, data_dir: Path, config: str | None, settings: Mapping[str, Any]
) -> builder.RecordingsBuilder:
    if dataset not in DATASETS:
        raise ValueError(names.unknown("dataset", dataset, DATASETS))
    made = importlib.import_module(DATASETS[dataset]).Builder
    configs = [known.name for known in made.BUILDER_CONFIGS]
    if config is not None and config not in configs:
        raise ValueError(names.unknown("config", config, configs or ["none"]))
    known = [field.name for field in dataclasses.fields(made.SETTINGS)]
    for name in settings:
        if name not in known:
            raise ValueError(f"{dataset} has no setting {name!r}; leave --{name} out.")
    if settings.get("source"):
        settings = {**settings, "source": str(Path(settings["source"]).resolve())}
    with quiet.tfds_silenced():
        return made(
            data_dir=Path(data_dir).expanduser(),
            config=config,
            settings=made.SETTINGS(**settings),
        )


@contextlib.contextmanager
def _place_of(folder: Path) -> Iterator[None]:
    """Clears the place of a dataset; one that was there comes back after an error."""
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


def _make(made: builder.RecordingsBuilder) -> None:
    with quiet.tfds_silenced():
        made.download_and_prepare(
            download_config=tfds.download.DownloadConfig(
                try_download_gcs=False,
                compute_stats=tfds.download.ComputeStatsMode.SKIP,
            )
        )
    for reason in made.bad:
        print(f"left out: {reason}")


def _check_same(made: builder.RecordingsBuilder) -> None:
    """Raises `ValueError` if the dataset there was made with other settings."""
    wanted = dataclasses.asdict(made.settings)
    found = index.open_dataset(made.data_dir).info.metadata["settings"]
    different = [
        f"{name} was {found.get(name)!r}, not {value!r}"
        for name, value in wanted.items()
        if json.loads(json.dumps(value)) != found.get(name)
    ]
    if different:
        raise ValueError(
            f"{made.data_dir} was made from something else: {'; '.join(different)}. "
            "Choose another data_dir, or --overwrite it."
        )
