"""Requests that come together are run together, and answered as if they were not."""

import threading
import time

import grpc
import httpx
import numpy as np
import pytest

from serving import tensors
from serving.server.batching import Batching
from serving.server.batching_parameters import BatchingParameters, read
from serving.server.caller import Caller
from serving.server.metrics import DEFAULT_PATH, Metrics
from serving.server.model import Model
from serving.server.rest_endpoint import RestOptions
from serving.server.servable import Run

# As long as a batch of fewer rows than the most would wait.
FOR_EVER_SECONDS = 600.0

RATE_HZ = 16000


def waiting(rows, **parameters):
    """A batch is run when it has so many rows, and not before."""
    parameters = {"batch_timeout_seconds": FOR_EVER_SECONDS, **parameters}
    return BatchingParameters(rows, rows, **parameters)


class Runs:
    """The runs of a version; they may be held up."""

    def __init__(self, loaded, monkeypatch):
        self.shapes = []
        self.gate = threading.Event()
        self.gate.set()
        run = loaded.run

        def spy(asked, caller):
            self.shapes.append([array.shape for array in asked.feeds.values()])
            self.gate.wait(60)
            return run(asked, caller)

        monkeypatch.setattr(loaded, "run", spy)


@pytest.fixture
def runs_of(monkeypatch):
    def runs_of(model):
        with model.lease(None) as version:
            return Runs(version.loaded, monkeypatch)

    return runs_of


@pytest.fixture
def toys(tmp_path, save_arithmetic):
    save_arithmetic(tmp_path / "1")
    return Model("toys", tmp_path, poll_wait_seconds=0)


@pytest.fixture
def translator(tmp_path, save_translator):
    save_translator(tmp_path / "1", {"cello": 2.0, "flute": 0.5})
    return Model("translator", tmp_path, poll_wait_seconds=0)


def clips(make_request, shape, domain, level=0.5):
    """A request to translate, and the answer to it."""
    audio = np.full(shape, level, np.float32)
    names = np.array([domain.encode()] * len(audio), "S8")
    gain = {"cello": 2.0, "flute": 0.5}.get(domain)
    return make_request("translator", audio=audio, domain=names), gain and gain * audio


def test_requests_are_joined(toys, served, runs_of, make_request):
    values = [[1.0], [2.0, 3.0], [4.0]]
    with served(toys, batching=waiting(4)) as stubs:
        runs = runs_of(toys)
        asked = [stubs.predict.future(make_request("toys", x=x)) for x in values]
        answers = [list(a.result(60).outputs["y"].float_val) for a in asked]
    assert runs.shapes == [[(4,)]]
    assert answers == [[2.5], [3.0, 3.5], [4.0]]


def test_requests_by_rest_and_grpc_are_joined(toys, served, runs_of, make_request):
    with served(toys, RestOptions(port=0), waiting(2)) as stubs:
        runs = runs_of(toys)
        asked = stubs.predict.future(make_request("toys", x=[1.0]))
        url = f"{stubs.rest_address}/v1/models/toys:predict"
        answer = httpx.post(url, content='{"instances": [2.0]}', timeout=60)
        assert answer.json() == {"predictions": [3.0]}
        assert asked.result(60).outputs["y"].float_val == [2.5]
    assert runs.shapes == [[(2,)]]


def test_what_comes_while_threads_are_at_work_is_joined(
    toys, served, runs_of, make_request
):
    parameters = BatchingParameters(num_batch_threads=1)
    rest = RestOptions(port=0, metrics_path=DEFAULT_PATH)
    with served(toys, rest, parameters, threads=8) as stubs:
        runs = runs_of(toys)
        runs.gate.clear()
        asked = [stubs.predict.future(make_request("toys", x=[0.0]))]
        while not runs.shapes:
            time.sleep(0.01)
        for n in range(1, 4):
            asked.append(stubs.predict.future(make_request("toys", x=[float(n)])))
        prefix = ":tensorflow:serving:batching_session:"
        page = ""
        while f"{prefix}input_batch_size_count 4.0" not in page:
            page = httpx.get(f"{stubs.rest_address}{DEFAULT_PATH}").text
        # The last one has been counted, and joins.
        time.sleep(0.1)
        runs.gate.set()
        answers = [a.result(60).outputs["y"].float_val[0] for a in asked]
        page = httpx.get(f"{stubs.rest_address}{DEFAULT_PATH}").text
    assert answers == [2.0, 2.5, 3.0, 3.5]
    assert runs.shapes == [[(1,)], [(3,)]]
    assert f"{prefix}wrapped_run_count 2.0" in page
    assert f"{prefix}processed_batch_size_sum 4.0" in page
    assert f'{prefix}padding_size_sum{{execution_batch_size="3"}} 0.0' in page
    pool = 'thread_pool_name="model_server_batch_threads"'
    assert f"{prefix}queuing_latency_count{{{pool}}} 4.0" in page


