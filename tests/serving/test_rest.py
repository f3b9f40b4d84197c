"""The REST API, over HTTP: what TensorFlow Serving answers, and audio files."""

import base64
import io
import json
import threading
import time

import httpx
import numpy as np
import pytest
import soundfile

from serving.server import servable
from serving.server.model import Model
from serving.server.rest_endpoint import RestOptions
from tf_mt.audio import files


@pytest.fixture(scope="module")
def toys(tmp_path_factory, save_arithmetic, served):
    base = tmp_path_factory.mktemp("toys")
    save_arithmetic(base / "7")
    model = Model("toys", base, poll_wait_seconds=0)
    with served(model, RestOptions(port=0)) as stubs:
        yield stubs


@pytest.fixture(scope="module")
def rest(toys):
    with httpx.Client(base_url=toys.rest_address, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def translator(tmp_path_factory, save_translator, served):
    base = tmp_path_factory.mktemp("translator")
    save_translator(base / "1", {"cello": 2.0, "flute": 0.5})
    model = Model("translator", base, poll_wait_seconds=0)
    with (
        served(model, RestOptions(port=0)) as stubs,
        httpx.Client(base_url=stubs.rest_address, timeout=60) as client,
    ):
        yield client


def predict(rest, body, path="/v1/models/toys:predict"):
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    return rest.post(path, content=content)


def error_of(response):
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    return response.status_code, response.json()["error"]


# Status and metadata


@pytest.mark.parametrize("version", ["", "/versions/7"])
def test_status(rest, version):
    response = rest.get(f"/v1/models/toys{version}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "model_version_status": [
            {
                "version": "7",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }


@pytest.mark.parametrize(
    "path, code, words",
    [
        ("/v1/models/other", 404, "Could not find any versions of model other"),
        (
            "/v1/models/toys/versions/3",
            404,
            "Could not find version 3 of model toys",
        ),
        ("/v1/models", 400, "Missing model name in request."),
        (
            f"/v1/models/toys/versions/{2**63}",
            400,
            f"Failed to convert version: {2**63} to numeric.",
        ),
        ("/v1/models/toys/", 400, "Malformed request: GET /v1/models/toys/"),
        (
            "/v1/models/toys/labels/stable/metadata",
            400,
            "Unrecognized servable version label: stable",
        ),
        (
            "/v1/models/other/metadata",
            404,
            "Servable not found for request: Latest(other)",
        ),
    ],
)
def test_what_there_is_nothing_to_tell_of(rest, path, code, words):
    assert error_of(rest.get(path)) == (code, words)


def test_metadata(rest):
    response = rest.get("/v1/models/toys/versions/7/metadata")
    assert response.status_code == 200
    told = response.json()
    assert told["model_spec"] == {
        "name": "toys",
        "signature_name": "",
        "version": "7",
    }
    signatures = told["metadata"]["signature_def"]["signature_def"]
    assert signatures["column"]["inputs"] == {
        "x": {
            "dtype": "DT_FLOAT",
            "name": "column_x:0",
            "tensor_shape": {
                "dim": [{"name": "", "size": "-1"}, {"name": "", "size": "1"}],
                "unknown_rank": False,
            },
        }
    }
    assert signatures["both"]["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(rest, method):
    response = rest.request(method, "/v1/models/toys:predict")
    words = f"Malformed request: {method} /v1/models/toys:predict"
    assert error_of(response) == (400, words)


def test_other_paths(rest):
    code, words = error_of(rest.get("/v2/models/toys"))
    assert code == 404
    assert words == "path='/v2/models/toys' is none; see /v1/models/NAME."


# Predict


@pytest.mark.parametrize(
    "path",
    [
        "/v1/models/toys:predict",
        "/v1/models/toys/versions/7:predict",
        "/V1/MODELS/%74oys:predict",
    ],
)
def test_rows(rest, path):
    response = predict(rest, {"instances": [1.0, 2, 5.0]}, path)
    assert response.status_code == 200
    assert response.text == '{\n    "predictions": [2.5, 3.0, 4.5\n    ]\n}'


def test_rows_of_objects(rest):
    rows = [{"x": 1.0}, {"x": 2.0}]
    assert predict(rest, {"instances": rows}).json() == {"predictions": [2.5, 3.0]}
    body = {
        "signature_name": "both",
        "instances": [{"left": 1.0, "right": 2.0}, {"left": 3.0, "right": 5.0}],
    }
    assert predict(rest, body).json() == {
        "predictions": [
            {"difference": -1.0, "sum": 3.0},
            {"difference": -2.0, "sum": 8.0},
        ]
    }


def test_rows_that_are_lists(rest):
    body = {"signature_name": "column", "instances": [[1.0], [2.0]]}
    assert predict(rest, body).json() == {"predictions": [[2.5], [3.0]]}


def test_columns(rest):
    for inputs in ([1.0, 2.0], {"x": [1.0, 2.0]}):
        assert predict(rest, {"inputs": inputs}).json() == {"outputs": [2.5, 3.0]}
    body = {"signature_name": "both", "inputs": {"left": [1, 2], "right": [3, 4]}}
    assert predict(rest, body).json() == {
        "outputs": {"difference": [-2.0, -2.0], "sum": [4.0, 6.0]}
    }


def test_shapes_are_those_of_the_lists(rest):
    body = {"signature_name": "column", "inputs": [[[1.0], [2.0]]]}
    assert predict(rest, body).json() == {"outputs": [[[2.5], [3.0]]]}
    assert predict(rest, {"inputs": 1.0}).json() == {"outputs": 2.5}
    assert predict(rest, {"inputs": []}).json() == {"outputs": []}


def test_what_follows_the_object_is_ignored(rest):
    assert predict(rest, '\n {"instances": [1.0]} and more').status_code == 200


def test_numbers_arrive_and_leave_as_they_are(rest, toys, make_request):
    values = np.random.default_rng(0).normal(0, 1, 200).astype(np.float32)
    values[:4] = [1e-30, 9e6, 0.1, 3e38]
    answer = predict(rest, {"inputs": values.tolist()})
    over_grpc = toys.predict(make_request("toys", x=values)).outputs["y"].float_val
    read = np.array(answer.json()["outputs"], np.float32)
    np.testing.assert_array_equal(read, np.array(over_grpc, np.float32))
    assert "4500002.0" in answer.text or "4.5e+06" in answer.text


def test_what_is_not_finite_has_tokens(rest):
    assert predict(rest, '{"inputs": [NaN, Infinity, -Infinity]}').text == (
        '{\n    "outputs": [NaN, Infinity, -Infinity]\n}'
    )


def test_strings(rest):
    encoded = base64.b64encode(b"\xff\0a").decode()
    body = {"signature_name": "shout", "inputs": ["é😀", "a", {"b64": "YQ"}]}
    assert predict(rest, body).json() == {
        "outputs": {"all": "é😀\0a\0a", "text": ["é😀", "A", "A"]}
    }
    body = {"signature_name": "shout", "inputs": [{"b64": encoded}]}
    assert b'"text": ["\xff\\u0000A"]' in predict(rest, body).content


@pytest.mark.parametrize(
    "body, code, words",
    [
        ("", 400, "JSON Parse error: The document is empty"),
        ("{", 400, "JSON Parse error: "),
        ("[" * 100_000, 400, "JSON Parse error: "),
        (b"\xff\xfe", 400, "JSON Parse error: "),
        ('{"inputs": ' + "1" * 5000 + "}", 400, "JSON Parse error: "),
        ('{"inputs": ' + "1" * 500 + "}", 400, "JSON Parse error: Number too big"),
        ("[1, 2]", 400, "JSON Value: [1, 2] Is not object"),
        ("{}", 400, "Missing 'inputs' or 'instances' key"),
        (
            {"signature_name": 1},
            400,
            'JSON Value: {\n    "signature_name": 1\n} not formatted correctly. '
            "'signature_name' key must be a string value.",
        ),
        (
            {"signature_name": "other", "inputs": 1.0},
            400,
            'Serving signature name: "other" not found in signature def',
        ),
        (
            {"inputs": 1.0, "instances": [1.0]},
            400,
            'JSON Value: {\n    "inputs": 1.0,\n    "instances": [1.0]\n} Not '
            "formatted correctly expecting only one of 'inputs' or 'instances' keys to "
            "exist ",
        ),
        (
            {"instances": 1.0},
            400,
            "JSON Value: {\n    \"instances\": 1.0\n} Expecting 'instances' to be an "
            "list/array",
        ),
        (
            {"instances": []},
            400,
            "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
        ),
        (
            {"instances": [1.0, "a"]},
            400,
            "Failed to process element: 1 of 'instances' list. Error: "
            'INVALID_ARGUMENT: JSON Value: "a" Type: String is not of expected type: '
            "float",
        ),
        (
            {"instances": [[1.0], [1.0, 2.0]]},
            400,
            "Failed to process element: 1 of 'instances' list. Error: "
            "INVALID_ARGUMENT: Expecting tensor size: 1 but got: 2",
        ),
        (
            {"instances": [[[1.0, 2.0]], [[1.0], [2.0]]]},
            400,
            "Failed to process element: 1 of 'instances' list. Error: "
            "INVALID_ARGUMENT: Expecting shape [1,2] but got: [2,1]",
        ),
        (
            {"instances": [{"x": 1.0}, 2.0]},
            400,
            "Expecting object but got list at item 1 of input list",
        ),
        (
            {"instances": [1.0, {"x": 2.0}]},
            400,
            "Expecting value/list but got object at item 1 of input list",
        ),
        (
            {"instances": [{"z": 1.0}]},
            400,
            "Failed to process element: 0 key: z of 'instances' list. Error: "
            "INVALID_ARGUMENT: JSON object: does not have named input: z",
        ),
        (
            {"signature_name": "both", "instances": [1.0]},
            400,
            "instances is a plain list, but expecting list of objects as multiple "
            "input tensors required as per tensorinfo_map",
        ),
        (
            {"signature_name": "both", "instances": [{"b64": "YQ=="}]},
            400,
            "Failed to process element: 0 of 'instances' list. Error: "
            'INVALID_ARGUMENT: JSON Value: {\n    "b64": "YQ=="\n} Type: Object is not '
            "of expected type: float",
        ),
        (
            {"signature_name": "both", "instances": [{"left": 1.0}]},
            400,
            "Failed to process element: 0 of 'instances' list. JSON object: {\n"
            '    "left": 1.0\n} keys must be equal to: left,right',
        ),
        (
            {"signature_name": "both", "inputs": {"left": [1.0, 2.0]}},
            400,
            "Missing named input: right in 'inputs' object.",
        ),
        (
            {"signature_name": "both", "inputs": [1.0]},
            400,
            "inputs is a plain value/list, but expecting an object as multiple input "
            "tensors required as per tensorinfo_map",
        ),
        (
            {"inputs": [[1.0], [1.0, 2.0]]},
            400,
            "Encountered list at unexpected size: 2 at level: 1 expected size: 1",
        ),
        (
            {"inputs": [1.0, [1.0]]},
            400,
            "Encountered list at unexpected level: 1 expected < 1",
        ),
        (
            {"inputs": [[1.0], 1.0]},
            400,
            "JSON Value: 1.0 found at incorrect level: 2 in the JSON DOM. Expected at "
            "level: 2",
        ),
        (
            {"inputs": [True]},
            400,
            "JSON Value: true Type: True is not of expected type: float",
        ),
        (
            {"signature_name": "wait", "inputs": [None]},
            400,
            "JSON Value: null Type: Null is not of expected type: float",
        ),
        (
            {"signature_name": "fail", "inputs": 1.0},
            400,
            "JSON Value: 1.0 Type: Number is not of expected type: int32",
        ),
        (
            {"signature_name": "fail", "inputs": 2**31},
            400,
            f"JSON Value: {2**31} Type: Number is not of expected type: int32",
        ),
        (
            {"signature_name": "shout", "inputs": [{"b64": "*"}]},
            400,
            "Unable to base64 decode",
        ),
        (
            {"signature_name": "shout", "inputs": [{"b65": ""}]},
            400,
            'JSON Value: {\n    "b65": ""\n} not formatted correctly for base64 data',
        ),
        (
            '{"signature_name": "\\ud800", "inputs": ["a"]}',
            400,
            "JSON Parse error: 'utf-8' codec can't encode character",
        ),
        (
            {"signature_name": "both", "inputs": {"left": [1, 2], "right": [1, 2, 3]}},
            400,
            "Incompatible shapes: ",
        ),
        (
            {"signature_name": "shout", "instances": ["a"]},
            400,
            "Tensor name: all has no shape information ",
        ),
    ],
)
def test_what_cannot_be_predicted(rest, body, code, words):
    told_code, told = error_of(predict(rest, body))
    assert told_code == code
    assert told.startswith(words)


def test_an_unknown_model_and_version(rest):
    body = {"inputs": [1.0]}
    assert error_of(predict(rest, body, "/v1/models/other:predict")) == (
        404,
        "Servable not found for request: Latest(other)",
    )
    assert error_of(predict(rest, body, "/v1/models/toys/versions/3:predict")) == (
        404,
        "Servable not found for request: Specific(toys, 3)",
    )
    assert error_of(predict(rest, body, "/v1/models/toys/labels/a%20b:predict")) == (
        400,
        "Unrecognized servable version label: a b",
    )
    assert error_of(predict(rest, body, "/v1/models/toys:explain")) == (
        400,
        "Malformed request: POST /v1/models/toys:explain",
    )


def test_small_requests_do_not_wait_for_packets(rest):
    times = []
    for _ in range(30):
        began = time.monotonic()
        assert predict(rest, {"inputs": 1.0}).status_code == 200
        times.append(time.monotonic() - began)
    assert np.median(times) < 0.03


# Classify and Regress


@pytest.mark.parametrize(
    "action, body, words",
    [
        (
            "classify",
            {"signature_name": "both", "examples": [{"x": 1.0}]},
            "Expected one input Tensor.",
        ),
        (
            "classify",
            {"examples": [{"x": 1.0}]},
            "No classification inputs found in SignatureDef: inputs {",
        ),
        (
            "regress",
            {"examples": [{"x": 1.0}]},
            "No regression inputs found in SignatureDef: inputs {",
        ),
        (
            "regress",
            {"signature_name": "shout", "examples": [{"x": 1.0}]},
            "Expected one output Tensor.",
        ),
        (
            "regress",
            {"signature_name": "other", "examples": [{"x": 1.0}]},
            "No signature was found with the name: other",
        ),
        (
            "classify",
            {},
            "JSON Value: {} When method is classify, key 'examples' is expected",
        ),
        (
            "classify",
            {"examples": []},
            "JSON Value: {\n    \"examples\": []\n} 'examples' value is an empty array",
        ),
        (
            "regress",
            {"examples": [1.0]},
            "Example must be JSON object but got JSON Number",
        ),
    ],
)
def test_signatures_that_do_something_else(rest, action, body, words):
    code, told = error_of(predict(rest, body, f"/v1/models/toys:{action}"))
    assert code == 400
    assert told.startswith(words)


# Limits


@pytest.fixture
def launched(tmp_path, save_arithmetic, served):
    """Starts a server of its own for a test."""
    save_arithmetic(tmp_path / "1")
    model = Model("toys", tmp_path, poll_wait_seconds=0)

    def start(timeout_seconds=30.0, **limits):
        return served(model, RestOptions(0, timeout_seconds), **limits)

    return start


WAITING = json.dumps({"signature_name": "wait", "inputs": 600.0})


def test_the_time_is_limited(launched):
    with launched(timeout_seconds=0.5, threads=1) as stubs:
        began = time.monotonic()
        url = f"{stubs.rest_address}/v1/models/toys:predict"
        code, _ = error_of(httpx.post(url, content=WAITING, timeout=60))
        assert code == 504
        assert time.monotonic() - began < 10
        assert httpx.post(url, content='{"inputs": [1.0]}').status_code == 200


def test_grpc_and_rest_share_the_bound_and_the_threads(launched, make_request):
    with launched(threads=1, max_pending_requests=2) as stubs:
        url = f"{stubs.rest_address}/v1/models/toys"
        slow = make_request("toys", "wait", seconds=600.0)
        taken = [stubs.predict.future(slow, timeout=60) for _ in range(2)]
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            response = httpx.post(f"{url}:predict", content='{"inputs": 1.0}')
            if response.status_code == 429:
                break
        code, words = error_of(response)
        assert code == 429
        assert words.startswith("max_pending_requests=2 requests are being worked on")
        assert httpx.get(url).status_code == 200
        for call in taken:
            call.cancel()


def test_samples_are_limited(launched):
    with launched(max_request_samples=4) as stubs:
        url = f"{stubs.rest_address}/v1/models/toys:predict"
        code, words = error_of(httpx.post(url, content='{"inputs": [1,2,3,4,5]}'))
        assert code == 400
        assert words.startswith("samples=5 are more than the max_request_samples=4")
        too_long = json.dumps({"inputs": [0] * 400_000})
        code, words = error_of(httpx.post(url, content=too_long))
        assert (code, words) == (
            400,
            f"The body has more than {32 * 4 + 2**20} bytes; send shorter pieces.",
        )


def test_a_request_whose_client_has_left_is_not_run(
    launched, make_request, monkeypatch
):
    ran = []
    run = servable.Servable.predict

    def spy(self, request, *arguments):
        ran.append(request.model_spec.signature_name)
        return run(self, request, *arguments)

    monkeypatch.setattr(servable.Servable, "predict", spy)
    with launched(threads=1) as stubs:
        at_work = stubs.predict.future(make_request("toys", "wait", seconds=2.5))
        url = f"{stubs.rest_address}/v1/models/toys:predict"
        body = '{"signature_name": "shout", "inputs": ["a"]}'
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(url, content=body, timeout=0.5)
        assert at_work.result(timeout=60)
        assert httpx.post(url, content='{"inputs": 1.0}').status_code == 200
    assert ran == ["wait", ""]


def test_what_was_asked_before_the_end_is_answered(tmp_path, save_arithmetic, served):
    save_arithmetic(tmp_path / "1")
    model = Model("toys", tmp_path, poll_wait_seconds=0)
    answers = []

    def ask(url):
        body = json.dumps({"signature_name": "wait", "inputs": 2.0})
        answers.append(httpx.post(url, content=body, timeout=60))

    with served(model, RestOptions(0)) as stubs:
        url = f"{stubs.rest_address}/v1/models/toys:predict"
        thread = threading.Thread(target=ask, args=(url,))
        thread.start()
        time.sleep(1.0)
    thread.join()
    assert answers[0].status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.post(url, content="{}")


# Audio files


def wav(audio, sample_rate_hz=16000, **options):
    file = io.BytesIO()
    soundfile.write(file, audio, sample_rate_hz, format="WAV", **options)
    return file.getvalue()


def test_a_file_in_a_file_out(translator):
    audio = 0.4 * np.sin(np.arange(50_000, dtype=np.float32))
    response = translator.post(
        "/v1/models/translator/translate?domain=cello", content=wav(audio)
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/wav"
    translated, rate_hz = soundfile.read(io.BytesIO(response.content))
    assert rate_hz == 16000
    np.testing.assert_allclose(translated, 2 * audio, atol=1e-4)


def test_any_rate_any_number_of_channels_any_format(translator, tmp_path):
    audio = np.zeros([24_000, 2], np.float32)
    audio[:, 0] = 0.2
    file = io.BytesIO()
    soundfile.write(file, audio, 48000, format="FLAC")
    response = translator.post(
        "/v1/models/translator/versions/1/translate?domain=flute",
        content=file.getvalue(),
    )
    path = tmp_path / "answer.wav"
    path.write_bytes(response.content)
    assert files.duration_seconds(path) == 0.5


@pytest.mark.parametrize(
    "path, content, code, words",
    [
        (
            "/v1/models/translator/translate?domain=celo",
            wav([0.0]),
            400,
            "domain='celo' is not known; did you mean 'cello'? known: cello, flute.",
        ),
        (
            "/v1/models/translator/translate",
            wav([0.0]),
            400,
            "domain='' is not known; known: cello, flute.",
        ),
        (
            "/v1/models/translator/translate?domain=cello",
            b"no audio",
            400,
            "The body: cannot be read as audio",
        ),
        (
            "/v1/models/other/translate?domain=cello",
            wav([0.0]),
            404,
            "Servable not found for request: Latest(other)",
        ),
    ],
)
def test_what_cannot_be_translated(translator, path, content, code, words):
    told_code, told = error_of(translator.post(path, content=content))
    assert told_code == code
    assert told.startswith(words)
    assert "/tmp" not in told


def test_a_model_that_is_no_translator(rest):
    response = rest.post("/v1/models/toys/translate?domain=cello", content=wav([0.0]))
    assert error_of(response) == (400, 'Serving signature key "info" not found.')
