"""Sends mutated Predict requests to the embedded server, over gRPC.

python -m tests.fuzz.predict [--requests=10000] [--seed=0]

Every field is changed, and the bytes on the wire. Prints how many were answered and
refused, by code. None may be UNKNOWN or INTERNAL; in between and in the end, requests
that are right have to have their exact answers.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.config import model_server_config_pb2

from tests.fuzz import wire
from tests.serving.conformance import models
from tf_mt.inference import pretrained

# A bundle as it is exported, of many operations; the other models are quick.
TRANSLATOR = "harmonics"

NEVER = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL)
TIMEOUT_SECONDS = 60
GOLDEN_EVERY = 500

_INTEGERS = (-(2**63), -(2**31), -1, 0, 1, 2, 7, 2**20, 2**31 - 1, 2**32, 2**62)
_NAMES = ("", "x", "y", "audio", "serving_default", "\0", "é", "a" * 5000, "__saved__")
# Fields of a TensorProto that hold numbers or text, and what is put into them.
_VALUES = {
    "float_val": (0.0, -1.5, float("nan"), float("inf"), 1e38),
    "double_val": (0.0, float("nan"), 1e308),
    "int_val": (-(2**31), -1, 0, 65_536, 2**31 - 1),
    "int64_val": (-(2**63), 0, 2**63 - 1),
    "bool_val": (True, False),
    "half_val": (-1, 0, 0x7C00, 70_000),
    "uint32_val": (0, 2**32 - 1),
    "uint64_val": (0, 2**64 - 1),
    "scomplex_val": (0.0, 1.0),
    "dcomplex_val": (0.0, 1.0),
    "string_val": (b"", b"a", b"\xff\x00", b"a" * 1000),
}


def golden() -> list[predict_pb2.PredictRequest]:
    """Requests that are right."""
    found = []
    for name, signature, inputs in (
        ("half_plus_two", "", {"x": np.float32([1.0, -2.0, np.inf])}),
        ("half_plus_two", "regress_x_to_y", {"inputs": _examples()}),
        ("labelled", "", {"x": np.float32([])}),
        ("kinds", "scalar", {"x": np.float32(2.0)}),
        ("kinds", "any_shape", {"x": np.ones([2, 1, 2], np.float32)}),
        ("kinds", "text", {"text": np.array([b"a", b"\xff"], object)}),
        ("kinds", "two", {"left": np.ones(2, "f4"), "right": np.ones(2, "f4")}),
        (TRANSLATOR, "", {"audio": _tone(), "domain": np.array([b"flute"], object)}),
        (TRANSLATOR, "resynthesis", {"audio": _tone()}),
        (TRANSLATOR, "info", {}),
    ):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        request.model_spec.signature_name = signature
        for alias, array in inputs.items():
            request.inputs[alias].CopyFrom(tf.make_tensor_proto(array))
        found.append(request)
    return found


def _tone() -> np.ndarray:
    return 0.1 * np.sin(0.1 * np.arange(4000, dtype=np.float32))[np.newaxis]


def _examples() -> np.ndarray:
    example = tf.train.Example()
    example.features.feature["x"].float_list.value.append(2.0)
    return np.array([example.SerializeToString()], object)


def mutated(request: predict_pb2.PredictRequest, draw: random.Random) -> bytes:
    """The request on the wire, with some of its fields or bytes changed."""
    made = predict_pb2.PredictRequest()
    made.CopyFrom(request)
    for _ in range(draw.randint(1, 3)):
        draw.choice(_MUTATIONS)(made, draw)
    data = made.SerializeToString()
    kind = draw.randrange(8)
    if kind == 0:
        return wire.mutated(data, draw)
    if kind == 1:
        return data[: draw.randrange(len(data) + 1)]
    return data


def _spec(request: predict_pb2.PredictRequest, draw: random.Random) -> None:
    kind = draw.randrange(6)
    spec = request.model_spec
    if kind == 0:
        request.ClearField("model_spec")
    elif kind == 1:
        spec.name = draw.choice(_NAMES)
    elif kind == 2:
        spec.signature_name = draw.choice(_NAMES)
    elif kind == 3:
        spec.version.value = draw.choice(_INTEGERS)
    elif kind == 4:
        spec.version_label = draw.choice((*_NAMES, "stable"))
    else:
        names = ("half_plus_two", "labelled", "kinds", TRANSLATOR)
        spec.name = draw.choice(names)


def _aliases(request: predict_pb2.PredictRequest, draw: random.Random) -> None:
    name = draw.choice(_NAMES)
    if not request.inputs or draw.randrange(2):
        request.inputs[name].dtype = draw.choice((1, 7))
        return
    alias = draw.choice(sorted(request.inputs))
    request.inputs[name].CopyFrom(request.inputs[alias])
    if draw.randrange(2):
        del request.inputs[alias]


def _filter(request: predict_pb2.PredictRequest, draw: random.Random) -> None:
    request.output_filter.extend(draw.choices((*_NAMES, "sum", "sample_rate"), k=2))


def _options(request: predict_pb2.PredictRequest, draw: random.Random) -> None:
    """Fields that only other servers than TensorFlow Serving's own look at."""
    kind = draw.randrange(3)
    if kind == 0:
        options = request.predict_streamed_options
        options.request_state = draw.randrange(4)
        options.split_dimensions[draw.choice(_NAMES)] = draw.choice((-1, 0, 2**31 - 1))
    elif kind == 1:
        request.client_id = draw.randbytes(8)
    else:
        request.request_options.SetInParent()


