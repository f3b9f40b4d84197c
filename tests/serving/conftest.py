"""Toy SavedModels, and servers of them."""

import contextlib
import functools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from serving.server.batching_parameters import BatchingParameters
from serving.server.grpc_endpoint import GrpcOptions
from serving.server.limits import Limits
from serving.server.model import Model
from serving.server.models import Models
from serving.server.rest_endpoint import RestOptions
from serving.server.server import Server


class _Arithmetic(tf.Module):
    """Signatures for the protocol: a * x + b, and others of other forms."""

    def __init__(self, a: float, b: float):
        super().__init__()
        self.a = tf.Variable(a)
        self.b = tf.Variable(b)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def line(self, x):
        return {"y": self.a * x + self.b}

    @tf.function(
        input_signature=[
            tf.TensorSpec([2], tf.float32, "left"),
            tf.TensorSpec([2], tf.float32, "right"),
        ]
    )
    def both(self, left, right):
        with tf.control_dependencies([tf.debugging.check_numerics(right, "right")]):
            difference = left - right
        return {"sum": left + right, "difference": difference}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "text")])
    def shout(self, text):
        return {
            "text": tf.strings.upper(text),
            "all": tf.strings.reduce_join(text, separator="\0"),
        }

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, "x")])
    def column(self, x):
        return {"y": self.a * x + self.b}

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "seconds")])
    def wait(self, seconds):
        end = tf.timestamp() + tf.cast(seconds, tf.float64)
        (turns,) = tf.while_loop(
            lambda turns: tf.timestamp() < end, lambda turns: turns + 1, [0]
        )
        return {"turns": turns}

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32, "length")])
    def fail(self, length):
        message = tf.strings.reduce_join(tf.fill([length], "x"))
        with tf.control_dependencies([tf.debugging.Assert(False, [message])]):
            return {"y": tf.identity(length)}


class _Translator(tf.Module):
    """A translator whose domains differ in loudness; the signatures of a bundle.

    The timbre of a reference is its peak.
    """

    def __init__(
        self,
        gains: dict[str, float],
        window_samples: int,
        overlap: int,
        reference_samples: int,
    ):
        super().__init__()
        self.names = tf.constant(list(gains), tf.string)
        self.gains = tf.constant(list(gains.values()), tf.float32)
        self.window_samples = window_samples
        self.overlap_samples = overlap
        self.reference_samples = reference_samples

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, "audio"),
            tf.TensorSpec([None], tf.string, "domain"),
        ]
    )
    def translate(self, audio, domain):
        known = domain[:, None] == self.names
        check = tf.debugging.Assert(
            tf.reduce_all(tf.reduce_any(known, axis=1)),
            ["domain is not known; known:", self.names],
        )
        with tf.control_dependencies([check]):
            gain = tf.reduce_sum(tf.where(known, self.gains, 0.0), axis=1)
        return {"audio": audio * gain[:, None], "sample_rate": tf.constant(16000)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "reference")])
    def timbre_of(self, reference):
        return {"timbre": tf.reduce_max(tf.abs(reference), axis=1, keepdims=True)}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None], tf.float32, "audio"),
            tf.TensorSpec([None, 1], tf.float32, "timbre"),
        ]
    )
    def transfer(self, audio, timbre):
        return {"audio": audio * timbre, "sample_rate": tf.constant(16000)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "audio")])
    def resynthesise(self, audio):
        return {"audio": 0.5 * audio, "sample_rate": tf.constant(16000)}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "audio")])
    def codes(self, audio):
        ends = tf.reduce_min(audio, axis=1), tf.reduce_max(audio, axis=1)
        return {"codes": tf.stack(ends, axis=1)}

    @tf.function(input_signature=[])
    def info(self):
        return {
            "domains": self.names,
            "sample_rate": tf.constant(16000),
            "window_samples": tf.constant(self.window_samples),
            "overlap_samples": tf.constant(self.overlap_samples),
            "parameters": tf.constant(3_000_000_000, tf.int64),
            "reference_samples": tf.constant(self.reference_samples),
        }


def _save_arithmetic(directory: Path, a: float = 0.5, b: float = 2.0) -> None:
    module = _Arithmetic(a, b)
    names = ("both", "shout", "column", "wait", "fail")
    signatures = {name: getattr(module, name) for name in names}
    _save(module, directory, {"serving_default": module.line, **signatures})


def _save_translator(
    directory: Path,
    gains: dict[str, float],
    window_samples: int = 4000,
    overlap_samples: int = 400,
    reference_samples: int = 800,
) -> None:
    """Saves a translator; no gains, no domains; no reference samples, no transfer."""
    module = _Translator(gains, window_samples, overlap_samples, reference_samples)
    signatures = {
        "resynthesis": module.resynthesise,
        "codes": module.codes,
        "info": module.info,
    }
    if gains:
        signatures["serving_default"] = module.translate
    if reference_samples:
        signatures["timbre_of"] = module.timbre_of
        signatures["transfer"] = module.transfer
    _save(module, directory, signatures)


