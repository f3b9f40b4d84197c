"""What a server takes on at once, and what becomes of what waits."""

import time

import grpc
import numpy as np
import pytest

from serving.server.model import Model

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.fixture
def model(tmp_path, save_arithmetic):
    save_arithmetic(tmp_path / "1")
    return Model("toys", tmp_path, poll_wait_seconds=0)


def test_requests_beyond_the_bound_are_refused_at_once(model, served, make_request):
    with served(model, threads=1, max_pending_requests=3) as stubs:
        slow = make_request("toys", "wait", seconds=600.0)
        taken = [stubs.predict.future(slow, timeout=60) for _ in range(3)]
        # Requests may overtake each other on their way.
        time.sleep(0.5)
        # Larger than what is received before it is read.
        large = make_request("toys", x=np.zeros(3_000_000, np.float32))
        began = time.monotonic()
        while True:
            asked = stubs.predict.future(large, timeout=60)
            if asked.exception().code() == EXHAUSTED:
                break
        assert time.monotonic() - began < 10
        assert asked.details().startswith("max_pending_requests=3 requests are being")
        assert not any(call.done() for call in taken)
        for call in taken:
            call.cancel()


@pytest.mark.timeout(60)
def test_there_is_room_again(model, served, make_request):
    asked = make_request("toys", x=[1.0])
    with served(model, threads=1, max_pending_requests=1) as stubs:
        for _ in range(20):
            # An answer arrives a little before its thread is free.
            while stubs.predict.future(asked, timeout=30).exception() is not None:
                time.sleep(0.01)


def test_what_waits_beyond_its_deadline_is_not_run(
    model, served, make_request, monkeypatch
):
    ran = []
    with served(model, threads=1) as stubs:
        with model.lease(None) as version:
            loaded = version.loaded
        predict = loaded.predict

        def spy(request, *arguments):
            ran.append(request.model_spec.signature_name)
            return predict(request, *arguments)

        # Of this model only: others may still be at work for clients that have left.
        monkeypatch.setattr(loaded, "predict", spy)
        at_work = stubs.predict.future(make_request("toys", "wait", seconds=5.0))
        while not ran:
            time.sleep(0.01)
        began = time.monotonic()
        with pytest.raises(grpc.RpcError) as raised:
            stubs.predict(make_request("toys", "shout", text=b"a"), timeout=0.3)
        assert time.monotonic() - began < 4.0
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert at_work.result(timeout=60)
        assert stubs.predict(make_request("toys", "both", left=[1, 2], right=[1, 2]))
    assert ran == ["wait", "both"]


def test_samples_of_a_request_are_bounded(model, served, make_request):
    with served(model, max_request_samples=4) as stubs:
        assert stubs.predict(make_request("toys", x=[1.0] * 4))
        for request in (
            make_request("toys", x=[1.0] * 5),
            make_request("toys", "column", x=[[1.0]] * 5),
        ):
            with pytest.raises(grpc.RpcError) as raised:
                stubs.predict(request)
            assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert raised.value.details() == (
                "samples=5 are more than the max_request_samples=4 that a request may "
                "have; send shorter pieces."
            )
        both = make_request("toys", "both", left=[1.0, 2.0], right=[1.0, 2.0])
        assert stubs.predict(both)