def test_only_equal_lengths_are_joined(translator, served, runs_of, make_request):
    shapes = [(1, 5), (1, 7), (2, 5), (2, 7)]
    cases = [clips(make_request, shape, "cello", shape[0] / 8) for shape in shapes]
    with served(translator, batching=waiting(3)) as stubs:
        runs = runs_of(translator)
        asked = [stubs.predict.future(request) for request, _ in cases]
        for future, (_, expected) in zip(asked, cases, strict=True):
            outputs = future.result(60).outputs
            np.testing.assert_array_equal(tensors.to_array(outputs["audio"]), expected)
            # It has no row for each clip, and is told to everybody.
            assert tensors.to_array(outputs["sample_rate"]) == RATE_HZ
    assert sorted(runs.shapes) == [[(3, 5), (3,)], [(3, 7), (3,)]]


def test_only_equal_signatures_and_outputs_are_joined(
    translator, served, runs_of, make_request
):
    cases = [clips(make_request, (1, 5), domain) for domain in ("cello", "flute") * 2]
    for request, _ in cases[2:]:
        request.output_filter.append("audio")
    audio = np.full([1, 5], 0.5, np.float32)
    for _ in range(2):
        request = make_request("translator", "resynthesis", audio=audio)
        cases.append((request, 0.5 * audio))
    with served(translator, batching=waiting(2)) as stubs:
        runs = runs_of(translator)
        asked = [stubs.predict.future(request) for request, _ in cases]
        for future, (request, expected) in zip(asked, cases, strict=True):
            outputs = future.result(60).outputs
            np.testing.assert_array_equal(tensors.to_array(outputs["audio"]), expected)
            assert ("sample_rate" in outputs) != bool(request.output_filter)
    assert sorted(map(len, runs.shapes)) == [1, 2, 2]


@pytest.mark.parametrize(
    "signature, inputs, output",
    [
        # Fixed shapes, no dimension, and an output of all rows together.
        ("both", {"left": [1, 2], "right": [3, 4]}, "sum"),
        ("wait", {"seconds": 0.0}, "turns"),
        ("shout", {"text": np.array([b"a", b"b"])}, "all"),
        # Of other shapes than the signature has; the operations decide about them.
        ("column", {"x": [1.0]}, "y"),
        ("column", {"x": [[1.0, 2.0]]}, "y"),
        ("", {"x": 1.0}, "y"),
    ],
)
def test_what_has_no_rows_is_run_by_itself(
    toys, served, make_request, signature, inputs, output
):
    with served(toys, batching=waiting(1000)) as stubs:
        asked = make_request("toys", signature, **inputs)
        assert output in stubs.predict(asked, timeout=60).outputs


def test_an_output_of_all_rows_may_be_left_out(toys, served, runs_of, make_request):
    with served(toys, batching=waiting(2)) as stubs:
        runs = runs_of(toys)
        asked = []
        for text in (b"a", b"b"):
            request = make_request("toys", "shout", text=np.array([text]))
            request.output_filter.append("text")
            asked.append(stubs.predict.future(request))
        answers = [list(a.result(60).outputs["text"].string_val) for a in asked]
    assert answers == [[b"A"], [b"B"]]
    assert runs.shapes == [[(2,)]]


def test_inputs_of_other_numbers_of_rows_are_left_to_the_graph(
    translator, served, make_request
):
    request, _ = clips(make_request, (3, 5), "cello")
    with served(translator, batching=waiting(1000)) as stubs:
        del request.inputs["domain"].string_val[2:]
        request.inputs["domain"].tensor_shape.dim[0].size = 2
        with pytest.raises(grpc.RpcError) as raised:
            stubs.predict(request, timeout=60)
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        none, expected = clips(make_request, (0, 5), "cello")
        audio = stubs.predict(none, timeout=60).outputs["audio"]
        assert tensors.to_array(audio).shape == expected.shape


