"""Bodies that are compressed, and pages of other sites that ask."""

import gzip
import json

import httpx
import pytest

from serving.server import http_encoding, status
from serving.server.metrics import DEFAULT_PATH
from serving.server.model import Model
from serving.server.rest_endpoint import RestOptions

PREDICT = "/v1/models/toys:predict"
ORIGIN = {"Origin": "https://other.example"}
PREFLIGHT = {
    **ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type",
}


@pytest.fixture
def start(tmp_path, save_arithmetic, served):
    save_arithmetic(tmp_path / "1")
    model = Model("toys", tmp_path, poll_wait_seconds=0)

    def start(cross_origin=False, **limits):
        options = RestOptions(0, 30.0, DEFAULT_PATH, cross_origin)
        return served(model, options, **limits)

    return start


def test_answers_are_compressed_for_those_who_read_that(start):
    numbers = [0.5 * n for n in range(2000)]
    body = json.dumps({"inputs": numbers})
    with start() as stubs:
        sizes = {}
        for accepted in ("gzip", "br, gzip;q=0.5", "identity", "gzip;q=0"):
            headers = {"Accept-Encoding": accepted}
            url = f"{stubs.rest_address}{PREDICT}"
            answer = httpx.post(url, content=body, headers=headers)
            assert answer.json() == {"outputs": [0.5 * n + 2 for n in numbers]}
            assert answer.headers["vary"] == "Accept-Encoding"
            encoding = answer.headers.get("content-encoding")
            sizes[accepted] = encoding, int(answer.headers["content-length"])
        page = httpx.get(f"{stubs.rest_address}{DEFAULT_PATH}")
        assert page.headers["content-encoding"] == "gzip"
        assert "# TYPE :tensorflow:serving:request_count counter" in page.text
        metadata = httpx.get(f"{stubs.rest_address}/v1/models/toys/metadata")
        assert metadata.headers["content-encoding"] == "gzip"
        assert metadata.json()["model_spec"]["name"] == "toys"
        short = httpx.post(url, content='{"inputs": [1.0]}')
        assert "content-encoding" not in short.headers
    assert sizes["identity"] == sizes["gzip;q=0"] == (None, sizes["identity"][1])
    assert sizes["gzip"] == sizes["br, gzip;q=0.5"]
    assert sizes["gzip"][0] == "gzip"
    assert sizes["gzip"][1] < 0.6 * sizes["identity"][1]


def test_bodies_may_be_compressed(start):
    body = json.dumps({"inputs": [2.0] * 5000}).encode()
    halves = gzip.compress(body[:99]) + gzip.compress(body[99:])
    with start() as stubs:
        url = f"{stubs.rest_address}{PREDICT}"
        for content in (gzip.compress(body), halves):
            headers = {"Content-Encoding": "gzip"}
            answer = httpx.post(url, content=content, headers=headers)
            assert answer.json() == {"outputs": [3.0] * 5000}


@pytest.mark.parametrize(
    "encoding, content, words",
    [
        ("gzip", b"{}", "The body is not gzip: "),
        # With the time in it, two workers would name this case in two ways.
        ("gzip", gzip.compress(b"{}", mtime=0)[:-3], "The body ends within gzip."),
        ("gzip", b"", "The body ends within gzip."),
        ("br", b"{}", "Content-Encoding='br' is not known; send gzip, or the body as"),
        (
            "gzip",
            gzip.compress(bytes(1 << 25)),
            f"The body has more than {32 * 4 + 2**20} bytes; send shorter pieces.",
        ),
    ],
)
def test_words_for_bodies_that_are_wrong(start, encoding, content, words):
    with start(max_request_samples=4) as stubs:
        answer = httpx.post(
            f"{stubs.rest_address}{PREDICT}",
            content=content,
            headers={"Content-Encoding": encoding},
        )
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(words)


def test_no_more_is_inflated_than_may_be_sent():
    taken = []
    inflater = http_encoding.Inflater("gzip", taken.append, 1000)
    with pytest.raises(status.StatusError):
        inflater.feed(gzip.compress(bytes(1 << 25)))
    assert taken == []


def test_a_body_in_chunks_of_any_size():
    body = bytes(range(256)) * 100
    content = gzip.compress(body)
    for size in (1, 7, len(content)):
        taken = []
        inflater = http_encoding.Inflater("gzip", taken.append, len(body))
        for start in range(0, len(content), size):
            inflater.feed(content[start : start + size])
        inflater.end()
        assert b"".join(taken) == body


def test_pages_of_other_sites_may_ask_where_that_is_enabled(start):
    with start(cross_origin=True) as stubs:
        url = f"{stubs.rest_address}{PREDICT}"
        allowed = httpx.options(url, headers=PREFLIGHT)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "*"
        assert "POST" in allowed.headers["access-control-allow-methods"]
        assert "Content-Type" in allowed.headers["access-control-allow-headers"]
        for body, code in (('{"inputs": [2.0]}', 200), ("{}", 400)):
            answer = httpx.post(url, content=body, headers=ORIGIN)
            assert answer.status_code == code
            assert answer.headers["access-control-allow-origin"] == "*"


def test_pages_of_other_sites_may_not_ask_otherwise(start):
    with start() as stubs:
        url = f"{stubs.rest_address}{PREDICT}"
        answer = httpx.post(url, content='{"inputs": [2.0]}', headers=ORIGIN)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
        assert httpx.options(url, headers=PREFLIGHT).status_code == 400