def _of_tensor(change: Callable) -> Callable:
    """A mutation of one of the tensors of a request."""

    def mutate(request: predict_pb2.PredictRequest, draw: random.Random) -> None:
        if request.inputs:
            change(request.inputs[draw.choice(sorted(request.inputs))], draw)

    return mutate


def _dtype(tensor, draw: random.Random) -> None:
    tensor.dtype = draw.choice((*range(-1, 32), 101, 107, 2**31 - 1))


def _shape(tensor, draw: random.Random) -> None:
    dims, kind = tensor.tensor_shape.dim, draw.randrange(5)
    if kind == 0:
        dims.add(size=draw.choice(_INTEGERS))
    elif kind == 1 and dims:
        dims[draw.randrange(len(dims))].size = draw.choice(_INTEGERS)
    elif kind == 2 and dims:
        del dims[draw.randrange(len(dims))]
    elif kind == 3:
        tensor.tensor_shape.unknown_rank = True
    else:
        for _ in range(draw.choice((1, 8, 300))):
            dims.add(size=draw.choice((0, 1)), name=draw.choice(_NAMES))


def _content(tensor, draw: random.Random) -> None:
    content, kind = tensor.tensor_content, draw.randrange(4)
    if kind == 0:
        tensor.tensor_content = wire.mutated(content, draw)
    elif kind == 1:
        tensor.tensor_content = content[: draw.randrange(len(content) + 1)]
    elif kind == 2:
        tensor.tensor_content = draw.randbytes(len(content))
    else:
        tensor.tensor_content = draw.randbytes(draw.choice((1, 4, 100)))


def _values(tensor, draw: random.Random) -> None:
    if draw.randrange(2):
        tensor.ClearField("tensor_content")
    field = draw.choice(sorted(_VALUES))
    getattr(tensor, field).extend(draw.choices(_VALUES[field], k=draw.randrange(5)))


def _others(tensor, draw: random.Random) -> None:
    """Fields that no input of a request has."""
    kind = draw.randrange(4)
    if kind == 0:
        tensor.version_number = draw.choice((-1, 1, 2**31 - 1))
    elif kind == 1:
        tensor.float8_val = draw.randbytes(4)
    elif kind == 2:
        tensor.resource_handle_val.add(name="a", hash_code=1)
    else:
        tensor.variant_val.add(type_name="a", metadata=b"\xff")


