"""Metrics, as Prometheus reads them."""

import time

import grpc
import httpx
import pytest
from prometheus_client import parser

from serving.server import metrics, monitoring
from serving.server.model import Model
from serving.server.rest_endpoint import RestOptions

COUNT = ":tensorflow:serving:request_count"
LATENCY = ":tensorflow:serving:request_latency"
RUNTIME = ":tensorflow:serving:runtime_latency"
LOADS = ":tensorflow:cc:saved_model:load_attempt_count"


class Page:
    """The samples of a page."""

    def __init__(self, address):
        response = httpx.get(f"{address}{metrics.DEFAULT_PATH}")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain")
        self.text = response.text
        self._samples = [
            sample
            for family in parser.text_string_to_metric_families(self.text)
            for sample in family.samples
        ]

    def all(self, name, *labels):
        """{values of labels: value} of the samples of a name."""
        # The parser adds to the names of counters what the page leaves out.
        return {
            tuple(sample.labels[label] for label in labels): sample.value
            for sample in self._samples
            if sample.name in (name, f"{name}_total")
        }


@pytest.fixture
def start(tmp_path, save_arithmetic, served):
    save_arithmetic(tmp_path / "1")

    def start(**limits):
        model = Model("toys", tmp_path, poll_wait_seconds=0)
        options = RestOptions(port=0, metrics_path=metrics.DEFAULT_PATH)
        return served(model, options, **limits)

    return start


def test_requests_are_counted_and_timed(start, make_request):
    with start() as stubs:
        url = f"{stubs.rest_address}/v1/models/toys"
        for _ in range(3):
            stubs.predict(make_request("toys", x=[1.0]))
        httpx.post(f"{url}:predict", content='{"inputs": [1.0]}')
        httpx.post(f"{url}:predict", content="{}")
        httpx.post(f"{url}:explain", content="{}")
        httpx.get(url)
        for name in ("other", "another"):
            with pytest.raises(grpc.RpcError):
                stubs.predict(make_request(name, x=[1.0]))
        page = Page(stubs.rest_address)
    assert page.all(COUNT, "model_name", "status") == {
        ("toys", "OK"): 5,
        ("toys", "INVALID_ARGUMENT"): 1,
        # What names no model that is served.
        ("", "INVALID_ARGUMENT"): 1,
        ("", "NOT_FOUND"): 2,
    }
    assert page.all(f"{LATENCY}_count", "model_name", "API", "entrypoint") == {
        ("toys", "Predict", "GRPC"): 3,
        ("toys", "predict", "REST"): 1,
        ("toys", "", "REST"): 1,
    }
    assert page.all(f"{RUNTIME}_count", "model_name", "API", "runtime") == {
        ("toys", "Predict", "TF1"): 4
    }
    assert page.all(":tf_mt:serving:pending_requests") == {(): 0}


def test_buckets_are_those_of_tensorflow_serving(start, make_request):
    with start() as stubs:
        stubs.predict(make_request("toys", x=[1.0]))
        page = Page(stubs.rest_address)
    buckets = page.all(f"{LATENCY}_bucket", "le")
    edges = [float(edge) for (edge,) in buckets]
    assert len(edges) == 34
    assert edges[:3] == pytest.approx([10, 18, 32.4])
    assert edges[-2:] == pytest.approx([10 * 1.8**32, float("inf")])
    assert list(buckets.values()) == sorted(buckets.values())
    (taken,) = page.all(f"{LATENCY}_sum").values()
    assert 10 < taken < 60e6


def test_types_and_names_are_those_of_tensorflow_serving(start, make_request):
    with start() as stubs:
        stubs.predict(make_request("toys", x=[1.0]))
        text = Page(stubs.rest_address).text
    assert f"# TYPE {COUNT} counter\n" in text
    assert f"# TYPE {LATENCY} histogram\n" in text
    assert f'{COUNT}{{model_name="toys",status="OK"}} 1.0\n' in text
    assert "_total{" not in text.partition("process_")[0]
    assert "_created" not in text


def test_what_is_refused_is_counted(start, make_request):
    with start(threads=1, max_pending_requests=1) as stubs:
        slow = make_request("toys", "wait", seconds=600.0)
        calls = [stubs.predict.future(slow, timeout=60) for _ in range(3)]
        while sum(call.done() for call in calls) < 2:
            time.sleep(0.01)
        page = Page(stubs.rest_address)
        for call in calls:
            call.cancel()
    assert page.all(COUNT, "model_name", "status") == {("", "RESOURCE_EXHAUSTED"): 2}
    assert page.all(":tf_mt:serving:pending_requests") == {(): 1}


def test_loads_are_counted(start, tmp_path):
    (tmp_path / "2").mkdir()
    with start() as stubs:
        page = Page(stubs.rest_address)
    assert page.all(LOADS, "model_path", "status") == {(str(tmp_path / "2"), "fail"): 1}
    (tmp_path / "2").rmdir()
    with start() as stubs:
        page = Page(stubs.rest_address)
    assert page.all(LOADS, "model_path", "status") == {
        (str(tmp_path / "1"), "success"): 1
    }
    (taken,) = page.all(":tensorflow:cc:saved_model:load_latency").values()
    assert 1e3 < taken < 600e6


@pytest.mark.parametrize(
    "text, path",
    [
        ("", None),
        ("prometheus_config { enable: false path: '/m' }", None),
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ("prometheus_config: { enable: true, path: '/m' }", "/m"),
    ],
)
def test_a_config(tmp_path, text, path):
    (tmp_path / "monitoring.config").write_text(text)
    assert monitoring.read(tmp_path / "monitoring.config") == path


def test_words_for_a_file_that_is_not_there(tmp_path):
    words = r"monitoring_config_file='.*' cannot be read \(No such file or directory\)"
    with pytest.raises(OSError, match=words):
        monitoring.read(tmp_path / "monitoring.config")


@pytest.mark.parametrize(
    "text, words",
    [
        (
            "prometheus { }",
            "monitoring_config_file='.*': Error parsing text-format "
            "tensorflow.serving.MonitoringConfig: .*prometheus",
        ),
        ("prometheus_config { enable: true path: 'm' }", "path='m' must begin with"),
    ],
)
def test_words_for_a_file_that_is_no_config(tmp_path, text, words):
    (tmp_path / "monitoring.config").write_text(text)
    with pytest.raises(ValueError, match=words):
        monitoring.read(tmp_path / "monitoring.config")
