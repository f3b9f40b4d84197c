"""Scores as arrays of notes: their pieces, and where they are found."""

import collections
import concurrent.futures
import dataclasses
import multiprocessing
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tf_mt import atomic, names, progress
from tf_mt.data import chunk

MIDI_SUFFIXES = (".mid", ".midi", ".smf", ".kar", ".rmi")
SCORE_SUFFIXES = (".mxl", ".xml", ".musicxml", ".krn", ".abc")

# Each part of a score is a piece; all parts are one together; or both.
VOICES = ("separate", "together", "both")

# Scores of the corpus are timed in quarter notes; few have a tempo mark.
QUARTER_SECONDS = 0.6

# Longer rests, in which no note sounds, are cut to this.
LONGEST_REST_SECONDS = 4.0

# The resolution that scores are cut in time with.
_CUT_RATE_HZ = 1000

NOTE = np.dtype(
    [
        ("onset", np.float64),  # Seconds from the start.
        ("duration", np.float64),  # Seconds.
        ("pitch", np.int64),  # MIDI note number.
        ("velocity", np.int64),  # 1 to 127.
        ("bend", np.int64),  # The number of the note's bend, from 1; 0 if it has none.
    ]
)


@dataclasses.dataclass(frozen=True)
class Score:
    """A score.

    Attributes:
        parts: `[notes]` of `NOTE` of each part.
        bends: The bends that notes of all parts may have: `[changes, 2]`, the seconds
            after the onset from which it holds, the first 0, and semitones.
    """

    parts: list[np.ndarray]
    bends: tuple[np.ndarray, ...] = ()


@dataclasses.dataclass(frozen=True)
class Piece:
    """What one instrument plays: a part of a score, or all parts together.

    Attributes:
        score: The id of the score.
        part: The number of the part in the score, or "all".
        notes: `[notes]` of `NOTE`, by onset.
        bends: The bends that its notes may have; see `Score`.
    """

    score: str
    part: str
    notes: np.ndarray
    bends: tuple[np.ndarray, ...] = ()

    @property
    def name(self) -> str:
        """An id, unique among the pieces of all scores."""
        return f"{self.score}/{self.part}"


def pieces(name: str, score: Score, voices: str) -> list[Piece]:
    """The pieces of a score; their long rests are cut.

    Args:
        name: The id of the score.
        score: The score.
        voices: One of `VOICES`.

    Returns:
        A piece for each part that is not empty and doubles no other, one of all parts
        together, or, where there are several, both.
    """
    order = ["onset", "pitch"]
    parts = {
        str(number): np.sort(part, order=order)
        for number, part in enumerate(part for part in score.parts if len(part))
    }
    if voices != "separate" and parts:
        every = np.sort(np.concatenate(list(parts.values())), order=order)
        parts = {"all": every} if voices == "together" else parts | {"all": every}
    known = set()
    found = []
    for part_name, part in parts.items():
        melody = (part["onset"].tobytes(), (part["pitch"] % 12).tobytes())
        if melody not in known:
            known.add(melody)
            (part,) = without_rests([part])
            # Of the score's bends, its own; 0 is there to stay the first.
            used, bend = np.unique(np.append(part["bend"], 0), return_inverse=True)
            part["bend"] = bend[:-1]
            bends = tuple(score.bends[number - 1] for number in used[1:])
            found.append(Piece(name, part_name, part, bends))
    return found


def without_rests(parts: list[np.ndarray]) -> list[np.ndarray]:
    """The notes of a score, earlier by what its long rests are too long.

    Args:
        parts: `[notes]` of `NOTE` of each part; a rest is one of all of them.
    """
    if not any(map(len, parts)):
        return parts
    every = np.sort(np.concatenate(parts), order="onset")
    ends = np.maximum.accumulate(every["onset"] + every["duration"])
    rests = every["onset"] - np.concatenate([[0.0], ends[:-1]])
    earlier = np.cumsum(np.maximum(rests - LONGEST_REST_SECONDS, 0.0))
    moved = [part.copy() for part in parts]
    for part in moved:
        part["onset"] -= earlier[np.searchsorted(every["onset"], part["onset"])]
    return moved


def seconds(parts: list[np.ndarray]) -> float:
    """When the last note of a score ends; 0 if there is none."""
    ends = [np.max(part["onset"] + part["duration"]) for part in parts if len(part)]
    return float(max(ends, default=0.0))


