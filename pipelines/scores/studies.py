"""Studies: short pieces of what chorales have none of, generated from simple rules.

Scales and arpeggios over two octaves, fast runs, dances, leaps between long notes,
repeated notes; and, where several notes may sound at once, double stops and broken
chords under a pedal.
"""

from collections.abc import Callable

import numpy as np

from pipelines.scores import notes

# A study has about so many seconds before the tempo of its performance.
_LENGTH_SECONDS = 20.0
_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
_CHORDS = ((0, 2, 4), (3, 5, 7), (4, 6, 8), (0, 2, 4))
_TONIC = 60
_VELOCITY = 80
# Shares of a beat that rhythms of dances last: a jig, a waltz, a march, a sarabande.
_DANCES = ((2, 1, 2, 1), (2, 1, 1, 2), (3, 1, 2, 2), (2, 3, 1))

# Onset in beats, duration in beats, degree of the scale.
_Line = list[tuple[float, float, int]]


def studies(count: int, seed: int, several_voices: bool) -> dict[str, notes.Score]:
    """Generates studies.

    Args:
        count: How many; the kinds take turns.
        seed: The seed of all of them.
        several_voices: Whether several notes of a study may sound at once.

    Returns:
        The studies, of one part each, by their names.
    """
    kinds = [*_OF_ONE_VOICE, *_OF_SEVERAL] if several_voices else _OF_ONE_VOICE
    found = {}
    for number in range(count):
        kind = kinds[number % len(kinds)]
        random = np.random.Generator(np.random.Philox(key=[seed, number]))
        found[f"study{number:04d}"] = _score(kind, random)
    return found


def _score(
    kind: Callable[[np.random.Generator], _Line], random: np.random.Generator
) -> notes.Score:
    scale = (_MAJOR, _MINOR)[random.integers(2)]
    tonic = _TONIC + int(random.integers(-6, 6))
    beat_seconds = random.uniform(0.35, 0.8)
    # From staccato to legato.
    held = random.uniform(0.4, 1.0)
    line: _Line = []
    beats = _LENGTH_SECONDS / beat_seconds
    while not line or line[-1][0] < beats:
        begin = max((start + length for start, length, _ in line), default=0.0)
        line += [(begin + start, *rest) for start, *rest in kind(random)]
    rows = [
        (
            beat_seconds * start,
            beat_seconds * length * held,
            tonic + 12 * (degree // 7) + scale[degree % 7],
            _VELOCITY,
            0,
        )
        for start, length, degree in line
    ]
    return notes.Score([np.array(sorted(rows), notes.NOTE)])


def _scale(random: np.random.Generator) -> _Line:
    """Up one or two octaves and down again, the last note long."""
    top = 7 * int(random.integers(1, 3))
    step = float(random.choice([0.25, 0.5]))
    degrees = [*range(top + 1), *range(top - 1, -1, -1)]
    return [*_even(degrees[:-1], step), (step * (len(degrees) - 1), 2.0, 0)]


def _run(random: np.random.Generator) -> _Line:
    """Fast groups of neighbouring notes from changing degrees."""
    turn = ((0, 1, 2, 3), (0, 2, 1, 0), (0, -1, 0, 1))[random.integers(3)]
    first = int(random.integers(-3, 8))
    degrees = [first + group + one for group in range(4) for one in turn]
    return [*_even(degrees, 0.25), (4.0, 1.0, first + 4)]


def _arpeggio(random: np.random.Generator) -> _Line:
    """The notes of a chord over two octaves, up and down, or in another order."""
    chord = _CHORDS[random.integers(len(_CHORDS))]
    up = [degree + 7 * octave for octave in (0, 1) for degree in chord]
    degrees = [*up, *up[-2:0:-1]] if random.random() < 0.5 else up + up[::-1]
    return _even(degrees, float(random.choice([0.25, 1 / 3, 0.5])))


def _dance(random: np.random.Generator) -> _Line:
    """Two phrases, each played twice, of a rhythm that repeats."""
    rhythm = _DANCES[random.integers(len(_DANCES))]
    line: _Line = []
    start = 0.0
    for _ in range(2):
        degree = int(random.integers(0, 8))
        phrase = []
        for share in rhythm * 4:
            phrase.append((share / 3, degree))
            degree = int(np.clip(degree + random.integers(-2, 3), -3, 10))
        for length, one in phrase * 2:
            line.append((start, length, one))
            start += length
    return line


def _leaps(random: np.random.Generator) -> _Line:
    """Long notes with leaps of up to more than an octave between them."""
    degrees = random.integers(-5, 11, 6)
    return [(2.0 * place, 2.0, int(one)) for place, one in enumerate(degrees)]


def _repeated(random: np.random.Generator) -> _Line:
    """One note again and again, then the next."""
    first = int(random.integers(0, 6))
    return _even([first + group for group in range(4) for _ in range(6)], 0.25)


def _double_stops(random: np.random.Generator) -> _Line:
    """A melody in thirds or sixths."""
    apart = int(random.choice([2, 5]))
    degrees = np.cumsum(random.integers(-2, 3, 8)) % 8
    return [
        (1.0 * place, 1.0, int(degree) + voice)
        for place, degree in enumerate(degrees)
        for voice in (0, apart)
    ]


def _pedal(random: np.random.Generator) -> _Line:
    """Broken chords whose notes all last to the end of their bar."""
    chord = _CHORDS[random.integers(len(_CHORDS))]
    degrees = [*chord, chord[0] + 7, chord[2], chord[1]]
    return [
        (place / 2, 3.0 - place / 2, degree) for place, degree in enumerate(degrees)
    ]


def _even(degrees: list[int], step: float) -> _Line:
    return [(step * place, step, int(one)) for place, one in enumerate(degrees)]


_OF_ONE_VOICE = (_scale, _run, _arpeggio, _dance, _leaps, _repeated)
_OF_SEVERAL = (_double_stops, _pedal)
