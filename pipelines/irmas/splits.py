"""Splits IRMAS: all excerpts of a recording go to the same split."""

import collections
import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from pipelines.irmas import excerpts
from tf_mt.data import chunk

# The CycleGAN paper's excerpts of each instrument.
PAPER_EXCERPTS = {"train": 600, "validation": 50, "test": math.inf}

# The recordings of an instrument that each split leaves for the splits after it.
_KEPT_BACK = {"train": 2, "validation": 1, "test": 0}

# Recordings that were published under a second number as well: the files of the two
# are equal byte for byte.
SAME_RECORDING = {
    **{757: 672, 758: 673, 759: 674, 760: 675, 761: 676, 762: 708, 763: 709},
    **{765: 711, 766: 712, 767: 713, 768: 714, 769: 715, 770: 716, 771: 717},
    **{772: 718, 773: 719, 774: 670, 858: 856, 2312: 2311},
}

Splits = Mapping[str, Sequence[excerpts.Excerpt]]


def by_shares(found: Iterable[excerpts.Excerpt]) -> Splits:
    """Splits the recordings of all instruments by `chunk.split_domain`.

    Then recordings move so that every instrument has some in each split, if it has as
    many recordings as there are splits, and in train at least.

    Args:
        found: Excerpts of one instrument each, with the numbers of their recordings.

    Returns:
        The excerpts of each split.
    """
    recordings = _recordings(found)
    instruments = {name: _instruments(recordings[name]) for name in recordings}
    split_of = chunk.split_domain(list(recordings))
    for instrument in sorted(set().union(*instruments.values())):
        _fill(instrument, instruments, split_of)
    splits = {split: [] for split in chunk.SPLITS}
    for recording, split in split_of.items():
        splits[split] += recordings[recording]
    return splits


def _fill(
    instrument: str,
    instruments: Mapping[str, Collection[str]],
    split_of: dict[str, str],
) -> None:
    """Moves recordings to splits that an instrument has nothing in, if any can.

    Args:
        instrument: Which instrument.
        instruments: Those of each recording.
        split_of: The split of each recording, by their hashes; changed in place.
    """
    own = [name for name in split_of if instrument in instruments[name]]
    for wanted in chunk.SPLITS if len(own) >= len(chunk.SPLITS) else ("train",):
        counts = collections.Counter(
            (played, split_of[name])
            for name in split_of
            for played in instruments[name]
        )
        if counts[instrument, wanted]:
            continue
        movable = [
            name
            for name in own
            if all(
                counts[played, split_of[name]] > 1
                for played in instruments[name]
                if played != instrument or wanted != "train"
            )
        ]
        if movable:
            # From where the instrument has the most.
            mover = max(movable, key=lambda name: counts[instrument, split_of[name]])
            split_of[mover] = wanted


def by_paper(found: Iterable[excerpts.Excerpt]) -> Splits:
    """Splits as many excerpts of each instrument as the CycleGAN paper has.

    Recordings are taken in the order of their hashes, first for training, then for
    validation, and the rest for test. What the last recording of a split has more than
    is wanted is left out. Where there are too few for the paper, the last two
    recordings of each instrument are still for validation and test.

    Args:
        found: As for `by_shares`.

    Returns:
        The excerpts of each split.
    """
    recordings = _recordings(found)
    splits = {split: [] for split in PAPER_EXCERPTS}
    taken = {split: collections.Counter() for split in PAPER_EXCERPTS}
    left = sum(map(_instruments, recordings.values()), collections.Counter())
    for recording in sorted(recordings, key=chunk.hashed):
        played = _instruments(recordings[recording])
        left -= played
        # A recording of two instruments goes where either of them wants it.
        split = next(
            split
            for split, wanted in PAPER_EXCERPTS.items()
            if any(
                taken[split][instrument] < wanted
                and left[instrument] >= _KEPT_BACK[split]
                for instrument in played
            )
        )
        for excerpt in recordings[recording]:
            (instrument,) = excerpt.instruments
            if taken[split][instrument] < PAPER_EXCERPTS[split]:
                taken[split][instrument] += 1
                splits[split].append(excerpt)
    return splits


def _instruments(recording: Iterable[excerpts.Excerpt]) -> collections.Counter[str]:
    """Each instrument of the excerpts of a recording, once."""
    return collections.Counter({name for e in recording for name in e.instruments})


def _recordings(
    found: Iterable[excerpts.Excerpt],
) -> dict[str, list[excerpts.Excerpt]]:
    """The excerpts of each recording, whatever their instruments."""
    recordings = collections.defaultdict(list)
    for excerpt in found:
        number = excerpt.recording_number
        recordings[f"{SAME_RECORDING.get(number, number):04d}"].append(excerpt)
    return recordings
