"""What a scorecard asks: clips to be translated, with their true answers if known."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

SHORTEST_SECONDS = 1.0


class Case(NamedTuple):
    """One clip that is to be translated to one domain.

    Attributes:
        clip: The id of the clip: its piece, or its recording.
        source: The domain that plays it.
        target: The domain that it is to be translated to.
        recording: The entry of the clip in its split.
        answer: The entry of the same music played by the target, if there is one.
        style: The entry of some recording of the target, from the training split.
        chance: The entry of another one, picked as blindly.
    """

    clip: str
    source: str
    target: str
    recording: Any
    answer: Any | None
    style: Any
    chance: Any

    @property
    def name(self) -> str:
        """Tells the case from all others; fit for a path."""
        safe = "".join(c if c.isalnum() or c in "-._" else "_" for c in self.clip)
        mark = hashlib.sha1(self.clip.encode(), usedforsecurity=False).hexdigest()[:6]
        return f"{safe[:60]}-{mark}/{self.source}_to_{self.target}"


def choose(
    test: Sequence[Any],
    train: Sequence[Any],
    domains: Sequence[str],
    clips: int,
    shortest_samples: int,
) -> list[Case]:
    """Chooses clips from all over a test set, and asks for each in all other domains.

    Args:
        test: Entries of the test split: with `domain`, `recording`, `piece` and
            `samples`, in the order of their ids.
        train: The same of the training split.
        domains: The domains to translate between.
        clips: The most pieces of a paired test set, or the most recordings of each
            domain of one that is not paired; all if 0.
        shortest_samples: Shorter recordings are passed over.

    Returns:
        The cases, all of a clip together.

    Raises:
        ValueError: If there is nothing to ask.
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
    played = _pieces(test, domains)
    asked = _paired(played, clips) if played else _unpaired(test, domains, clips)
    return [
        Case(
            clip,
            recording.domain,
            target,
            recording,
            played[clip][target] if played else None,
            *_two(styles[target], f"{clip} {recording.domain} {target}"),
        )
        for clip, recording in asked
        for target in domains
        if target != recording.domain
    ]


def _pieces(test: Sequence[Any], domains: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The pieces that every domain plays."""
    found: dict[str, dict[str, Any]] = {}
    for entry in test:
        if entry.piece:
            found.setdefault(entry.piece, {})[entry.domain] = entry
    return {p: played for p, played in found.items() if len(played) == len(domains)}


def _paired(played: dict[str, dict[str, Any]], clips: int) -> Iterator[tuple[str, Any]]:
    for piece in spread(list(played), clips):
        for entry in played[piece].values():
            yield piece, entry


def _unpaired(
    test: Sequence[Any], domains: Sequence[str], clips: int
) -> Iterator[tuple[str, Any]]:
    for domain in domains:
        for entry in spread([e for e in test if e.domain == domain], clips):
            yield entry.recording, entry


def spread(found: list, count: int) -> list:
    """Takes so many at equal distances, for neighbours may be of one score.

    Args:
        found: What there is.
        count: How many of it; all if 0, or if there are fewer.
    """
    count = min(count or len(found), len(found))
    return [found[i * len(found) // count] for i in range(count)]


def _two(entries: Sequence[Any], key: str) -> tuple[Any, Any]:
    digest = hashlib.sha1(key.encode(), usedforsecurity=False).digest()
    first = int.from_bytes(digest[:6]) % len(entries)
    step = 1 + int.from_bytes(digest[6:12]) % max(1, len(entries) - 1)
    return entries[first], entries[(first + step) % len(entries)]


def fit(audio: np.ndarray, samples: int) -> np.ndarray:
    """Cuts a sound to a length, or repeats it until it has that length."""
    return np.resize(audio, samples).astype(np.float32)