def test_one_that_fails_fails_no_other(translator, served, runs_of, make_request):
    names = ["cello", "oboe", "flute"]
    cases = [clips(make_request, (1, 5), name) for name in names]
    with served(translator, batching=waiting(3)) as stubs:
        runs = runs_of(translator)
        asked = [stubs.predict.future(request) for request, _ in cases]
        assert asked[1].exception(60).code() == grpc.StatusCode.INVALID_ARGUMENT
        assert "domain is not known; known:" in asked[1].details()
        for number in (0, 2):
            answer = asked[number].result(60).outputs["audio"]
            np.testing.assert_array_equal(tensors.to_array(answer), cases[number][1])
    assert runs.shapes == [[(3, 5), (3,)]] + 3 * [[(1, 5), (1,)]]


def test_one_that_fails_alone_is_run_once(translator, served, runs_of, make_request):
    request, _ = clips(make_request, (1, 5), "oboe")
    with served(translator, batching=waiting(1)) as stubs:
        runs = runs_of(translator)
        with pytest.raises(grpc.RpcError, match="domain is not known"):
            stubs.predict(request, timeout=60)
    assert len(runs.shapes) == 1


def test_what_waits_beyond_its_deadline_is_not_run(toys, served, runs_of, make_request):
    parameters = BatchingParameters(num_batch_threads=1)
    with served(toys, batching=parameters, threads=8) as stubs:
        runs = runs_of(toys)
        runs.gate.clear()
        at_work = stubs.predict.future(make_request("toys", x=[1.0]))
        while not runs.shapes:
            time.sleep(0.01)
        # One that leads a batch and one that follows, and two of another signature.
        late = [
            stubs.predict.future(make_request("toys", x=[2.0]), timeout=0.5)
            for _ in range(2)
        ]
        column = make_request("toys", "column", x=[[2.0], [3.0]])
        later = stubs.predict.future(column, timeout=0.5)
        for call in (*late, later):
            assert call.exception(60).code() == grpc.StatusCode.DEADLINE_EXCEEDED
        in_time = stubs.predict.future(make_request("toys", x=[3.0, 4.0]))
        runs.gate.set()
        assert at_work.result(60).outputs["y"].float_val == [2.5]
        assert in_time.result(60).outputs["y"].float_val == [3.5, 4.0]
    assert runs.shapes == [[(1,)], [(2,)]]


def test_a_full_queue(toys, served, runs_of, make_request):
    parameters = waiting(1, num_batch_threads=1, max_enqueued_batches=1)
    with served(toys, batching=parameters, threads=8) as stubs:
        runs = runs_of(toys)
        runs.gate.clear()
        asked = [stubs.predict.future(make_request("toys", x=[1.0]))]
        while not runs.shapes:
            time.sleep(0.01)
        asked += [stubs.predict.future(make_request("toys", x=[1.0])) for _ in "ab"]
        while not any(call.done() for call in asked):
            time.sleep(0.01)
        (refused,) = (call for call in asked if call.done())
        assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert refused.details() == (
            "The batch scheduling queue to which this task was submitted is full; "
            "currently max_enqueued_batches=1 wait"
        )
        # Another signature has a queue of its own.
        column = stubs.predict.future(make_request("toys", "column", x=[[1.0]]))
        runs.gate.set()
        for call in asked:
            assert call is refused or call.result(60)
        assert column.result(60)
        assert stubs.predict(make_request("toys", x=[1.0]), timeout=60)


def test_batches_are_filled_up_to_an_allowed_size(toys, served, runs_of, make_request):
    parameters = BatchingParameters(4, 4, allowed_batch_sizes=(2, 4))
    with served(toys, batching=parameters) as stubs:
        runs = runs_of(toys)
        for x in ([1.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]):
            answer = stubs.predict(make_request("toys", x=x), timeout=60)
            np.testing.assert_array_equal(
                answer.outputs["y"].float_val, 0.5 * np.array(x) + 2
            )
    assert runs.shapes == [[(2,)], [(4,)], [(4,)]]


def test_large_requests_are_run_in_pieces(translator, served, runs_of, make_request):
    parameters = BatchingParameters(5, 2)
    request, expected = clips(make_request, (5, 3), "flute")
    with served(translator, batching=parameters) as stubs:
        runs = runs_of(translator)
        outputs = stubs.predict(request, timeout=60).outputs
        np.testing.assert_array_equal(tensors.to_array(outputs["audio"]), expected)
        assert tensors.to_array(outputs["sample_rate"]) == RATE_HZ
        larger, _ = clips(make_request, (6, 3), "flute")
        with pytest.raises(grpc.RpcError) as raised:
            stubs.predict(larger, timeout=60)
    assert [audio for audio, _ in runs.shapes] == [(2, 3), (2, 3), (1, 3)]
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == (
        "Task size 6 is larger than maximum input batch size 5"
    )


