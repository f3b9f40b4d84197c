"""The REST API: status, metadata, and Predict in rows and in columns."""

import pytest

from tests.serving.conformance import models

MODEL = "/v1/models/half_plus_two"


def test_get_status_rest(server):
    answer = server.rest.get(MODEL)
    assert answer.status_code == 200
    assert answer.json() == {
        "model_version_status": [
            {
                "version": str(models.VERSION),
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }
    assert server.rest.get(f"{MODEL}/versions/{models.VERSION}").json() == answer.json()


def test_get_status_of_what_is_not_there_rest(server):
    for path in ("/v1/models/nothing", f"{MODEL}/versions/9"):
        answer = server.rest.get(path)
        assert answer.status_code == 404
        assert answer.json()["error"].startswith("Could not find ")


def test_get_model_metadata_rest(server):
    told = server.rest.get(f"{MODEL}/metadata").json()
    assert told["model_spec"]["name"] == "half_plus_two"
    assert told["model_spec"]["version"] == str(models.VERSION)
    signatures = told["metadata"]["signature_def"]["signature_def"]
    signature = signatures["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"]["x"]["dtype"] == "DT_FLOAT"
    (size,) = signature["inputs"]["x"]["tensor_shape"]["dim"]
    assert size["size"] == "-1"
    assert list(signature["outputs"]) == ["y"]


@pytest.mark.parametrize("version", ["", f"/versions/{models.VERSION}"])
def test_predict_rest(server, version):
    body = {"instances": [2.0, 3.0, 4.0]}
    answer = server.rest.post(f"{MODEL}{version}:predict", json=body)
    assert answer.json() == {"predictions": [3.0, 3.5, 4.0]}


def test_predict_of_objects_rest(server):
    body = {
        "signature_name": "two",
        "instances": [{"left": 5.0, "right": 3.0}, {"left": 1.0, "right": 1.0}],
    }
    answer = server.rest.post("/v1/models/kinds:predict", json=body)
    assert answer.json() == {
        "predictions": [
            {"sum": 8.0, "difference": 2.0},
            {"sum": 2.0, "difference": 0.0},
        ]
    }


def test_predict_columnar_rest(server):
    answer = server.rest.post(f"{MODEL}:predict", json={"inputs": [2.0, 3.0, 4.0]})
    assert answer.json() == {"outputs": [3.0, 3.5, 4.0]}
    body = {"signature_name": "two", "inputs": {"left": [5.0], "right": [3.0]}}
    answer = server.rest.post("/v1/models/kinds:predict", json=body)
    assert answer.json() == {"outputs": {"sum": [8.0], "difference": [2.0]}}


def test_predict_versions_and_labels_rest(server):
    answers = {
        path: server.rest.post(
            f"/v1/models/labelled{path}:predict", json={"instances": [0.0]}
        ).json()
        for path in ("/versions/1", "/versions/2", "/labels/stable", "/labels/canary")
    }
    assert [told["predictions"] for told in answers.values()] == [[1], [2], [1], [2]]
    answer = server.rest.post(
        "/v1/models/labelled/labels/nothing:predict", json={"instances": [0.0]}
    )
    assert answer.status_code == 400
    assert answer.json() == {"error": "Unrecognized servable version label: nothing"}


def test_predict_binary_rest(server):
    body = {"signature_name": "text", "instances": [{"b64": "aGVsbG8="}]}
    answer = server.rest.post("/v1/models/kinds:predict", json=body)
    assert answer.json() == {
        "predictions": [{"text": "HELLO", "text_bytes": {"b64": "aGVsbG8="}}]
    }


def test_predict_of_what_is_not_finite_rest(server):
    answer = server.rest.post(
        f"{MODEL}:predict", content='{"instances": [NaN, Infinity, -Infinity]}'
    )
    assert "".join(answer.text.split()) == ('{"predictions":[NaN,Infinity,-Infinity]}')


@pytest.mark.parametrize(
    "path, body, code, words",
    [
        ("half_plus_two", "", 400, "JSON Parse error: "),
        ("half_plus_two", "{}", 400, "Missing 'inputs' or 'instances' key"),
        ("half_plus_two", '{"instances": []}', 400, ""),
        (
            "half_plus_two",
            '{"signature_name": "none", "instances": [1.0]}',
            400,
            'Serving signature name: "none" not found in signature def',
        ),
        ("nothing", '{"instances": [1.0]}', 404, "Servable not found for request"),
    ],
)
def test_bad_predict_rest(server, path, body, code, words):
    answer = server.rest.post(f"/v1/models/{path}:predict", content=body)
    assert answer.status_code == code
    assert words in answer.json()["error"]


def test_bad_paths_rest(server):
    for method, path in (("GET", f"{MODEL}:predict"), ("POST", f"{MODEL}:nothing")):
        answer = server.rest.request(method, path)
        assert answer.status_code == 400
        assert answer.json() == {"error": f"Malformed request: {method} {path}"}


def test_no_cors_by_default_rest(server):
    answer = server.rest.get(MODEL, headers={"Origin": "https://example.com"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
