"""The test cases of an evaluation: a clip, its target domain, the truth if known."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

SHORTEST_SECONDS = 1.0


class Case(NamedTuple):
    """One clip that is to be translated to one domain.

    Attributes:
        clip: The id of the clip: its piece, or its recording.
        source: The domain of the clip.
        target: The domain that it is to be translated to.
        recording: The entry of the clip in its split.
        answer: The entry of the same music by the target, if there is one.
        style: The entry of a recording of the target, from the training split.
        random: The entry of another one.
        reference: The entry of a recording of other music by the target, from the test
            split, that one-shot transfer takes the timbre from; None where no transfer
            is scored.
    """

    clip: str
    source: str
    target: str
    recording: Any
    answer: Any | None
    style: Any
    random: Any
    reference: Any | None

    @property
    def name(self) -> str:
        """Unique to the case, and a valid relative path."""
        safe = "".join(c if c.isalnum() or c in "-._" else "_" for c in self.clip)
        mark = hashlib.sha1(self.clip.encode(), usedforsecurity=False).hexdigest()[:6]
        return f"{safe[:60]}-{mark}/{self.source}_to_{self.target}"


def choose(
    test: Sequence[Any],
    train: Sequence[Any],
    domains: Sequence[str],
    clips: int,
    shortest_samples: int,
    transfer: bool,
) -> list[Case]:
    """Chooses clips spread over a test set, each to be translated to all other domains.

    Args:
        test: Entries of the test split: with `domain`, `recording`, `piece` and
            `samples`, in the order of their ids.
        train: The same of the training split.
        domains: The domains to translate between.
        clips: The most pieces of a paired test set, or the most recordings of each
            domain of one that is not paired; all if 0.
        shortest_samples: Shorter recordings are left out.
        transfer: Whether each case has a reference for one-shot transfer.

    Returns:
        The cases, all of a clip together.

    Raises:
        ValueError: There is no case, or a case has no reference.
    """
    test = [e for e in test if e.samples >= shortest_samples and e.domain in domains]
    styles = {
        domain: [e for e in train if e.domain == domain and e.samples > 0]
        for domain in domains
    }
    if len(domains) < 2 or not test or not all(styles.values()):
        raise ValueError(
            "there is nothing to score: it takes two domains or more, recordings of "
            f"{SHORTEST_SECONDS:g} s or more in test, and some of every domain in "
            "train."
        )
    pieces = _pieces(test, domains)
    sources = _paired(pieces, clips) if pieces else _unpaired(test, domains, clips)
    return [
        Case(
            clip,
            recording.domain,
            target,
            recording,
            pieces[clip][target] if pieces else None,
            *_two(styles[target], f"{clip} {recording.domain} {target}"),
            _reference(test, clip, recording, target) if transfer else None,
        )
        for clip, recording in sources
        for target in domains
        if target != recording.domain
    ]


def _pieces(test: Sequence[Any], domains: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The pieces that there are in every domain: entries by piece and domain."""
    found: dict[str, dict[str, Any]] = {}
    for entry in test:
        if entry.piece:
            found.setdefault(entry.piece, {})[entry.domain] = entry
    return {p: entries for p, entries in found.items() if len(entries) == len(domains)}


def _paired(pieces: dict[str, dict[str, Any]], clips: int) -> Iterator[tuple[str, Any]]:
    for piece in spread(list(pieces), clips):
        for entry in pieces[piece].values():
            yield piece, entry


def _unpaired(
    test: Sequence[Any], domains: Sequence[str], clips: int
) -> Iterator[tuple[str, Any]]:
    for domain in domains:
        for entry in spread([e for e in test if e.domain == domain], clips):
            yield entry.recording, entry


def spread(found: list, count: int) -> list:
    """Takes so many at equal distances, since neighbours may be of one score.

    Args:
        found: What there is.
        count: How many of it; all if 0, or if there are fewer.
    """
    count = min(count or len(found), len(found))
    return [found[i * len(found) // count] for i in range(count)]


def _reference(test: Sequence[Any], clip: str, recording: Any, target: str) -> Any:
    """Some entry of the target that is of other music than a recording."""
    others = [
        entry
        for entry in test
        if entry.domain == target
        and entry.recording != recording.recording
        and (not recording.piece or entry.piece != recording.piece)
    ]
    if not others:
        raise ValueError(
            f"one-shot transfer of {clip!r} to {target!r} has no reference: it takes a "
            f"recording of another piece by {target!r} in test, of "
            f"{SHORTEST_SECONDS:g} s or more."
        )
    reference, _ = _two(others, f"reference {clip} {recording.domain} {target}")
    return reference


def _two(entries: Sequence[Any], key: str) -> tuple[Any, Any]:
    digest = hashlib.sha1(key.encode(), usedforsecurity=False).digest()
    first = int.from_bytes(digest[:6]) % len(entries)
    step = 1 + int.from_bytes(digest[6:12]) % max(1, len(entries) - 1)
    return entries[first], entries[(first + step) % len(entries)]


def fit(audio: np.ndarray, samples: int) -> np.ndarray:
    """Cuts audio `[any]` to a length, or repeats it until it has that length."""
    return np.resize(audio, samples).astype(np.float32)