def test_what_nobody_waits_for_is_not_run(toys, monkeypatch):
    toys.start()
    with toys.lease(None) as version:
        loaded = version.loaded
    runs = Runs(loaded, monkeypatch)
    batching = Batching(waiting(3), 100, Metrics((), lambda: 0).of_batches())
    signature = loaded.signatures["serving_default"]
    raised, answers = [], []

    def ask(value, has_left):
        feeds = {signature.inputs["x"].name: np.float32([value])}
        run = Run("serving_default", feeds, (signature.outputs["y"].name,))
        try:
            answers.append(batching.run(loaded, run, Caller(None, has_left)))
        except Exception as error:
            raised.append(error)

    threads = [
        threading.Thread(target=ask, args=(float(number), lambda left=left: left))
        for number, left in enumerate([True, False, True])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    toys.stop()
    assert answers == [[[2.5]]]
    assert [error.code for error in raised] == 2 * [grpc.StatusCode.CANCELLED]
    assert runs.shapes == [[(1,)]]


def test_joined_requests_have_no_more_samples_than_one_may_have(
    translator, served, runs_of, make_request
):
    # Of clips and the names of their domains; two clips are as much as a request.
    options = {"threads": 8, "max_request_samples": 20}
    one, expected = clips(make_request, (1, 8), "cello")
    two, _ = clips(make_request, (2, 8), "cello")
    with served(translator, batching=waiting(1000), **options) as stubs:
        runs = runs_of(translator)
        asked = [stubs.predict.future(one) for _ in range(4)]
        for call in asked:
            audio = call.result(60).outputs["audio"]
            np.testing.assert_array_equal(tensors.to_array(audio), expected)
        assert stubs.predict(two, timeout=60)
    assert runs.shapes == 3 * [[(2, 8), (2,)]]


# batching_parameters_file


def written(folder, text):
    path = folder / "batching.config"
    path.write_text(text)
    return path


def test_parameters(tmp_path):
    assert read(written(tmp_path, "")) == BatchingParameters()
    text = """
        max_batch_size { value: 8 }
        batch_timeout_micros { value: 5000 }
        max_enqueued_batches { value: 3 }
        num_batch_threads { value: 2 }
        thread_pool_name { value: "pool" }
        allowed_batch_sizes: 2
        allowed_batch_sizes: 4
        enable_large_batch_splitting { value: true }
        max_execution_batch_size { value: 4 }
        pad_variable_length_inputs: true
    """
    assert read(written(tmp_path, text)) == BatchingParameters(
        max_batch_size=8,
        max_execution_batch_size=4,
        batch_timeout_seconds=0.005,
        max_enqueued_batches=3,
        num_batch_threads=2,
        allowed_batch_sizes=(2, 4),
        thread_pool_name="pool",
    )


@pytest.mark.parametrize(
    "text, words",
    [
        ("max_batch_size: 8", "Error parsing text-format .*BatchingParameters"),
        ("max_rows { value: 8 }", "Error parsing .*BatchingParameters: .*max_rows"),
        ("max_batch_size { value: 0 }", "max_batch_size=0 must be 1 or more"),
        ("num_batch_threads { value: -1 }", "num_batch_threads=-1 must be 1 or"),
        ("batch_timeout_micros { value: -1 }", "batch_timeout_micros=-1 must be 0"),
        (
            "max_batch_size { value: 8 } allowed_batch_sizes: [2, 4]",
            r"allowed_batch_sizes=\[2, 4\] must rise from 1 or more to the most rows "
            "that are run at once, 8",
        ),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: [4, 2, 4]",
            r"allowed_batch_sizes=\[4, 2, 4\] must rise",
        ),
        (
            "max_batch_size { value: 4 } max_execution_batch_size { value: 5 } "
            "enable_large_batch_splitting { value: true }",
            "max_execution_batch_size=5 must not be more than max_batch_size=4",
        ),
    ],
)
def test_words_for_a_file_that_is_wrong(tmp_path, text, words):
    with pytest.raises(ValueError, match=f"batching_parameters_file='.*': {words}"):
        read(written(tmp_path, text))


def test_words_for_a_file_that_is_not_there(tmp_path):
    with pytest.raises(OSError, match=r"batching_parameters_file='.*' cannot be read"):
        read(tmp_path / "batching.config")
