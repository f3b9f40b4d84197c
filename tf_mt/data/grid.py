"""A fixed grid of clips over a split, and the order in which training takes them."""

from collections.abc import Sequence

import numpy as np

from tf_mt.data import index, permutation


class Grid:
    """All clips that lie end to end in the stored chunks of a split.

    The first begins where its chunk does; what is left at the end of a chunk is shorter
    than a clip and in none. Clips are numbered by recording and by time, so their
    numbers do not depend on how the chunks are divided into files.

    Args:
        records: The chunks.
        clip_samples: The length of a clip.

    Attributes:
        clips: The number of clips.
    """

    def __init__(self, records: Sequence[index.Record], clip_samples: int):
        records = sorted(records, key=lambda record: (record.recording, record.offset))
        counts = [record.samples // clip_samples for record in records]
        self._clip_samples = clip_samples
        self._ends = np.cumsum(counts, dtype=np.int64)
        self._begins = self._ends - counts
        self._shards = np.array([record.shard for record in records], np.int64)
        self._bytes = np.array([record.byte for record in records], np.int64)
        self._domains = np.array([record.domain for record in records], np.int32)
        self.clips = int(self._ends[-1]) if records else 0

    def draw(self, seed: int, step: int, batch_size: int) -> np.ndarray:
        """Chooses the clips of a step: each once an epoch, every epoch in a new order.

        A batch in which an epoch ends begins the next one.

        Args:
            seed: The seed of the run.
            step: The step.
            batch_size: The number of clips.

        Returns:
            The number of each clip, int64 `[batch_size]`.
        """
        place = step * batch_size + np.arange(batch_size, dtype=np.int64)
        epoch, place = np.divmod(place, self.clips)
        drawn = np.empty(batch_size, np.int64)
        for number in np.unique(epoch):
            chosen = epoch == number
            key = (seed, int(number))
            drawn[chosen] = permutation.permute(place[chosen], self.clips, key)
        return drawn

    def at(self, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Finds clips by their numbers.

        Args:
            clips: int64 `[n]`.

        Returns:
            Domains, int32 `[n]`, and crops, int64 `[n, 2]`: file and first byte.
        """
        row = np.searchsorted(self._ends, clips, side="right")
        start = 2 * self._clip_samples * (clips - self._begins[row])
        crops = np.stack([self._shards[row], self._bytes[row] + start], axis=-1)
        return self._domains[row], crops