def cut(parts: list[np.ndarray], part_name: str) -> list[np.ndarray]:
    """The notes that begin in one part of the time of a score; held at most to its end.

    Args:
        parts: The notes of each part of the score.
        part_name: Which part of the time, as `chunk.part_bounds` names it.

    Returns:
        `[notes]` of `NOTE` for each part of the score.
    """
    whole = round(seconds(parts) * _CUT_RATE_HZ)
    bounds = chunk.part_bounds(part_name, whole, _CUT_RATE_HZ)
    start, end = (bound / _CUT_RATE_HZ for bound in bounds)
    found = []
    for part in parts:
        inside = part[(part["onset"] >= start) & (part["onset"] < end)]
        inside["duration"] = np.minimum(inside["duration"], end - inside["onset"])
        found.append(inside)
    return found


def midi_files(source: Path, limit: int) -> dict[str, Path]:
    """The MIDI files below a folder, by score id: their names without suffix.

    Where several would have the same id, it is the whole name. What systems leave
    beside files, such as `._a.mid`, is passed over.

    Args:
        source: The folder.
        limit: The most files, chosen by their names; all if 0.

    Raises:
        FileNotFoundError: If there is none.
    """
    paths = [
        path
        for path in sorted(source.rglob("*"))
        if path.suffix.lower() in MIDI_SUFFIXES
        and not path.name.startswith("._")
        and "__MACOSX" not in path.parts
        and not path.is_dir()
    ]
    if not paths:
        raise FileNotFoundError(
            f"source={str(source)!r}: no MIDI file there "
            f"(looked for {', '.join(MIDI_SUFFIXES)})."
        )
    whole = {path.relative_to(source).as_posix(): path for path in paths}
    stem = {name: Path(name).with_suffix("").as_posix() for name in whole}
    counts = collections.Counter([*stem.values(), *whole])
    found = {
        name if counts[stem[name]] > 1 else stem[name]: path
        for name, path in whole.items()
    }
    return {score: found[score] for score in _chosen(found, limit)}


def read_corpus(composer: str, limit: int, cache: Path) -> dict[str, list[np.ndarray]]:
    """Reads the scores of a composer in music21's corpus.

    Parsing takes a tenth of a second a score, so the notes are kept.

    Args:
        composer: A composer, as the corpus names its folders.
        limit: The most scores to read, chosen by their names; all if 0.
        cache: The folder that the notes are kept in.

    Returns:
        The parts of each score, `[notes]` of `NOTE`, by score id.

    Raises:
        ValueError: If the corpus has no such composer.
    """
    import music21

    kept = cache / f"{composer}-{limit or 'all'}-music21-{music21.__version__}-2.npz"
    if not kept.exists():
        parsed = _parse_all(composer, limit)
        arrays = {
            f"{score}|{number}": part
            for score, parts in parsed.items()
            for number, part in enumerate(parts)
        }
        with atomic.path(kept) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
    scores = collections.defaultdict(list)
    with np.load(kept) as arrays:
        for key in arrays:
            scores[key.split("|")[0]].append(arrays[key])
    return dict(scores)


def _parse_all(composer: str, limit: int) -> dict[str, list[np.ndarray]]:
    import music21

    root = music21.common.getCorpusFilePath()
    paths = {
        path.relative_to(root).with_suffix("").as_posix(): path
        for path in music21.corpus.getComposer(composer)
        if path.suffix in SCORE_SUFFIXES
    }
    if not paths:
        known = {path.relative_to(root).parts[0] for path in music21.corpus.getPaths()}
        raise ValueError(names.unknown("corpus", composer, known))
    scores = _chosen(paths, limit)
    # Spawned, not forked: TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(mp_context=context) as executor:
        parsed = progress.bar(
            executor.map(_parse, [paths[score] for score in scores], chunksize=4),
            total=len(scores),
            desc=f"reading {composer}",
            unit="score",
        )
        return dict(zip(scores, parsed, strict=True))


def _chosen(scores: Iterable[str], limit: int) -> list[str]:
    """The scores that a limit leaves, sorted."""
    # Another hash than the one that splits them, or all would be of one split.
    ordered = sorted(scores, key=lambda score: chunk.hashed(f"chosen {score}"))
    return sorted(ordered[: limit or None])


def _parse(path: Path) -> list[np.ndarray]:
    """Parses one score of the corpus."""
    import music21

    parsed = music21.converter.parse(path)
    parts = []
    for part in parsed.recurse().getElementsByClass("Part"):
        notes = [
            (
                QUARTER_SECONDS * float(note.offset),
                QUARTER_SECONDS * float(note.quarterLength),
                pitch.midi,
                80,
                0,
            )
            for note in part.flatten().stripTies().notes
            for pitch in note.pitches
            if note.quarterLength > 0
        ]
        parts.append(np.array(notes, NOTE))
    return parts
