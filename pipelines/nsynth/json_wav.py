"""Reads NSynth in its form of `examples.json` and a WAV file for each note."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.nsynth import notes
from tf_mt.audio import files

_BLOCK_SAMPLES = 1 << 18


def read(
    folder: Path, remark: Callable[[str], None]
) -> Iterator[tuple[notes.Note, Path]]:
    """Reads what a split holds, but no audio.

    Args:
        folder: The folder of the split.
        remark: Is given a sentence about notes that have no WAV file, and one about
            files that are of no note.

    Yields:
        Each note that has a WAV file, and the folder of that.

    Raises:
        FileNotFoundError: If the split lacks its list of notes, or its audio.
        ValueError: If the list cannot be read.
    """
    described, audio = folder / "examples.json", folder / "audio"
    if not described.is_file() or not audio.is_dir():
        raise FileNotFoundError(
            f"path={str(folder)!r} does not hold both examples.json and a folder audio;"
            " unpack its archive again."
        )
    found = _parse(described)
    missing = []
    left = {entry.name for entry in os.scandir(audio) if entry.name[0] != "."}
    for name, note in found.items():
        file = f"{name}.wav"
        if file in left:
            left.remove(file)
            yield note, audio
        else:
            missing.append(file)
    if missing:
        remark(
            f"left out: {len(missing)} of the {len(found)} notes in {described} have "
            f"no file in {audio.name}, such as {missing[0]!r}."
        )
    if left:
        remark(
            f"left out: {len(left)} of the files in {audio}, such as {min(left)!r}, "
            "are of no note in examples.json."
        )


def blocks(audio: Path, name: str, sample_rate_hz: int) -> Iterator[np.ndarray]:
    """Reads the WAV file of a note.

    Args:
        audio: Its folder.
        name: The name of the note.
        sample_rate_hz: The rate that is wanted.

    Yields:
        float32 `[samples]`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read, or is not as long as a note.
    """
    path = audio / f"{name}.wav"
    samples = 0
    for block in files.blocks(path, sample_rate_hz, _BLOCK_SAMPLES):
        samples += len(block)
        yield block
    if samples != notes.SECONDS * sample_rate_hz:
        raise ValueError(
            f"path={str(path)!r} has {samples / sample_rate_hz:.4f} seconds, but every "
            f"note has {notes.SECONDS}; unpack its archive again."
        )


def _parse(path: Path) -> dict[str, notes.Note]:
    """The notes of `examples.json` by their names."""
    try:
        with path.open(encoding="utf-8") as file:
            found = json.load(file, object_pairs_hook=_parse_object)
        if not isinstance(found, dict):
            raise ValueError("it is not an object of notes")
        for name, note in found.items():
            if name != note.note_str:
                raise ValueError(f"note {note.note_str!r} is listed as {name!r}")
    except ValueError as error:
        raise ValueError(
            f"path={str(path)!r} cannot be read ({error}); unpack its archive again."
        ) from error
    return found


def _parse_object(pairs: list[tuple[str, Any]]) -> dict[str, notes.Note] | notes.Note:
    """Makes a note of an object at once, for as dicts they need too much memory.

    The outermost object is the one that has notes.
    """
    if not all(isinstance(value, notes.Note) for _, value in pairs):
        return notes.parse(dict(pairs))
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"note {twice!r} is listed twice")
    return found
