"""Error messages for unknown names, with the nearest known ones first."""

import difflib
from collections.abc import Iterable


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
