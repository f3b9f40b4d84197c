"""The TFDS builder of `nsynth`: single notes of a thousand instruments."""

import collections
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from pipelines import layout
from pipelines.nsynth import json_wav, notes, tfrecord
from tf_mt import names
from tf_mt.data import builder, chunk

# The published splits, and how they are called here.
SPLITS = {"train": "train", "valid": "validation", "test": "test"}

# What the domain of a note can be.
DOMAINS: dict[str, Callable[[notes.Note], str]] = {
    "family": lambda note: note.family,
    "source": lambda note: note.source,
    "family_source": lambda note: note.family_source,
    "instrument": lambda note: note.instrument_str,
}

MAX_PITCH = 127

# More names than these are counted, not listed.
_LISTED = 12


@dataclasses.dataclass(frozen=True)
class Settings(builder.Settings):
    """Which notes are taken, and what their domains are.

    Attributes:
        domain_by: "family" (bass, ...), "source" (acoustic, ...), "family_source"
            (bass_acoustic, ...) or "instrument" (bass_acoustic_000, ...).
        min_pitch: The lowest MIDI pitch.
        max_pitch: The highest MIDI pitch.
    """

    domain_by: str = "family"
    min_pitch: int = 0
    max_pitch: int = MAX_PITCH


class Builder(builder.RecordingsBuilder):
    """NSynth: every recording is a note."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First version."}
    HOMEPAGE = "https://magenta.tensorflow.org/datasets/nsynth"
    LICENSE = "CC BY 4.0"
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "A folder with the unpacked archives of "
        "https://magenta.tensorflow.org/datasets/nsynth: nsynth-train, nsynth-valid "
        "and nsynth-test, or some of them; each is a folder with examples.json and "
        "audio, or a .tfrecord file."
    )
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(name="full", description="All notes."),
        *(
            tfds.core.BuilderConfig(
                name=family, description=f"The notes of the family {family}."
            )
            for family in notes.FAMILIES
        ),
        *(
            tfds.core.BuilderConfig(
                name=f"{family}_{source}",
                description=f"The {source} notes of the family {family}.",
            )
            for family in notes.FAMILIES
            for source in notes.SOURCES
        ),
    ]
    SETTINGS = Settings

    def labels(self) -> dict[str, tfds.features.FeatureConnector]:
        """The labels of a note; see `notes.Note`."""
        return {
            "note": np.int64,
            "note_str": tfds.features.Text(),
            "instrument": np.int64,
            "instrument_str": tfds.features.Text(),
            "pitch": np.int64,
            "velocity": np.int64,
            "qualities": tfds.features.Sequence(
                tfds.features.ClassLabel(names=notes.QUALITIES)
            ),
            "instrument_family": tfds.features.ClassLabel(names=notes.FAMILIES),
            "instrument_source": tfds.features.ClassLabel(names=notes.SOURCES),
        }

    def plan(self, source: Path | None) -> builder.Plan:
        """Chooses the notes of each split; see `builder.RecordingsBuilder`."""
        if source is None:
            raise ValueError("source='': name the folder that NSynth was unpacked in.")
        self._check_settings()
        wanted = "nsynth-train, nsynth-valid or nsynth-test, folders or .tfrecord files"
        layout.check(source, _is_root, wanted)
        recordings = self._recordings(source)
        if self.settings.domain_by == "instrument":
            recordings = _split_instruments(recordings)
            self.remarks.append(
                "The published splits have no instruments in common; so, for "
                "domain_by='instrument', the notes of each instrument were split into "
                "80, 10 and 10 % by a hash of their names."
            )
        domains = dict.fromkeys(self._domains(recordings))
        kept = {
            split: [recording for recording in found if recording.domain in domains]
            for split, found in recordings.items()
        }
        audio = functools.partial(_audio, self.settings.sample_rate)
        return builder.Plan(list(domains), kept, audio)

    def _check_settings(self) -> None:
        settings = self.settings
        if settings.domain_by not in DOMAINS:
            raise ValueError(names.unknown("domain_by", settings.domain_by, DOMAINS))
        if not 0 <= settings.min_pitch <= settings.max_pitch <= MAX_PITCH:
            raise ValueError(
                f"min_pitch={settings.min_pitch} and max_pitch={settings.max_pitch} "
                f"must be MIDI pitches from 0 to {MAX_PITCH}, the lower one first."
            )

    def _recordings(self, source: Path) -> dict[str, list[chunk.Source]]:
        """The wanted notes of each split that is there."""
        domain = DOMAINS[self.settings.domain_by]
        recordings: dict[str, list[chunk.Source]] = {}
        split_of: dict[str, str] = {}
        for published, split in SPLITS.items():
            path = source / f"nsynth-{published}"
            if not _is_there(path):
                self.remarks.append(
                    f"There is no split {split!r}: neither {path} nor "
                    f"{_tfrecord(path).name} is there."
                )
                continue
            recordings[split] = []
            for note, origin in self._read(path):
                name = note.note_str
                if name in split_of:
                    raise ValueError(
                        f"source={str(source)!r} has note {name!r} twice, in "
                        f"nsynth-{split_of[name]} and nsynth-{published}; unpack the "
                        "archives again."
                    )
                split_of[name] = published
                if self._is_wanted(note):
                    # One string for all notes of a domain.
                    of = sys.intern(domain(note))
                    recordings[split].append(
                        chunk.Source(of, name, origin, labels=note)
                    )
        return recordings

    def _read(self, path: Path) -> Iterator[tuple[notes.Note, Any]]:
        if path.is_dir():
            return json_wav.read(path, self.remarks.append)
        return tfrecord.read(_tfrecord(path), self.leave_out)

    def _is_wanted(self, note: notes.Note) -> bool:
        chosen = ("full", note.family, note.family_source)
        settings = self.settings
        return (
            self.builder_config.name in chosen
            and settings.min_pitch <= note.pitch <= settings.max_pitch
        )

    def _domains(self, recordings: Mapping[str, Sequence[chunk.Source]]) -> list[str]:
        """The domains that have notes in every split; training needs them there.

        All domains if none has, and the user asked for none of them.
        """
        splits_of: dict[str, set[str]] = collections.defaultdict(set)
        for split, found in recordings.items():
            for recording in found:
                splits_of[recording.domain].add(split)
        lacking = {
            domain: [split for split in recordings if split not in splits_of[domain]]
            for domain in sorted(splits_of)
        }
        left_out = [
            f"{domain} (none in {', '.join(without)})"
            for domain, without in lacking.items()
            if without
        ]
        if len(left_out) == len(lacking):
            if self.config_named or not lacking:
                raise self._nothing_left(left_out)
            self.remarks.append(
                f"no domain has notes in every split: {_listed(left_out)}."
            )
            return list(lacking)
        if left_out:
            self.remarks.append(
                "left out, because a domain needs notes in every split: "
                f"{_listed(left_out)}."
            )
        return [domain for domain, without in lacking.items() if not without]

    def _nothing_left(self, left_out: Sequence[str]) -> ValueError:
        settings = self.settings
        return ValueError(
            f"config={self.builder_config.name!r} with "
            f"domain_by={settings.domain_by!r}, min_pitch={settings.min_pitch} and "
            f"max_pitch={settings.max_pitch} leaves no domain that has notes in every "
            f"split: {_listed(left_out) or 'there are no such notes at all'}. Choose "
            "another config, domain_by or range of pitches."
        )


def _listed(said: Sequence[str]) -> str:
    more = [f"and {len(said) - _LISTED} more"] if len(said) > _LISTED else []
    return ", ".join([*said[:_LISTED], *more])


def _is_root(folder: Path) -> bool:
    return any(_is_there(folder / f"nsynth-{published}") for published in SPLITS)


def _is_there(path: Path) -> bool:
    return path.is_dir() or _tfrecord(path).is_file()


def _tfrecord(path: Path) -> Path:
    return path.with_name(f"{path.name}.tfrecord")


def _split_instruments(
    recordings: Mapping[str, Sequence[chunk.Source]],
) -> dict[str, list[chunk.Source]]:
    """Splits the notes of each instrument, wherever they were."""
    instruments = collections.defaultdict(dict)
    for found in recordings.values():
        for recording in found:
            instruments[recording.domain][recording.recording] = recording
    split_anew = {split: [] for split in chunk.SPLITS}
    for found in instruments.values():
        for name, split in chunk.split_domain(list(found)).items():
            split_anew[split].append(found[name])
    return split_anew


def _audio(sample_rate_hz: int, recording: chunk.Source) -> Iterator[np.ndarray]:
    origin, name = recording.origin, recording.recording
    if isinstance(origin, tfrecord.Place):
        return tfrecord.blocks(origin, name, sample_rate_hz)
    return json_wav.blocks(origin, name, sample_rate_hz)
