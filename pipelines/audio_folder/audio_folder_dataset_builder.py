"""The TFDS builder of `audio_folder`: the user's own recordings."""

import functools
import os
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from pipelines import recorded
from tf_mt.audio import finding
from tf_mt.data import builder, chunk


class Builder(builder.RecordingsBuilder):
    """Recordings in a folder for each domain."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First version."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "A folder with a folder of WAV, FLAC, MP3 or other audio files for each domain."
    )

    def plan(self, source: Path | None) -> builder.Plan:
        """Splits the files of each domain; see `builder.RecordingsBuilder`."""
        if source is None:
            raise ValueError("source='': name the folder of the recordings.")
        found, beside = find(source)
        for path in beside:
            self.leave_out(
                ValueError(
                    f"path={str(path)!r} lies beside the folders of the domains; move "
                    "it into one of them."
                )
            )
        recordings = {split: [] for split in chunk.SPLITS}
        for domain, paths in found.items():
            of_domain = [
                chunk.Source(domain, _name(path.relative_to(source)), path)
                for path in paths
            ]
            sounding = recorded.sounding(domain, of_domain, self.leave_out)
            for split, recording in self.divide(domain, sounding, recorded.seconds):
                recordings[split].append(recording)
        audio = functools.partial(recorded.audio, self.settings.sample_rate)
        return builder.Plan(list(found), recordings, audio)


def _name(path: Path) -> str:
    """The path as UTF-8 text, which the names of files need not be."""
    return os.fsencode(path.as_posix()).decode(errors="replace")


def find(source: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """The audio files of each domain, and those that are in the folder of none.

    Args:
        source: A folder that has a folder for each domain.

    Raises:
        FileNotFoundError: If it is not there or a domain has no audio files.
        ValueError: If it has no folder for a domain.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"source={str(source)!r}: no such folder.")
    entries = [path for path in sorted(source.iterdir()) if not finding.is_hidden(path)]
    folders = [path for path in entries if path.is_dir()]
    if not folders:
        raise ValueError(
            f"source={str(source)!r} has no folders; put the recordings of each "
            "domain into a folder of its own, named as the domain."
        )
    beside = [
        path
        for path in entries
        if not path.is_dir() and (finding.is_audio(path) or path.is_symlink())
    ]
    return {folder.name: finding.find(folder) for folder in folders}, beside
