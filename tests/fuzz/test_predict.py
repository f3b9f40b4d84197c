"""Whatever is sent to Predict is answered or refused, and nothing is worse for it."""

import pytest

from tests.fuzz import predict


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    started = predict.Target(tmp_path_factory.mktemp("models"))
    yield started
    started.close()


@pytest.mark.parametrize("seed", [0, 1])
def test_mutated_requests(target, seed):
    found = predict.fuzz(target, requests=200, seed=seed)
    assert found["wrong"] == {}
    # Neither all whole nor all beyond reading: it is the border that is tried.
    assert found["counts"]["OK"] and found["counts"]["INVALID_ARGUMENT"]
    assert "Traceback" not in target.log()


def test_what_is_wrong_is_found(target, monkeypatch):
    monkeypatch.setattr(predict, "NEVER", (predict.grpc.StatusCode.NOT_FOUND,))
    found = predict.fuzz(target, requests=100, seed=0)
    assert any(what.startswith("NOT_FOUND") for what in found["wrong"])
