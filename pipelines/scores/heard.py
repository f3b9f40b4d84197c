"""Heard-only instruments: they play training pieces too, as sources of pairs only."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from pipelines.scores import instruments, performance
from tf_mt import names
from tf_mt.data import chunk

ALL = ("all",)

# So many of them play a piece, whatever their number. Of one piece two sources are as
# good as ninety: what an encoder has to learn are instruments, and over all pieces
# each of them has its turn.
PLAYING = 2


def chosen(
    given: Sequence[str],
    domains: Sequence[str],
    known: Sequence[str],
    plays: Callable[[str], bool],
) -> list[str]:
    """The instruments that are to be heard only.

    Args:
        given: Their names, or `ALL`: all that the players have and whose pitch is
            clear, except the domains.
        domains: The domains, which models translate to.
        known: All instruments of the players.
        plays: Whether the players have one of those, for `ALL`.

    Raises:
        ValueError: If one is not known, or is a domain.
    """
    if tuple(given) == ALL:
        others = set(domains) | set(instruments.UNCLEAR)
        return [name for name in known if name not in others and plays(name)]
    for name in given:
        if name not in known:
            raise ValueError(names.unknown("heard_domains", name, known))
        if name in domains:
            raise ValueError(
                f"heard_domains={name!r} must not be one of the domains, which are "
                "heard as well; name others."
            )
    return list(dict.fromkeys(given))


def recordings(
    paired: Sequence[chunk.Source], ranges: Mapping[str, instruments.Range], seed: int
) -> list[chunk.Source]:
    """What heard-only instruments play of the pieces that the domains play.

    Each piece is played by `PLAYING` of those that have its pitches: by the ones with
    the least music so far, and the seed decides between equals. They play it as the
    domains do, to the sample.

    Args:
        paired: The recordings of the domains.
        ranges: The range of each heard-only instrument.
        seed: The seed of the dataset.

    Returns:
        The recordings, those of an instrument one after the other.
    """
    seconds = dict.fromkeys(ranges, 0.0)
    found = []
    for piece, one in {r.piece: r for r in paired}.items():
        played = one.origin
        order = {
            name: (seconds[name], chunk.hashed(f"heard {seed} {piece} {name}"))
            for name, playable in ranges.items()
            if playable.holds(played.notes["pitch"])
        }
        for name in sorted(order, key=order.__getitem__)[:PLAYING]:
            seconds[name] += performance.seconds(played)
            found.append(
                dataclasses.replace(
                    one,
                    domain=name,
                    recording=f"{piece}/{name}",
                    origin=dataclasses.replace(played, domain=name),
                )
            )
    return sorted(found, key=lambda recording: recording.domain)
