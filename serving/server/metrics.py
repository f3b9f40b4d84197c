"""What the server counts and times, under the names of TensorFlow Serving."""

import contextlib
import re
import time
from collections.abc import Callable, Container, Iterator
from pathlib import Path

import grpc
import prometheus_client

from serving.server import status
from serving.server.batch_metrics import BatchMetrics

DEFAULT_PATH = "/monitoring/prometheus/metrics"

_LATENCY_BUCKETS_MICROSECONDS = [10 * 1.8**n for n in range(33)]

# The library ends the names of counters so, and TensorFlow Serving does not.
_TOTAL = re.compile(rb"^((?:# (?:HELP|TYPE) )?:tensorflow:\w[\w:]*)_total\b", re.M)


class Metrics:
    """The counters of one server; any number of threads may use them at once."""

    def __init__(self, models: Container[str], pending: Callable[[], int]):
        """Begins to count.

        Args:
            models: The names of the models that are served. Requests for others are
                counted together, under no name: anybody could think of any number.
            pending: Tells how many requests are worked on or wait.
        """
        prometheus_client.disable_created_metrics()
        self._models = models
        self._registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._registry)
        self._requests = prometheus_client.Counter(
            ":tensorflow:serving:request_count",
            "The total number of requests.",
            ["model_name", "status"],
            registry=self._registry,
        )
        self._latency = self._latency_of(
            "request_latency", "Tensorflow Serving request.", "entrypoint"
        )
        self._runtime = self._latency_of(
            "runtime_latency", "Tensorflow runtime.", "runtime"
        )
        self._loads = prometheus_client.Counter(
            ":tensorflow:cc:saved_model:load_attempt_count",
            "The number of times a SavedModel was loaded.",
            ["model_path", "status"],
            registry=self._registry,
        )
        self._load_microseconds = prometheus_client.Counter(
            ":tensorflow:cc:saved_model:load_latency",
            "Latency in microseconds for SavedModels that were loaded.",
            ["model_path"],
            registry=self._registry,
        )
        prometheus_client.Gauge(
            ":tf_mt:serving:pending_requests",
            "Requests that are worked on or wait for a thread.",
            registry=self._registry,
        ).set_function(pending)

    @contextlib.contextmanager
    def request(self, model: str, api: str, entrypoint: str) -> Iterator[None]:
        """Counts and times what is done for a request.

        Args:
            model: The name of the model that it asks for.
            api: What it asks of the model.
            entrypoint: "GRPC" or "REST".
        """
        began = time.perf_counter()
        try:
            yield
        except status.StatusError as error:
            self.count(model, error.code)
            raise
        self.count(model, grpc.StatusCode.OK)
        cell = self._latency.labels(self._label(model), api, entrypoint)
        cell.observe((time.perf_counter() - began) * 1e6)

    def count(self, model: str, code: grpc.StatusCode) -> None:
        """Counts a request."""
        self._requests.labels(self._label(model), code.name).inc()

    def load(self, directory: Path, seconds: float, succeeded: bool) -> None:
        """Counts and times a try to load a version, its warm-up included."""
        outcome = "success" if succeeded else "fail"
        self._loads.labels(str(directory), outcome).inc()
        if succeeded:
            self._load_microseconds.labels(str(directory)).inc(seconds * 1e6)

    @contextlib.contextmanager
    def run(self, model: str) -> Iterator[None]:
        """Times a run of TensorFlow's runtime that does not fail."""
        began = time.perf_counter()
        yield
        cell = self._runtime.labels(self._label(model), "Predict", "TF1")
        cell.observe((time.perf_counter() - began) * 1e6)

    def total(self, name: str) -> int:
        """The sum of a counter over all its labels; 0 where there is none.

        Args:
            name: As on the page, or as TensorFlow has it, with slashes.
        """
        wanted = name.replace("/", ":")
        return sum(
            int(sample.value)
            for family in self._registry.collect()
            if family.type == "counter" and family.name == wanted
            for sample in family.samples
        )

    def of_batches(self) -> BatchMetrics:
        """Begins to count batches as well."""
        return BatchMetrics(self._registry)

    def page(self) -> bytes:
        """All of it, in the text format of Prometheus."""
        return _TOTAL.sub(rb"\1", prometheus_client.generate_latest(self._registry))

    def _latency_of(
        self, name: str, timed: str, label: str
    ) -> prometheus_client.Histogram:
        return prometheus_client.Histogram(
            f":tensorflow:serving:{name}",
            f"Distribution of wall time (in microseconds) for {timed}",
            ["model_name", "API", label],
            buckets=_LATENCY_BUCKETS_MICROSECONDS,
            registry=self._registry,
        )

    def _label(self, model: str) -> str:
        return model if model in self._models else ""
