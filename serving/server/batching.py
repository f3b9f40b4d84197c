"""Batching: requests that come together are joined along the first dimension.

They are run once, and the rows of the outputs are shared out. Only requests for the
same signature and outputs of the same version are joined, with inputs of the same
shapes but for the first dimension: nothing is padded to the length of another, so the
answer to a request is the one that it would get by itself.

There are no threads of its own. The thread of a batch's first request waits for others
to join, runs the batch, and wakes theirs.
"""

import collections
import dataclasses
import threading
import time
from collections.abc import Hashable, Iterator

import grpc
import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server import servable, status
from serving.server.batch_metrics import BatchMetrics
from serving.server.batching_parameters import BatchingParameters
from serving.server.caller import Caller


@dataclasses.dataclass(eq=False)
class _Member:
    """A request in a batch.

    Attributes:
        run: What it asks for.
        caller: Who waits for it.
        began: When it joined, by the monotonic clock.
        done: Is set when it has been decided what becomes of it.
        outputs: Its share; None where it was not run.
        error: Why it was not run; None where it has to be run by itself.
    """

    run: servable.Run
    caller: Caller
    began: float = dataclasses.field(default_factory=time.monotonic)
    done: threading.Event = dataclasses.field(default_factory=threading.Event)
    outputs: list[np.ndarray] | None = None
    error: status.StatusError | None = None


class _Batch:
    """Requests that are run together.

    Attributes:
        members: The requests.
        rows: Of all of them.
        closed: Is set when no more of them can join.
    """

    def __init__(self):
        self.members: list[_Member] = []
        self.rows = 0
        self.closed = threading.Event()


class Batching:
    """Runs requests jointly; any number of threads may call it at once."""

    def __init__(
        self, parameters: BatchingParameters, max_samples: int, metrics: BatchMetrics
    ):
        """Begins without any requests.

        Args:
            parameters: Bounds on batches.
            max_samples: The most numbers that the inputs of joined requests may have.
            metrics: What counts batches.
        """
        self._parameters = parameters
        self._max_samples = max_samples
        self._metrics = metrics
        self._lock = threading.Lock()
        self._open: dict[Hashable, _Batch] = {}
        self._waiting: collections.Counter[Hashable] = collections.Counter()
        self._slots = threading.Semaphore(parameters.num_batch_threads)

    def run(
        self, loaded: servable.Servable, run: servable.Run, caller: Caller
    ) -> list[np.ndarray]:
        """Runs a request, with others if it can be.

        Args:
            loaded: The version, which others may be asking at the same time.
            run: What to run.
            caller: Who waits for it.

        Returns:
            The outputs.

        Raises:
            StatusError: It fails, nobody waits any more, or too many others wait.
        """
        rows = _rows(loaded, run)
        if not rows:
            return loaded.run(run, caller)
        if rows > self._parameters.max_batch_size:
            raise status.invalid_argument(
                f"Task size {rows} is larger than maximum input batch size "
                f"{self._parameters.max_batch_size}"
            )
        most = self._parameters.max_execution_batch_size
        if rows <= most:
            return self._join(loaded, run, rows, caller)
        pieces = [
            self._join(loaded, piece, len(next(iter(piece.feeds.values()))), caller)
            for piece in _pieces(run, most)
        ]
        has_rows = loaded.row_outputs[run.signature]
        return [
            np.concatenate(parts) if has_rows[name] else parts[0]
            for name, parts in zip(run.fetches, zip(*pieces, strict=True), strict=True)
        ]

    def _join(
        self, loaded: servable.Servable, run: servable.Run, rows: int, caller: Caller
    ) -> list[np.ndarray]:
        member = _Member(run, caller)
        queue = loaded, run.signature
        shapes = tuple((name, array.shape[1:]) for name, array in run.feeds.items())
        key = *queue, run.fetches, shapes
        self._metrics.request(rows)
        batch = self._batch_for(key, queue, rows, member)
        if batch.members[0] is member:
            self._lead(batch, key, queue, loaded)
        elif not member.done.wait(caller.remaining_seconds):
            raise status.expired()
        if member.error is not None:
            raise member.error
        if member.outputs is None:
            caller.check()
            self._metrics.run()
            return loaded.run(run, caller)
        return member.outputs

    def _batch_for(
        self, key: Hashable, queue: Hashable, rows: int, member: _Member
    ) -> _Batch:
        """The batch that a request joins: the open one of its kind, or a new one."""
        most = self._most_rows(rows, member.run)
        with self._lock:
            batch = self._open.get(key)
            if batch is None or batch.rows + rows > most:
                if self._waiting[queue] >= self._parameters.max_enqueued_batches:
                    raise status.StatusError(
                        grpc.StatusCode.RESOURCE_EXHAUSTED,
                        "The batch scheduling queue to which this task was submitted "
                        "is full; currently "
                        f"max_enqueued_batches="
                        f"{self._parameters.max_enqueued_batches} wait",
                    )
                if batch is not None:
                    batch.closed.set()
                batch = self._open[key] = _Batch()
                self._waiting[queue] += 1
            batch.members.append(member)
            batch.rows += rows
            if batch.rows >= most:
                batch.closed.set()
                del self._open[key]
            return batch

    def _most_rows(self, rows: int, run: servable.Run) -> int:
        """How many rows a batch of a request may have: memory grows with them."""
        samples = sum(array.size for array in run.feeds.values())
        bound = self._max_samples * rows // max(1, samples)
        return min(self._parameters.max_execution_batch_size, max(1, bound))

    def _lead(
        self, batch: _Batch, key: Hashable, queue: Hashable, loaded: servable.Servable
    ) -> None:
        """Waits until a batch can be run, and runs it."""
        batch.closed.wait(self._parameters.batch_timeout_seconds)
        with self._slots:
            with self._lock:
                if self._open.get(key) is batch:
                    del self._open[key]
                self._waiting[queue] -= 1
                if not self._waiting[queue]:
                    del self._waiting[queue]
            try:
                self._run(batch, loaded)
            finally:
                for member in batch.members:
                    member.done.set()

    def _run(self, batch: _Batch, loaded: servable.Servable) -> None:
        """Gives members their outputs; what fails together is left to each of them."""
        began = time.monotonic()
        members = []
        for member in batch.members:
            self._metrics.queued(
                self._parameters.thread_pool_name, began - member.began
            )
            try:
                member.caller.check()
                members.append(member)
            except status.StatusError as error:
                member.error = error
        if not members:
            return
        size = self._allowed(sum(_row_counts(members)))
        try:
            outputs = loaded.run(_joined(members, size), _latest(members))
        except Exception as error:
            # Whatever it is, it may be the fault of one of them.
            if len(members) == 1 and size == _row_counts(members)[0]:
                members[0].error = status.from_error(error)
            return
        finally:
            self._metrics.run()
            self._metrics.batch(size, size - sum(_row_counts(members)))
        _share(outputs, members, loaded.row_outputs[members[0].run.signature], size)

    def _allowed(self, rows: int) -> int:
        """How many rows are run where there are so many."""
        sizes = (n for n in self._parameters.allowed_batch_sizes if n >= rows)
        return next(sizes, rows)


