"""What is heard in place of paired clips: the same music by other instruments."""

import collections
from collections.abc import Sequence

import numpy as np

from tf_mt.data import index


class Heard:
    """The chunks of heard-only instruments that run in parallel to paired ones.

    Args:
        rows: Paired chunks: each row is the same music at the same time.
        records: All chunks of heard-only instruments.

    Attributes:
        total: How many of them are of a row's music.
    """

    def __init__(
        self, rows: Sequence[Sequence[index.Record]], records: Sequence[index.Record]
    ):
        of_music = collections.defaultdict(list)
        for record in records:
            of_music[index.music(record)].append((record.shard, record.byte))
        found = [of_music.get(index.music(row[0]), []) for row in rows]
        self._counts = np.array([len(chunks) for chunks in found], np.int64)
        self._begins = np.cumsum(self._counts) - self._counts
        chunks = [chunk for of_row in found for chunk in of_row]
        self._chunks = np.array(chunks, np.int64).reshape(-1, 2)
        self.total = len(self._chunks)

    def instead(
        self,
        crops: np.ndarray,
        rows: np.ndarray,
        start_bytes: np.ndarray,
        share: float,
        random: np.random.Generator,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Replaces some crops of paired clips by what heard-only instruments play then.

        Args:
            crops: int64 `[n, domains, 2]`, file and first byte of each clip.
            rows: The row that each slot is of, int64 `[n]`.
            start_bytes: Where a slot's clips begin in their chunks, int64 `[n]`.
            share: The probability that a clip is replaced, if its row has others, each
                of which is as likely.
            random: Where draws come from.

        Returns:
            The crops, as they came in, and which are replaced, bool `[n, domains]`.
        """
        clips = crops.shape[:-1]
        counts = self._counts[rows][:, np.newaxis]
        replaced = (random.random(clips) < share) & (counts > 0)
        drawn = np.floor(random.random(clips) * counts).astype(np.int64)
        chosen = (self._begins[rows][:, np.newaxis] + drawn)[replaced]
        crops = crops.copy()
        crops[replaced] = self._chunks[chosen]
        crops[..., 1] += np.where(replaced, start_bytes[:, np.newaxis], 0)
        return crops, replaced