_MUTATIONS = (
    _spec,
    _aliases,
    _filter,
    _options,
    *map(_of_tensor, (_dtype, _shape, _content, _values, _others)),
)


class Target:
    """The embedded server, in a process of its own, that is asked with bytes."""

    def __init__(self, folder: pathlib.Path):
        """Starts it.

        Args:
            folder: An empty one, for its models and what it logs.
        """
        models.write_all(folder)
        listed = models.config(folder)
        listed.model_config_list.config.append(
            models.model(TRANSLATOR, pretrained.BUNDLE)
        )
        self._log = folder / "stderr.txt"
        self._process = self._launched(folder / models.MODELS_CONFIG, listed)
        port = re.search(r"on port (\d+)", self._process.stdout.readline())
        if port is None:
            raise OSError(f"The server does not start: {self._log.read_text()}")
        self._channel = grpc.insecure_channel(
            f"localhost:{port[1]}", [("grpc.max_receive_message_length", -1)]
        )
        self._predict = self._channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict"
        )

    def _launched(
        self, config: pathlib.Path, listed: model_server_config_pb2.ModelServerConfig
    ) -> subprocess.Popen:
        config.write_text(text_format.MessageToString(listed))
        arguments = [
            f"--model_config_file={config}",
            "--allow_version_labels_for_unavailable_models",
            "--port=0",
        ]
        with self._log.open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "serving.server", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def ask(self, data: bytes) -> bytes:
        """The answer to a request, both as they are on the wire."""
        return self._predict(data, timeout=TIMEOUT_SECONDS)

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def close(self) -> None:
        """Ends it."""
        self._channel.close()
        self._process.kill()
        self._process.communicate()


def fuzz(target: Target, requests: int, seed: int) -> dict:
    """Sends that many mutated requests.

    Returns:
        `counts` by the name of the code, and `wrong`: {what is wrong: the request}.
    """
    draw, right = random.Random(seed), golden()
    answers = [_answer(target, request) for request in right]
    counts, wrong = collections.Counter(), {}
    for number in range(1, requests + 1):
        data = mutated(draw.choice(right), draw)
        try:
            target.ask(data)
            counts["OK"] += 1
        except grpc.RpcError as error:
            counts[error.code().name] += 1
            if error.code() in NEVER:
                wrong.setdefault(f"{error.code().name}: {error.details()}", data)
        if not target.is_running:
            wrong["crash"] = data
            break
        if number % GOLDEN_EVERY == 0 or number == requests:
            for request, answer in zip(right, answers, strict=True):
                if _answer(target, request) != answer:
                    wrong[f"another answer after {number} requests"] = data
    return {"counts": counts, "wrong": wrong}


def _answer(target: Target, request: predict_pb2.PredictRequest) -> dict[str, bytes]:
    """The outputs for a request, by name: the order on the wire is not told."""
    response = predict_pb2.PredictResponse.FromString(
        target.ask(request.SerializeToString())
    )
    return {
        alias: tensor.SerializeToString() for alias, tensor in response.outputs.items()
    }


def main() -> None:
    """Prints what became of the requests; the status is 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        target = Target(pathlib.Path(folder))
        try:
            began = time.perf_counter()
            found = fuzz(target, given.requests, given.seed)
            seconds = time.perf_counter() - began
        finally:
            target.close()
        told = target.log()
    counts = ", ".join(f"{count} {code}" for code, count in found["counts"].items())
    print(f"{given.requests} requests, {seconds:.0f} seconds: {counts}")
    for what, data in found["wrong"].items():
        print(f"  {what}: {data!r}"[:2000])
    if "crash" in found["wrong"]:
        print(told[-5000:])
    sys.exit(bool(found["wrong"]))


if __name__ == "__main__":
    main()
