"""The TFDS builder of `audio_folder`: the user's own recordings."""

import functools
from pathlib import Path
from typing import ClassVar

import tensorflow_datasets as tfds

from pipelines import recorded
from tf_mt.audio import files
from tf_mt.data import builder, chunk


class Builder(builder.RecordingsBuilder):
    """Recordings in a folder for each domain."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: ClassVar[dict[str, str]] = {"1.0.0": "First version."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "A folder with a folder of WAV, FLAC, Ogg or MP3 files for each domain."
    )

    def plan(self, source: Path | None) -> builder.Plan:
        """Splits the files of each domain; see `builder.RecordingsBuilder`."""
        if source is None:
            raise ValueError("source='': name the folder of the recordings.")
        found = find(source)
        recordings = {split: [] for split in chunk.SPLITS}
        for domain, paths in found.items():
            of_domain = [
                chunk.Source(domain, path.relative_to(source).as_posix(), path)
                for path in paths
            ]
            for split, recording in self.divide(domain, of_domain, recorded.seconds):
                recordings[split].append(recording)
        audio = functools.partial(recorded.audio, self.settings.sample_rate)
        return builder.Plan(list(found), recordings, audio)


def find(source: Path) -> dict[str, list[Path]]:
    """The audio files of each domain.

    Args:
        source: A folder that has a folder for each domain.

    Raises:
        FileNotFoundError: If it is not there or a domain has no audio files.
        ValueError: If it has no folder for a domain.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"source={str(source)!r}: no such folder.")
    folders = sorted(
        path
        for path in source.iterdir()
        if path.is_dir() and not path.name.startswith(".")
    )
    if not folders:
        raise ValueError(
            f"source={str(source)!r} has no folders; put the recordings of each "
            "domain into a folder of its own, named as the domain."
        )
    return {folder.name: files.find(folder) for folder in folders}
