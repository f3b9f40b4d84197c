"""Splits the recordings of a domain into train, validation and test."""

import dataclasses
from collections.abc import Callable, Sequence

from tf_mt.data import chunk


@dataclasses.dataclass(frozen=True)
class Division:
    """The recordings of a domain in each split.

    Attributes:
        recordings: `(split, recording)` of each; where recordings were cut in time,
            each part is a recording of its own.
        remark: A sentence for the user on what was not split by recording; empty if
            all was.
        missing: The splits that the domain has nothing in.
    """

    recordings: Sequence[tuple[str, chunk.Source]]
    remark: str
    missing: Sequence[str]


def divide(
    domain: str,
    recordings: Sequence[chunk.Source],
    seconds: Callable[[chunk.Source], float],
    kind: str = "recording",
) -> Division:
    """Splits the recordings of one domain, so that every split has some of it.

    By recording where there is one for each split. Fewer are cut in time as
    `chunk.part_bounds` says, and their ids get `@` and the name of the split; those
    that are too short to be cut are for training.

    Args:
        domain: The name of the domain.
        recordings: All of its recordings.
        seconds: The length of a recording; asked only of those that might be cut.
        kind: What the user calls a recording.
    """
    by_id = {recording.recording: recording for recording in recordings}
    if len(by_id) >= len(chunk.SPLITS):
        split = chunk.split_domain(list(by_id))
        return Division([(split[name], by_id[name]) for name in split], "", ())
    cut = [r for r in recordings if seconds(r) >= chunk.SHORTEST_CUT_SECONDS]
    whole = [recording for recording in recordings if recording not in cut]
    divided = [("train", recording) for recording in whole]
    divided += [(s, _part(recording, s)) for recording in cut for s in chunk.SPLITS]
    missing = [s for s in chunk.SPLITS if s not in {split for split, _ in divided}]
    return Division(
        divided, _remark(domain, len(cut), len(whole), missing, kind), missing
    )


def _part(recording: chunk.Source, split: str) -> chunk.Source:
    return dataclasses.replace(
        recording, recording=f"{recording.recording}@{split}", part=split
    )


def _remark(
    domain: str, cut: int, whole: int, missing: Sequence[str], kind: str
) -> str:
    if not cut and not whole:
        return f"{domain}: no {kind}s."
    said = []
    if cut:
        *first, last = chunk.SPLITS
        said.append(
            f"{_count(cut, kind)}, cut in time into {', '.join(first)} and {last} "
            f"with gaps of {chunk.GAP_SECONDS:g} s"
        )
    if whole:
        said.append(
            f"{_count(whole, kind)} of less than {chunk.SHORTEST_CUT_SECONDS:g} s, too "
            "short to be cut and all in train"
        )
    if missing:
        said.append(
            f"none is left for {' and '.join(missing)}; bring longer {kind}s, or "
            f"{len(chunk.SPLITS)} of them"
        )
    return f"{domain}: {'; '.join(said)}."


def _count(number: int, kind: str) -> str:
    return f"{number} {kind}{'s' if number > 1 else ''}"
