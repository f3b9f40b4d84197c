"""Makes performances of pieces: draws transposition, tempo, dynamics, articulation."""

import dataclasses
import hashlib

import numpy as np

from pipelines.scores import instruments, notes

# Up to so many semitones from the octave that fits the instrument.
TRANSPOSITION_SEMITONES = 2
TEMPO_RANGE = (0.8, 1.25)
VELOCITY_RANGE = (60, 105)
SWELL_VELOCITY = 12
SWELL_SECONDS = (4.0, 12.0)
ARTICULATION_RANGE = (0.85, 1.0)


@dataclasses.dataclass(frozen=True)
class Performance:
    """What a renderer plays: notes as they are to sound.

    Attributes:
        domain: The instrument.
        notes: `[notes]` of `NOTE`, by onset, the first at zero.
        bends: The bends that its notes may have; see `notes.Score`.
        player: The number of what it is played with, where there are several.
    """

    domain: str
    notes: np.ndarray
    bends: tuple[np.ndarray, ...] = ()
    player: int = 0


def fits(piece: notes.Piece, playable: instruments.Range) -> bool:
    """Whether some transposition brings all notes into a range."""
    pitches = piece.notes["pitch"]
    return int(np.ptp(pitches)) <= playable.high - playable.low


def seconds(piece: notes.Piece | Performance) -> float:
    """The length of a piece at its own tempo, or of a performance."""
    return float(np.max(piece.notes["onset"] + piece.notes["duration"]))


def perform(
    piece: notes.Piece, playable: instruments.Range, seed: int, *key: object
) -> notes.Piece:
    """Performs a piece.

    It stays in its octave if the range allows, and moves by the fewest octaves
    otherwise; then by a few semitones. Tempo, loudness and articulation are drawn for
    the whole, and the loudness swells.

    Args:
        piece: What is played; it must fit the range.
        playable: The lowest and the highest pitch.
        seed: The seed of the dataset.
        *key: What tells this performance from others of the same piece.

    Returns:
        The piece as it is played.
    """
    random = _random(seed, piece.name, *key)
    played = piece.notes.copy()
    played["pitch"] += _transposition(played["pitch"], playable, random)
    tempo = np.exp(random.uniform(*np.log(TEMPO_RANGE)))
    played["onset"] = (played["onset"] - played["onset"][0]) / tempo
    played["duration"] *= random.uniform(*ARTICULATION_RANGE) / tempo
    swell = np.sin(
        2 * np.pi * played["onset"] / random.uniform(*SWELL_SECONDS)
        + random.uniform(0, 2 * np.pi)
    )
    velocity = random.uniform(*VELOCITY_RANGE) + SWELL_VELOCITY * swell
    velocity += random.normal(0, 3, len(played))
    played["velocity"] = np.clip(np.rint(velocity), 1, 127)
    bends = tuple(bend / (tempo, 1) for bend in piece.bends)
    return dataclasses.replace(piece, notes=played, bends=bends)


def _transposition(
    pitches: np.ndarray, playable: instruments.Range, random: np.random.Generator
) -> int:
    lowest = playable.low - int(np.min(pitches))
    highest = playable.high - int(np.max(pitches))
    down = 12 * (highest // 12) if highest < 0 else 0
    up = 12 * -(-lowest // 12) if lowest > 0 else 0
    few = random.integers(-TRANSPOSITION_SEMITONES, TRANSPOSITION_SEMITONES + 1)
    return int(np.clip(down + up + few, lowest, highest))


def _random(seed: int, *key: object) -> np.random.Generator:
    name = "/".join(map(str, (seed, *key)))
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16])))