def _save(module: tf.Module, directory: Path, signatures: dict) -> None:
    """Saves under another name first: a watching server sees all of it or nothing."""
    unfinished = directory.with_name(f"unfinished-{directory.name}")
    tf.saved_model.save(module, str(unfinished), signatures=signatures)
    unfinished.rename(directory)


def _write_warmup(directory: Path, *requests: predict_pb2.PredictRequest) -> None:
    path = directory / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())


def _request(model: str, signature: str = "", **inputs) -> predict_pb2.PredictRequest:
    """A request; numbers of no declared type are float32."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for alias, value in inputs.items():
        if not isinstance(value, np.ndarray | bytes) and value != []:
            value = np.array(value, np.float32)
        request.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return request


class _Stubs:
    """The services of a port."""

    def __init__(self, port: int):
        self.port = port
        self.address = f"localhost:{port}"
        self.channel = grpc.insecure_channel(
            self.address, [("grpc.max_receive_message_length", -1)]
        )
        prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.predict = prediction.Predict
        self.metadata = prediction.GetModelMetadata
        self.prediction = prediction
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)


@contextlib.contextmanager
def _served(
    model: Model,
    rest: RestOptions | None = None,
    batching: BatchingParameters | None = None,
    **limits: int,
) -> Iterator[_Stubs]:
    models = Models(functools.partial(Model, poll_wait_seconds=0))
    server = Server(models, GrpcOptions(port=0), rest, Limits(**limits), batching)
    server.start()
    models.add(model)
    stubs = _Stubs(server.port)
    stubs.rest_address = f"http://localhost:{server.rest_port}"
    try:
        yield stubs
    finally:
        stubs.channel.close()
        server.stop()


class _Process:
    """`python -m serving.server` in a process of its own."""

    def __init__(self, *arguments: str):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serving.server", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def stubs(self) -> _Stubs:
        self.first_line = self.process.stdout.readline()
        return _Stubs(int(re.search(r"on port (\d+)", self.first_line)[1]))


@pytest.fixture(scope="session")
def save_arithmetic() -> Callable[..., None]:
    return _save_arithmetic


@pytest.fixture(scope="session")
def save_translator() -> Callable[..., None]:
    return _save_translator


@pytest.fixture(scope="session")
def write_warmup() -> Callable[..., None]:
    return _write_warmup


@pytest.fixture(scope="session")
def make_request() -> Callable[..., predict_pb2.PredictRequest]:
    return _request


@pytest.fixture(scope="session")
def served() -> Callable[..., contextlib.AbstractContextManager[_Stubs]]:
    return _served


@pytest.fixture
def stubs_of() -> Iterator[Callable[[int], _Stubs]]:
    """Makes the services of a port, whose channels are closed after the test."""
    made = []

    def stubs_of(port: int) -> _Stubs:
        made.append(_Stubs(port))
        return made[-1]

    yield stubs_of
    for stubs in made:
        stubs.channel.close()


@pytest.fixture
def launch() -> Iterator[Callable[..., _Process]]:
    """Starts servers that are killed at the end of the test."""
    started = []

    def start(*arguments: str) -> _Process:
        started.append(_Process(*arguments))
        return started[-1]

    yield start
    for process in started:
        process.process.kill()
        process.process.communicate()


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Stubs]:
    """A server of the arithmetic model, as `toys`, version 7."""
    base = tmp_path_factory.mktemp("toys")
    _save_arithmetic(base / "7")
    with _served(Model("toys", base, poll_wait_seconds=0)) as stubs:
        yield stubs


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Stubs]:
    """A server of a translator, as `translator`, version 1."""
    base = tmp_path_factory.mktemp("translator")
    _save_translator(base / "1", {"cello": 2.0, "flute": 0.5})
    with _served(Model("translator", base, poll_wait_seconds=0)) as stubs:
        yield stubs


@pytest.fixture(scope="module")
def no_transfer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Stubs]:
    """A server of a translator that knows domains only, as `translator`."""
    base = tmp_path_factory.mktemp("no_transfer")
    _save_translator(base / "1", {"cello": 2.0, "flute": 0.5}, reference_samples=0)
    with _served(Model("translator", base, poll_wait_seconds=0)) as stubs:
        yield stubs


@pytest.fixture(scope="module")
def no_domains(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Stubs]:
    """A server of a translator that transfers only, as `translator`."""
    base = tmp_path_factory.mktemp("no_domains")
    _save_translator(base / "1", {})
    with _served(Model("translator", base, poll_wait_seconds=0)) as stubs:
        yield stubs
