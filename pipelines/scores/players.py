"""Who plays a recording: one of the players that were given, and its renderer."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence

from pipelines.scores import instruments, performance, tones
from tf_mt.data import chunk

# Renderers of heard-only instruments that are in memory at once, each with up to some
# 20 MB of tones. There are many such instruments, and each plays little.
_KEPT = 8


class Players:
    """The players of a dataset, each with all of its instruments.

    Args:
        players: Their tones.
        ranges: The range of each domain.
        heard: What each heard-only instrument plays in.
        sample_rate_hz: The rate of the recordings.

    Raises:
        ValueError: If a domain is not there or silent.
    """

    def __init__(
        self,
        players: Sequence[tones.Tones],
        ranges: Mapping[str, instruments.Range],
        heard: Mapping[str, instruments.Range],
        sample_rate_hz: int,
    ):
        self._players = players
        self._heard = heard
        self._sample_rate_hz = sample_rate_hz
        self._renderers = [
            tones.Renderer(player, ranges, sample_rate_hz) for player in players
        ]

    def drawn(self, recording: chunk.Source, seed: int) -> chunk.Source:
        """Draws the player of a recording by its name."""
        place = chunk.hashed(f"player {seed} {recording.recording}")
        player = int(place * len(self._players))
        played = dataclasses.replace(recording.origin, player=player)
        return dataclasses.replace(recording, origin=played)

    def renderer(self, played: performance.Performance) -> tones.Renderer:
        """What renders a performance.

        Raises:
            ValueError: If a heard-only instrument is silent.
        """
        playable = self._heard.get(played.domain)
        if playable is None:
            return self._renderers[played.player]
        player = self._players[played.player]
        return _of_heard(player, played.domain, playable, self._sample_rate_hz)


@functools.lru_cache(_KEPT)
def _of_heard(
    player: tones.Tones, domain: str, playable: instruments.Range, sample_rate_hz: int
) -> tones.Renderer:
    return tones.Renderer(player.anew(), {domain: playable}, sample_rate_hz)
