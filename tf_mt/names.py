"""Names: sentences about unknown ones, and those that results have by their files."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Says that a name is not known and lists the known ones, nearest first.

    Args:
        kind: What is named, as the user knows it (a flag or an argument).
        name: The name that was given.
        known: The names that would have been right.

    Returns:
        One sentence for a `ValueError`.
    """
    known = list(known)
    near = difflib.get_close_matches(name, known, n=len(known), cutoff=0.6)
    ordered = near + sorted(set(known) - set(near))
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{kind}={name!r} is not known; {guess}known: {', '.join(ordered)}."


def of_files(paths: Sequence[Path]) -> dict[str, Path]:
    """Names files by their own names, or with their folders' before them.

    Raises:
        ValueError: Two files have one name all the same.
    """
    for name in (
        lambda path: path.stem,
        lambda path: f"{path.parent.name}_{path.stem}",
    ):
        named = {name(path): path for path in paths}
        if len(named) == len(paths):
            return named
    raise ValueError(
        "input: two files have one name, and results are named by it; rename one."
    )
