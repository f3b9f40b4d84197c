"""Finds a published dataset in the folder that the user named, or near it."""

from collections.abc import Callable, Iterator
from pathlib import Path

# Archives are unpacked into a folder of their own, or two.
_LEVELS = 2


def check(source: Path, is_root: Callable[[Path], bool], wanted: str) -> None:
    """Makes sure that a folder is the one that a dataset begins at.

    Args:
        source: The folder that the user named.
        is_root: Whether a dataset begins at a folder.
        wanted: What such a folder holds, as an error says it.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it is not the one; it names those above and below that are.
    """
    if not source.is_dir():
        raise FileNotFoundError(f"source={str(source)!r}: no such folder.")
    if is_root(source):
        return
    near = [str(folder) for folder in _near(source) if is_root(folder)]
    hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
    raise ValueError(f"source={str(source)!r} does not hold {wanted}{hint}")


def _near(source: Path) -> Iterator[Path]:
    """The folders up to some levels above and below."""
    yield from source.resolve().parents[:_LEVELS]
    level = [source]
    for _ in range(_LEVELS):
        level = [
            path
            for folder in level
            for path in sorted(folder.iterdir())
            if path.is_dir() and not path.name.startswith(".")
        ]
        yield from level
