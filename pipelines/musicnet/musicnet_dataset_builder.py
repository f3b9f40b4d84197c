"""The TFDS builder of `musicnet`: classical recordings with their notes."""

import dataclasses
import functools
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import tensorflow_datasets as tfds

from pipelines import recorded
from pipelines.musicnet import domains, folders, metadata, notes
from tf_mt.data import builder, chunk, storing
from tf_mt.data import notes as stored_notes

# The columns of the table that are stored with a recording.
_LABELS = (
    "composer",
    "composition",
    "movement",
    "ensemble",
    "source",
    "transcriber",
    "catalog_name",
)


@dataclasses.dataclass(frozen=True)
class Settings(builder.Settings):
    """What the user decides about MusicNet.

    Attributes:
        domain: The domains of the configuration `custom`, as `domains.SYNTAX` says.
    """

    domain: tuple[str, ...] = ()


class Builder(builder.RecordingsBuilder):
    """Classical recordings; a domain is an ensemble, a composer, or both."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First version."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Unpack musicnet.tar.gz of {folders.HOMEPAGE}, and put {folders.METADATA} "
        "beside the folder that it makes, or into it."
    )
    HOMEPAGE = folders.HOMEPAGE
    LICENSE = (
        "CC BY 4.0 by the Zenodo record; the recordings come from several sources, "
        "see the label `source`."
    )
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(
            name="umt",
            description="The six domains of the Universal Music Translation Network.",
        ),
        tfds.core.BuilderConfig(
            name="cpc",
            description="Solo cello, solo violin, and Beethoven for solo piano.",
        ),
        tfds.core.BuilderConfig(
            name="lord",
            description="Solo cello, solo piano, solo violin, and wind quintet.",
        ),
        tfds.core.BuilderConfig(
            name="custom", description="The domains that the user gives."
        ),
    ]
    SETTINGS = Settings

    @classmethod
    def default_config(cls, settings: Mapping[str, Any]) -> str | None:
        """`custom` where the user gives domains."""
        return "custom" if settings.get("domain") else super().default_config(settings)

    def plan(self, source: Path | None) -> builder.Plan:
        """Splits the recordings of each domain; see `builder.RecordingsBuilder`."""
        wanted = self._domains()
        if source is None:
            raise ValueError("source='': name the folder that MusicNet is in.")
        root = folders.root(source)
        rows = metadata.read(folders.metadata(root))
        found = folders.audio_files(root)
        self._leave_out_unlisted(found, rows)
        recordings = {split: [] for split in chunk.SPLITS}
        filled = []
        for domain, ids in domains.recordings(wanted, rows).items():
            wavs = self._wavs({name: found[name] for name in ids if name in found})
            self._compare(domain, ids, found)
            of_domain = [
                chunk.Source(domain, recording, path, labels=_labels(rows[recording]))
                for recording, path in wavs.items()
            ]
            divided = self.divide(
                domain,
                recorded.sounding(domain, of_domain, self.leave_out),
                recorded.seconds,
                required=self.config_named,
            )
            for split, recording in divided:
                recordings[split].append(recording)
            filled += [domain] if divided else []
        if not filled:
            raise ValueError(
                f"source={str(source)!r} has no recordings of {', '.join(wanted)}; "
                "give domain for those that it has."
            )
        rate = self.settings.sample_rate
        return builder.Plan(
            filled,
            recordings,
            functools.partial(recorded.audio, rate),
            functools.partial(_timed_labels, rate),
        )

    def labels(self) -> dict[str, tfds.features.FeatureConnector]:
        """What the table says of a recording, and the notes of each chunk."""
        return {
            **{column: tfds.features.Text() for column in _LABELS},
            stored_notes.LABEL: stored_notes.feature(),
        }

    def _domains(self) -> domains.Domains:
        config, given = self.builder_config.name, self.settings.domain
        if config != "custom" and given:
            raise ValueError(
                f"config={config!r} has domains of its own; leave domain or config out."
            )
        if config == "custom" and not given:
            raise ValueError(f"config='custom' needs domain: {domains.SYNTAX}.")
        return domains.parse(given) if given else domains.CONFIGS[config]

    def _leave_out_unlisted(
        self, found: Mapping[str, Sequence[Path]], rows: Container[str]
    ) -> None:
        for recording, paths in found.items():
            if recording not in rows:
                self.leave_out(
                    ValueError(
                        f"path={str(paths[0])!r}: {folders.METADATA} has no row for "
                        "it; remove it, or get the table anew."
                    )
                )

    def _compare(
        self, domain: str, listed: Sequence[str], found: Container[str]
    ) -> None:
        """Says how many of the recordings of a domain the source lacks."""
        missing = [recording for recording in listed if recording not in found]
        if missing:
            self.remarks.append(
                f"{domain}: the source has {len(listed) - len(missing)} of the "
                f"{len(listed)} recordings that {folders.METADATA} lists."
            )

    def _wavs(self, found: Mapping[str, Sequence[Path]]) -> dict[str, Path]:
        """The file of each recording, but for those that are left out."""
        wavs = {}
        for recording, paths in found.items():
            try:
                wavs[recording] = folders.wav(recording, paths)
            except (ValueError, OSError) as error:
                self.leave_out(error)
        return wavs


def _labels(row: Mapping[str, str]) -> dict[str, str]:
    """What is stored of a row of the table."""
    return {column: row[column] for column in _LABELS}


def _timed_labels(
    sample_rate_hz: int, recording: chunk.Source, samples: int
) -> storing.ChunkLabels:
    path = folders.labels(recording.origin)
    found = notes.read(path)
    notes.check(path, found, samples, sample_rate_hz)
    cut = functools.partial(stored_notes.in_chunk, found, notes.RATE_HZ, sample_rate_hz)
    return lambda start, end: {stored_notes.LABEL: cut(start, end)}
