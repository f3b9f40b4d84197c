"""Whether the server's memory stays what it is under load, for as long as is asked.

python tests/benchmarks/endurance.py --minutes=60

Clients send what translators are sent over gRPC, what is refused, and the same over
REST, to a server in a process of its own. The memory that it has for itself is printed
every 30 seconds. The status is 1 where the most of it in the last five minutes is over
5 % more than in the first five, in which the allocators of the threads fill (in halves
of less than ten), or where a request was answered otherwise than it should be. The most
and not the last, which may be just after the server has trimmed. Linux only.
"""

import collections
import contextlib
import logging
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import machine
import numpy as np
import tensorflow as tf
from absl import flags
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tf_mt import script
from tf_mt.inference import pretrained

MINUTES = flags.DEFINE_float("minutes", 60.0, "How long to go on.", lower_bound=0.1)
CLIENTS = flags.DEFINE_integer("clients", 3, "Clients at once.", lower_bound=1)

_MODEL = "harmonics"
_LOOK_SECONDS = 30.0
_SETTLING_SECONDS = 300.0
_MOST_GROWTH = 1.05
_RATE_HZ = 32_000


class Server:
    """The embedded server, of the model that travels with the package.

    Attributes:
        address: Where it speaks gRPC.
        rest_address: Where it speaks HTTP.
    """

    def __init__(self, process: subprocess.Popen):
        self._process = process
        ports = re.search(r"port (\d+), REST on port (\d+)", process.stdout.readline())
        if ports is None:
            raise OSError("The server does not start; see above.")
        self.address, rest = (f"localhost:{port}" for port in ports.groups())
        self.rest_address = f"http://{rest}/v1/models/{_MODEL}:predict"

    def own_mib(self) -> float:
        """The memory that it has for itself, in MiB, wherever it lies.

        Pages of libraries are left out: the system takes and gives them as it likes.
        """
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        kib = re.findall(r"(?:RssAnon|VmSwap):\s+(\d+) kB", status)
        return sum(map(int, kib)) / 1024


@contextlib.contextmanager
def served() -> Iterator[Server]:
    """Starts the server, and ends it."""
    with socket.create_server(("localhost", 0)) as free:
        rest_port = free.getsockname()[1]
    arguments = [
        f"--model_base_path={pretrained.BUNDLE}",
        f"--model_name={_MODEL}",
        "--port=0",
        f"--rest_api_port={rest_port}",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "serving.server", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Server(process)
        finally:
            process.terminate()


def predicting(server: Server) -> Iterator[Callable[[np.random.Generator], str]]:
    """The kinds of requests; each tells what became of it."""
    channel = grpc.insecure_channel(
        server.address, [("grpc.max_receive_message_length", -1)]
    )
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def translate(draw: np.random.Generator) -> str:
        response = stub.Predict(_request(draw, "flute"), timeout=120)
        return f"translated {len(response.outputs) == 2}"

    def refused(draw: np.random.Generator) -> str:
        try:
            stub.Predict(_request(draw, "no such domain"), timeout=120)
        except grpc.RpcError as error:
            return f"refused {error.code().name}"
        return "not refused"

    def over_rest(draw: np.random.Generator) -> str:
        inputs = {"audio": [[0.1] * int(draw.integers(100, 5000))], "domain": ["flute"]}
        answer = httpx.post(server.rest_address, json={"inputs": inputs}, timeout=120)
        return f"REST {answer.status_code}"

    yield from (translate, refused, over_rest)


EXPECTED = {"translated True", "refused INVALID_ARGUMENT", "REST 200"}


def _request(draw: np.random.Generator, domain: str) -> predict_pb2.PredictRequest:
    samples = int(draw.integers(_RATE_HZ // 4, 2 * _RATE_HZ))
    request = predict_pb2.PredictRequest()
    request.model_spec.name = _MODEL
    audio = draw.normal(scale=0.1, size=(1, samples)).astype(np.float32)
    request.inputs["audio"].CopyFrom(tf.make_tensor_proto(audio))
    request.inputs["domain"].CopyFrom(tf.make_tensor_proto([domain]))
    return request


def load(
    server: Server, seed: int, finished: threading.Event, counts: collections.Counter
) -> None:
    """Sends requests, one after the other, and counts what becomes of them."""
    draw = np.random.default_rng(seed)
    kinds = list(predicting(server))
    while not finished.is_set():
        kind = kinds[draw.integers(len(kinds))]
        try:
            counts[kind(draw)] += 1
        except (grpc.RpcError, httpx.HTTPError) as error:
            counts[f"failed {type(error).__name__}: {error}"] += 1


def main(argv: list[str]) -> int:
    """Prints the memory over time; the status is 1 if it grows."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    print(f"{machine.description()}, TF {tf.__version__}, {CLIENTS.value} clients")
    finished, counts = threading.Event(), collections.Counter()
    seen = []
    with served() as server:
        threads = [
            threading.Thread(target=load, args=(server, seed, finished, counts))
            for seed in range(CLIENTS.value)
        ]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        seconds = 60 * MINUTES.value
        while (passed := time.monotonic() - began) < seconds:
            finished.wait(min(_LOOK_SECONDS, seconds / 20, seconds - passed))
            passed = time.monotonic() - began
            seen.append((passed, server.own_mib()))
            print(f"{passed:8.0f} s {seen[-1][1]:10.0f} MiB", flush=True)
        finished.set()
        for thread in threads:
            thread.join()
    return _verdict(seen, seconds, counts)


def _verdict(
    seen: list[tuple[float, float]], seconds: float, counts: collections.Counter
) -> int:
    settling = min(_SETTLING_SECONDS, seconds / 2)
    settled = max(mib for passed, mib in seen if passed <= settling)
    ended = max(mib for passed, mib in seen if passed >= seconds - settling)
    print(dict(counts))
    print(f"From {settled:.0f} to {ended:.0f} MiB: {ended / settled - 1:+.1%}")
    return int(ended > _MOST_GROWTH * settled or not set(counts) <= EXPECTED)


if __name__ == "__main__":
    script.run(main)
