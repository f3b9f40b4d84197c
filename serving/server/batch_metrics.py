"""What is counted and timed of batches, under the names of TensorFlow Serving."""

from collections.abc import Sequence

import prometheus_client

_PREFIX = ":tensorflow:serving:batching_session:"
_SIZE_BUCKETS = [2**n for n in range(14)]
_QUEUE_BUCKETS_MICROSECONDS = [100 * 1.2**n for n in range(52)]


class BatchMetrics:
    """The counters of batches; any number of threads may use them at once."""

    def __init__(self, registry: prometheus_client.CollectorRegistry):
        """Begins to count in a registry."""
        self._registry = registry
        self._inputs = self._histogram(
            "input_batch_size",
            "Tracks the batch size distribution on the inputs.",
        )
        self._processed = self._histogram(
            "processed_batch_size",
            "Tracks the batch size distribution on processing.",
        )
        self._padding = self._histogram(
            "padding_size",
            "Tracks the padding size distribution on batches.",
            ["execution_batch_size"],
        )
        self._queued = self._histogram(
            "queuing_latency",
            "Distribution of wall time spent (in microseconds) in queuing",
            ["thread_pool_name"],
            _QUEUE_BUCKETS_MICROSECONDS,
        )
        self._runs = prometheus_client.Counter(
            f"{_PREFIX}wrapped_run_count",
            "Total count of run calls on the wrapped session",
            registry=registry,
        )

    def request(self, rows: int) -> None:
        """Counts a request, or a piece of one, that joins a batch."""
        self._inputs.observe(rows)

    def queued(self, thread_pool_name: str, seconds: float) -> None:
        """Times how long it was there until its batch was run."""
        self._queued.labels(thread_pool_name).observe(seconds * 1e6)

    def batch(self, rows: int, padding_rows: int) -> None:
        """Counts a batch, and how many of its rows fill it up."""
        self._processed.observe(rows)
        self._padding.labels(str(rows)).observe(padding_rows)

    def run(self) -> None:
        """Counts a run of the graph, of a batch or of a request that its batch left."""
        self._runs.inc()

    def _histogram(
        self,
        name: str,
        told: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = _SIZE_BUCKETS,
    ) -> prometheus_client.Histogram:
        return prometheus_client.Histogram(
            f"{_PREFIX}{name}", told, labels, buckets=buckets, registry=self._registry
        )
