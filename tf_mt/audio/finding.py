"""Finds the audio files below a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from tf_mt.audio import decoding

# What systems put beside the user's files; so are all names that begin with a dot.
_OF_SYSTEMS = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information")


def find(source: Path) -> list[Path]:
    """The audio files at or below a path, told by the endings of their names.

    Hidden files and folders, and those of systems (`__MACOSX`), are passed over. Links
    to folders are followed, once each. Files that no decoder at hand reads, links that
    lead nowhere and folders that cannot be opened are among the paths, and are refused
    when they are read.

    Args:
        source: A file, which is taken whatever its name, or a folder.

    Returns:
        The paths, sorted.

    Raises:
        FileNotFoundError: If there is no such path, or no audio file below it.
    """
    source = Path(source)
    if source.is_file():
        return [source]
    found = sorted(_below(source)) if source.is_dir() else []
    if not found:
        raise FileNotFoundError(
            f"source={str(source)!r}: no audio file there "
            f"(looked for {', '.join(decoding.SUFFIXES)})."
        )
    return found


def is_hidden(path: Path) -> bool:
    """Whether a file or folder is hidden, or one that a system made for itself."""
    return path.name.startswith(".") or path.name in _OF_SYSTEMS


def is_audio(path: Path) -> bool:
    """Whether the name of a file is that of an audio file; it need not exist."""
    return path.suffix.lower() in decoding.SUFFIXES and not is_hidden(path)


def _below(source: Path) -> Iterator[Path]:
    """Walks the tree itself before what its links lead to, so as to meet that once."""
    seen, folders, links = set(), [source], []
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        if (real := folder.resolve()) in seen:
            continue
        seen.add(real)
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            yield folder
            continue
        for path in entries:
            if is_hidden(path):
                continue
            if path.is_dir():
                (links if path.is_symlink() else folders).append(path)
            elif is_audio(path) or _leads_nowhere(path):
                yield path


def _leads_nowhere(path: Path) -> bool:
    """Whether a link is broken that may have been one to a folder."""
    return os.path.islink(path) and not path.exists() and not path.suffix
