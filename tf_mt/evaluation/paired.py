"""Translations held against their true answers.

A paired test set holds every piece played by every domain, sample-aligned, so that each
translation has one. Copying the source is the baseline: a share below 1 of its distance
means that translating brought the sound nearer to the truth.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tqdm

from tf_mt.audio import files
from tf_mt.evaluation import log_mel, pitch

# Plays a recording [samples] with the timbre of a domain.
Translate = Callable[[np.ndarray, str], np.ndarray]


class Score(NamedTuple):
    """One translation of one piece.

    Attributes:
        piece: What was played.
        source: Domain that it was played by.
        target: Domain that it was translated to; the source for a reconstruction.
        translated_db: Log-mel distance from the translation to the truth.
        copied_db: The same from the source to the truth.
        translated_pitch: Share of the truth's frames whose pitch the translation has.
        copied_pitch: The same for the source.
    """

    piece: str
    source: str
    target: str
    translated_db: float
    copied_db: float
    translated_pitch: float
    copied_pitch: float


def pieces(
    recordings: Iterable, domains: Sequence[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Groups the recordings of a paired split by piece and domain.

    Args:
        recordings: With `piece`, `domain` and `audio`, as `tf_mt.data.recordings` reads
            them.
        domains: Names of two domains or more, each of which plays every piece.

    Returns:
        `{piece: {domain: audio}}`, the domains in their order.

    Raises:
        ValueError: The split is not paired.
    """
    found = {(one.piece, one.domain): one.audio for one in recordings if one.piece}
    names = dict.fromkeys(piece for piece, _ in found)
    if len(domains) < 2 or not found or len(found) < len(names) * len(domains):
        raise ValueError(
            "the split is not paired, so its translations have no true answers; "
            "convert a dataset like `scores`, whose test split is, with two domains or "
            "more."
        )
    return {
        piece: {domain: found[piece, domain] for domain in domains} for piece in names
    }


def some(
    test: dict[str, dict[str, np.ndarray]], count: int
) -> dict[str, dict[str, np.ndarray]]:
    """Picks `count` pieces at equal distances; neighbours may be of one score."""
    chosen = list(test)[:: max(1, len(test) // count)][:count]
    return {piece: test[piece] for piece in chosen}


def evaluate(
    translate: Translate,
    test: dict[str, dict[str, np.ndarray]],
    sample_rate_hz: int,
    folder: Path,
) -> list[Score]:
    """Translates each piece from every domain to every domain, and keeps the sound.

    Args:
        translate: What is judged.
        test: As `pieces` groups them.
        sample_rate_hz: The rate of all recordings.
        folder: Receives `<piece>/<source>.wav` and `<piece>/<source>_to_<target>.wav`.

    Returns:
        A score for each piece and ordered pair of domains, reconstructions included.
    """
    scores = []
    total = sum(len(played) ** 2 for played in test.values())
    with tqdm.tqdm(total=total, desc="translations", unit="clip") as bar:
        for piece, played in test.items():
            for source, audio in played.items():
                files.write(folder / piece / f"{source}.wav", audio, sample_rate_hz)
                for target, truth in played.items():
                    translated = translate(audio, target)
                    name = f"{source}_to_{target}.wav"
                    files.write(folder / piece / name, translated, sample_rate_hz)
                    scores.append(
                        Score(
                            piece,
                            source,
                            target,
                            log_mel.distance(truth, translated, sample_rate_hz),
                            log_mel.distance(truth, audio, sample_rate_hz),
                            pitch.accuracy(truth, translated, sample_rate_hz),
                            pitch.accuracy(truth, audio, sample_rate_hz),
                        )
                    )
                    bar.update()
    return scores


class Table(NamedTuple):
    """Means over the pieces.

    Attributes:
        domains: In the order of rows and columns.
        translated_db: `[source, target]`; reconstructions on the diagonal.
        copied_db: `[source, target]`; zero on the diagonal.
        translated_pitch: `[source, target]`, in [0, 1].
        copied_pitch: `[source, target]`; one on the diagonal.
        pieces: How many the means are over.
    """

    domains: tuple[str, ...]
    translated_db: np.ndarray
    copied_db: np.ndarray
    translated_pitch: np.ndarray
    copied_pitch: np.ndarray
    pieces: int

    def shares(self) -> np.ndarray:
        """Each distance as a share of what copying scores, `[source, target]`.

        A reconstruction is held against what copying its source to the other domains
        scores on average.
        """
        others = self.copied_db.sum(axis=1) / (len(self.domains) - 1)
        return self.translated_db / (self.copied_db + np.diag(others))

    def translation_share(self) -> float:
        """The mean share over pairs of different domains; below 1 beats copying."""
        pairs = ~np.eye(len(self.domains), dtype=bool)
        return float(self.shares()[pairs].mean())

    def reconstruction_share(self) -> float:
        """The mean share over reconstructions."""
        return float(np.diag(self.shares()).mean())

    def markdown(self) -> str:
        """The table as Markdown, a row for each source."""
        lines = [
            f"Log-mel distance to the truth as a share of what copying the source "
            f"scores; n = {self.pieces} held-out pieces; below 1 beats copying; "
            f"reconstructions in brackets.",
            "",
            "| from \\ to | " + " | ".join(self.domains) + " |",
            "|---" * (len(self.domains) + 1) + "|",
        ]
        for row, (source, shares) in enumerate(
            zip(self.domains, self.shares(), strict=True)
        ):
            cells = [
                f"({share:.2f})" if row == column else f"{share:.2f}"
                for column, share in enumerate(shares)
            ]
            lines.append(f"| {source} | " + " | ".join(cells) + " |")
        pairs = ~np.eye(len(self.domains), dtype=bool)
        lines += [
            "",
            f"Translation: {self.translation_share():.3f} of copying "
            f"({self.translated_db[pairs].mean():.1f} dB against "
            f"{self.copied_db[pairs].mean():.1f} dB). "
            f"Reconstruction: {self.reconstruction_share():.3f} "
            f"({np.diag(self.translated_db).mean():.1f} dB).",
            "",
            f"Frames with the pitch of the truth, within 50 cents: translation "
            f"{self.translated_pitch[pairs].mean():.2f}, copying "
            f"{self.copied_pitch[pairs].mean():.2f}.",
        ]
        return "\n".join(lines) + "\n"


def tabulate(scores: list[Score]) -> Table:
    """Averages scores over the pieces of each pair of domains."""
    domains = tuple(dict.fromkeys(score.source for score in scores))
    counts = np.zeros((len(domains), len(domains)))
    for score in scores:
        counts[domains.index(score.source), domains.index(score.target)] += 1

    def mean(name: str) -> np.ndarray:
        total = np.zeros_like(counts)
        for score in scores:
            cell = domains.index(score.source), domains.index(score.target)
            total[cell] += getattr(score, name)
        return total / counts

    return Table(
        domains,
        mean("translated_db"),
        mean("copied_db"),
        mean("translated_pitch"),
        mean("copied_pitch"),
        len({score.piece for score in scores}),
    )