def _rows(loaded: servable.Servable, run: servable.Run) -> int:
    """How many rows a request has; 0 for one that cannot be joined with others."""
    if not loaded.row_outputs[run.signature].keys() >= set(run.fetches):
        return 0
    infos = loaded.signatures[run.signature].inputs.values()
    shapes = [run.feeds[info.name].shape for info in infos]
    # What has other dimensions than it should may have no rows.
    if not all(map(_fits, shapes, infos)):
        return 0
    counts = {shape[0] for shape in shapes}
    return counts.pop() if len(counts) == 1 else 0


def _fits(shape: tuple[int, ...], info: meta_graph_pb2.TensorInfo) -> bool:
    sizes = [dim.size for dim in info.tensor_shape.dim]
    return len(shape) == len(sizes) and all(
        expected in (-1, size) for size, expected in zip(shape, sizes, strict=True)
    )


def _pieces(run: servable.Run, most_rows: int) -> Iterator[servable.Run]:
    rows = len(next(iter(run.feeds.values())))
    for start in range(0, rows, most_rows):
        feeds = {
            name: array[start : start + most_rows] for name, array in run.feeds.items()
        }
        yield dataclasses.replace(run, feeds=feeds)


def _row_counts(members: list[_Member]) -> list[int]:
    return [len(next(iter(member.run.feeds.values()))) for member in members]


def _joined(members: list[_Member], size: int) -> servable.Run:
    """One request of all rows, filled up with the last of them."""
    first = members[0].run
    missing = size - sum(_row_counts(members))
    if len(members) == 1 and not missing:
        return first
    last = members[-1].run.feeds
    feeds = {
        name: np.concatenate(
            [
                *(member.run.feeds[name] for member in members),
                np.repeat(last[name][-1:], missing, axis=0),
            ]
        )
        for name in first.feeds
    }
    return dataclasses.replace(first, feeds=feeds)


def _latest(members: list[_Member]) -> Caller:
    """Who waits as long as the one that waits longest."""
    remaining = [member.caller.remaining_seconds for member in members]
    return Caller(None if None in remaining else max(remaining))


def _share(
    outputs: list[np.ndarray],
    members: list[_Member],
    has_rows: dict[str, bool],
    size: int,
) -> None:
    """Shares outputs out, unless one has other rows than its signature lets expect."""
    of_rows = [has_rows[name] for name in members[0].run.fetches]
    shapes = [np.shape(o) for o, rows in zip(outputs, of_rows, strict=True) if rows]
    if any(shape[:1] != (size,) for shape in shapes):
        return
    start = 0
    for member, rows in zip(members, _row_counts(members), strict=True):
        member.outputs = [
            output[start : start + rows] if is_rows else output
            for output, is_rows in zip(outputs, of_rows, strict=True)
        ]
        start += rows
