"""The TFDS builder of `irmas`: excerpts in which one instrument predominates."""

import collections
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import tensorflow_datasets as tfds

from pipelines import layout, recorded
from pipelines.irmas import excerpts, splits
from tf_mt.data import builder, chunk

EVALUATION = "evaluation"
PAPER_INSTRUMENTS = ("pia", "gel")
PAPER_RATE_HZ = 25000


@dataclasses.dataclass(frozen=True)
class Settings(builder.Settings):
    """How IRMAS is read.

    Attributes:
        exclude_drums: Whether to leave out training excerpts that are tagged to have
            drums; those without any tag of drums stay.
    """

    exclude_drums: bool = False


class Builder(builder.RecordingsBuilder):
    """IRMAS: a domain for each instrument."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First version."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "The folder in which IRMAS-TrainingData.zip of "
        "https://zenodo.org/records/1290750 is unpacked, so that it has the folder "
        "IRMAS-TrainingData; and, for the split 'evaluation', IRMAS-TestingData-Part1, "
        "-Part2 and -Part3 beside it."
    )
    HOMEPAGE = "https://www.upf.edu/web/mtg/irmas"
    LICENSE = (
        "IRMAS is offered for non-commercial use only, under CC BY-NC-SA 3.0, and may "
        "not be redistributed or modified: a dataset made from it may not be published."
    )
    BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = [
        tfds.core.BuilderConfig(
            name="full",
            description="All 11 instruments; 80, 10 and 10 % of the recordings are "
            "for train, validation and test.",
        ),
        tfds.core.BuilderConfig(
            name="piano_guitar",
            description="The piano and the electric guitar at 25 kHz with 600 "
            "excerpts each for train and 50 for validation, as in the CycleGAN paper.",
        ),
    ]
    SETTINGS = Settings

    @classmethod
    def default_settings(cls, config: str | None) -> Settings:
        """The paper's sample rate for the paper's instruments."""
        if config == "piano_guitar":
            return Settings(sample_rate=PAPER_RATE_HZ)
        return Settings()

    def labels(self) -> dict[str, tfds.features.FeatureConnector]:
        """What the names and the text files tell; see `excerpts.Excerpt`."""
        label = tfds.features.ClassLabel
        return {
            "instruments": tfds.features.Sequence(label(names=excerpts.INSTRUMENTS)),
            "genre": label(names=[*excerpts.GENRES, excerpts.UNKNOWN]),
            "drums": label(names=[*excerpts.DRUMS, excerpts.UNKNOWN]),
            "recording_number": np.int64,
            "excerpt": np.int64,
        }

    def plan(self, source: Path | None) -> builder.Plan:
        """Splits the excerpts; see `builder.RecordingsBuilder`."""
        if source is None:
            raise ValueError("source='': name the folder that IRMAS was unpacked in.")
        layout.check(source, excerpts.is_root, f"the folder {excerpts.TRAINING}")
        by_paper = self.builder_config.name == "piano_guitar"
        wanted = PAPER_INSTRUMENTS if by_paper else excerpts.INSTRUMENTS
        found = self._training(source, wanted)
        split = (splits.by_paper if by_paper else splits.by_shares)(found)
        domains = wanted if by_paper else self._there(found)
        lacking = _lacking(domains, split)
        if by_paper:
            _check_filled(lacking, found)
            self._compare(domains, found, split)
        self.remarks += [
            f"{domain}: {_counts(found)[domain]} excerpts of too few recordings to "
            f"have some in {' and '.join(missing)}."
            for domain, missing in lacking.items()
        ]
        recordings = {
            name: [_recording(excerpt.instruments[0], excerpt) for excerpt in chosen]
            for name, chosen in split.items()
        }
        recordings[EVALUATION] = [
            _recording("", excerpt) for excerpt in self._testing(source, domains)
        ]
        audio = functools.partial(recorded.audio, self.settings.sample_rate)
        return builder.Plan(domains, recordings, audio)

    def _there(self, found: Sequence[excerpts.Excerpt]) -> list[str]:
        """The instruments that have excerpts; says which have none.

        Raises:
            ValueError: If there are none at all.
        """
        counts = _counts(found)
        missing = [name for name in excerpts.INSTRUMENTS if not counts[name]]
        if len(missing) == len(excerpts.INSTRUMENTS):
            raise ValueError(
                f"{excerpts.TRAINING} has no excerpts; unpack its archive again."
            )
        if missing:
            self.remarks.append(
                f"without {', '.join(missing)}: {excerpts.TRAINING} has no excerpts of "
                "them."
            )
        return [name for name in excerpts.INSTRUMENTS if counts[name]]

    def _training(self, source: Path, domains: Sequence[str]) -> list[excerpts.Excerpt]:
        found = excerpts.training(source, domains, self.leave_out)
        if not self.settings.exclude_drums:
            return found
        kept = [excerpt for excerpt in found if excerpt.drums != "dru"]
        self.remarks.append(
            f"exclude_drums: {len(found) - len(kept)} of {len(found)} excerpts are "
            "tagged to have drums and were left out."
        )
        return kept

    def _testing(self, source: Path, domains: Sequence[str]) -> list[excerpts.Excerpt]:
        found = {
            part: excerpts.testing(source / part, self.leave_out)
            for part in excerpts.TESTING
        }
        missing = [part for part, of_part in found.items() if not of_part]
        if missing:
            self.remarks.append(
                f"split {EVALUATION!r} is without {', '.join(missing)}: the source "
                "has no excerpts there."
            )
        return [
            excerpt
            for of_part in found.values()
            for excerpt in of_part
            if set(domains) & set(excerpt.instruments)
        ]

    def _compare(
        self,
        domains: Sequence[str],
        found: Sequence[excerpts.Excerpt],
        split: splits.Splits,
    ) -> None:
        """Says where the splits are not those of the paper."""
        counts = {name: _counts(chosen) for name, chosen in split.items()}
        for domain in domains:
            had = [counts[name][domain] for name in ("train", "validation")]
            wanted = [splits.PAPER_EXCERPTS[name] for name in ("train", "validation")]
            if had != wanted:
                self.remarks.append(
                    f"{domain}: {had[0]} excerpts for train and {had[1]} for "
                    f"validation, where the paper has {wanted[0]} and {wanted[1]}; "
                    f"the source has {_counts(found)[domain]}."
                )
        surplus = len(found) - sum(map(len, split.values()))
        if surplus:
            self.remarks.append(
                f"{surplus} excerpts were left out: more of a recording than its split "
                "wanted."
            )


def _counts(found: Sequence[excerpts.Excerpt]) -> collections.Counter[str]:
    """How many excerpts each instrument has."""
    return collections.Counter(excerpt.instruments[0] for excerpt in found)


def _lacking(domains: Sequence[str], split: splits.Splits) -> dict[str, list[str]]:
    """The splits that a domain has nothing in, for each that has such splits."""
    counts = {name: _counts(chosen) for name, chosen in split.items()}
    lacking = {
        domain: [name for name in counts if not counts[name][domain]]
        for domain in domains
    }
    return {domain: missing for domain, missing in lacking.items() if missing}


def _check_filled(
    lacking: Mapping[str, Sequence[str]], found: Sequence[excerpts.Excerpt]
) -> None:
    """Raises `ValueError` if a domain that was asked for lacks a split."""
    for domain, missing in lacking.items():
        raise ValueError(
            f"domain={domain!r} has {_counts(found)[domain]} excerpts and none of them "
            f"is for {' and '.join(missing)}; {excerpts.TRAINING} must hold excerpts "
            f"of at least {len(chunk.SPLITS)} recordings of it."
        )


def _recording(domain: str, excerpt: excerpts.Excerpt) -> chunk.Source:
    labels: dict[str, Any] = {
        "instruments": list(excerpt.instruments),
        "genre": excerpt.genre,
        "drums": excerpt.drums,
        "recording_number": excerpt.recording_number,
        "excerpt": excerpt.excerpt,
    }
    return chunk.Source(domain, excerpt.name, excerpt.path, labels=labels)
