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
        recording: The entry of the clip among the sources.
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
    sources: Sequence[Any],
    test: Sequence[Any],
    train: Sequence[Any],
    domains: Sequence[str],
    clips: int,
    shortest_samples: int,
    transfer: bool,
) -> list[Case]:
    """Chooses clips spread over a test set, each to be translated to all other domains.

    Args:
        sources: Entries of what is translated: with `domain`, `recording`, `piece` and
            `samples`, in the order of their ids. They are those of `test`, or of
            another dataset; the truth of the pieces that both have is known.
        test: The same of the test split that the truth is taken from.
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
    sources, test = (
        [e for e in split if e.samples >= shortest_samples and e.domain in domains]
        for split in (sources, test)
    )
    styles = {
        domain: [e for e in train if e.domain == domain and e.samples > 0]
        for domain in domains
    }
    if len(domains) < 2 or not sources or not all(styles.values()):
        raise ValueError(
            "there is nothing to score: it takes two domains or more, recordings of "
            f"{SHORTEST_SECONDS:g} s or more in test, and some of every domain in "
            "train."
        )
    truths = _pieces(test, domains)
    pieces = {p: e for p, e in _pieces(sources, domains).items() if p in truths}
    asked = _paired(pieces, clips) if pieces else _unpaired(sources, domains, clips)
    return [
        Case(
            clip,
            recording.domain,
            target,
            recording,
            truths[clip][target] if pieces else None,
            *_two(styles[target], f"{clip} {recording.domain} {target}"),
            _reference(test, clip, recording, target) if transfer else None,
        )
        for clip, recording in asked
        for target in domains
        if target != recording.domain
    ]


def _pieces(
    entries: Sequence[Any], domains: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The pieces that there are in every domain: entries by piece and domain."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry.piece:
            found.setdefault(entry.piece, {})[entry.domain] = entry
    return {
        p: of_piece for p, of_piece in found.items() if len(of_piece) == len(domains)
    }


def _paired(pieces: dict[str, dict[str, Any]], clips: int) -> Iterator[tuple[str, Any]]:
    for piece in spread(list(pieces), clips):
        for entry in pieces[piece].values():
            yield piece, entry


def _unpaired(
    entries: Sequence[Any], domains: Sequence[str], clips: int
) -> Iterator[tuple[str, Any]]:
    for domain in domains:
        for entry in spread([e for e in entries if e.domain == domain], clips):
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
