"""Reads scores from MIDI files or music21's corpus, as arrays of notes."""

import collections
import concurrent.futures
import dataclasses
import multiprocessing
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tf_mt import atomic, names, progress
from tf_mt.data import chunk

MIDI_SUFFIXES = (".mid", ".midi")
SCORE_SUFFIXES = (".mxl", ".xml", ".musicxml", ".krn", ".abc")

# Scores of the corpus are timed in quarter notes; few have a tempo mark.
QUARTER_SECONDS = 0.6

# The resolution that scores are cut in time with.
_CUT_RATE_HZ = 1000

NOTE = np.dtype(
    [
        ("onset", np.float64),  # Seconds from the start.
        ("duration", np.float64),  # Seconds.
        ("pitch", np.int64),  # MIDI note number.
        ("velocity", np.int64),  # 1 to 127.
    ]
)


@dataclasses.dataclass(frozen=True)
class Piece:
    """What one instrument plays: a part of a score, or all parts together.

    Attributes:
        score: The id of the score.
        part: The number of the part in the score, or "all".
        notes: `[notes]` of `NOTE`, by onset.
    """

    score: str
    part: str
    notes: np.ndarray

    @property
    def name(self) -> str:
        """An id, unique among the pieces of all scores."""
        return f"{self.score}/{self.part}"


def pieces(score: str, parts: list[np.ndarray], together: bool) -> list[Piece]:
    """The pieces of a score.

    Args:
        score: The id of the score.
        parts: The notes of each part.
        together: Whether one instrument plays all parts.

    Returns:
        One piece, or one for each part that is not empty and doubles no other.
    """
    parts = [np.sort(part, order=["onset", "pitch"]) for part in parts if len(part)]
    if together and parts:
        parts = [np.sort(np.concatenate(parts), order=["onset", "pitch"])]
    played = set()
    found = []
    for number, part in enumerate(parts):
        heard = (part["onset"].tobytes(), (part["pitch"] % 12).tobytes())
        if heard not in played:
            played.add(heard)
            found.append(Piece(score, "all" if together else str(number), part))
    return found


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
    """The MIDI files below a folder, by score id.

    Args:
        source: The folder.
        limit: The most files, chosen by their names; all if 0.

    Raises:
        FileNotFoundError: If there is none.
    """
    found = {
        path.relative_to(source).with_suffix("").as_posix(): path
        for path in sorted(source.rglob("*"))
        if path.suffix.lower() in MIDI_SUFFIXES
    }
    if not found:
        raise FileNotFoundError(
            f"source={str(source)!r}: no MIDI file there "
            f"(looked for {', '.join(MIDI_SUFFIXES)})."
        )
    return {score: found[score] for score in _chosen(found, limit)}


def read_midi(path: Path) -> list[np.ndarray]:
    """Reads the parts of a MIDI file, drums left out.

    Returns:
        `[notes]` of `NOTE` for each track.

    Raises:
        ValueError: If the file cannot be read as MIDI.
    """
    import symusic

    try:
        score = symusic.Score(path).to("second")
    except Exception as error:  # Its errors have no type of their own.
        raise ValueError(
            f"path={str(path)!r}: cannot be read as MIDI ({error})."
        ) from error
    parts = []
    for track in score.tracks:
        if not track.is_drum:
            columns = track.notes.numpy()
            part = np.empty(len(track.notes), NOTE)
            part["onset"] = columns["time"]
            for column in ("duration", "pitch", "velocity"):
                part[column] = columns[column]
            parts.append(part)
    return parts


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

    kept = cache / f"{composer}-{limit or 'all'}-music21-{music21.__version__}.npz"
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
            )
            for note in part.flatten().stripTies().notes
            for pitch in note.pitches
            if note.quarterLength > 0
        ]
        parts.append(np.array(notes, NOTE))
    return parts
