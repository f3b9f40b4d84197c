"""Servers whose answers are written down beforehand."""

import contextlib
import threading
from concurrent import futures

import grpc
import numpy as np

from serving import proto, tensors

# What an older model tells of itself.
INFO = {
    "domains": np.array([b"any"], object),
    "sample_rate": np.array(16000),
    "window_samples": np.array(100),
    "overlap_samples": np.array(10),
}


def response_of(outputs):
    response = proto.PredictResponse()
    for key, value in outputs.items():
        tensors.write_values(value, response.outputs.add(key=key).value)
    return response


class Script(grpc.GenericRpcHandler):
    """A server whose answers are written down beforehand: errors, or None for an echo.

    Once they are used up, it repeats the last one.
    """

    def __init__(self, answers=(None,)):
        self.answers = list(answers)
        self.calls = 0

    def service(self, handler_call_details):
        assert handler_call_details.method == proto.PREDICT
        return grpc.unary_unary_rpc_method_handler(
            self.answer,
            request_deserializer=proto.PredictRequest.FromString,
            response_serializer=proto.PredictResponse.SerializeToString,
        )

    def answer(self, request, context):
        answer = self.answers[min(self.calls, len(self.answers) - 1)]
        self.calls += 1
        if answer is not None:
            context.abort(*answer)
        return proto.PredictResponse(outputs=request.inputs)


class Concurrent(Script):
    """Counts the calls under way; the first one waits for company."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.company = threading.Event()

    def answer(self, request, context):
        with self.lock:
            first = self.calls == 0
            self.calls += 1
            self.now += 1
            self.most = max(self.most, self.now)
        if not first:
            self.company.set()
        assert self.company.wait(30)
        with self.lock:
            self.now -= 1
        return proto.PredictResponse(outputs=request.inputs)


class Stuck(Script):
    """Answers `info`, and never a window that reaches a level."""

    def __init__(self, level=-np.inf):
        super().__init__()
        self.level = level
        self.waiting = threading.Semaphore(0)
        self.cancelled = threading.Semaphore(0)

    def answer(self, request, context):
        if request.model_spec.signature_name == "info":
            return response_of(INFO)
        if audio_of(request).max() >= self.level:
            left = threading.Event()
            assert context.add_callback(left.set)
            self.waiting.release()
            assert left.wait(60)
            self.cancelled.release()
        return proto.PredictResponse(outputs=request.inputs)


def audio_of(request):
    (audio,) = (named.value for named in request.inputs if named.key == "audio")
    return tensors.to_array(audio)


def arrives(semaphore, times):
    return all(semaphore.acquire(timeout=30) for _ in range(times))


@contextlib.contextmanager
def served(script):
    """Starts a server of a script and yields its address."""
    server = grpc.server(futures.ThreadPoolExecutor(8), handlers=[script])
    port = server.add_insecure_port("localhost:0")
    server.start()
    try:
        yield f"localhost:{port}"
    finally:
        server.stop(None)
