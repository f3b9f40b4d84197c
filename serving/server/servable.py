"""One version of a model in memory: a SavedModel in a session of TensorFlow's runtime.

The session runs the graph as TensorFlow Serving's does: outputs that are not asked for
are pruned, and a deadline stops the run.
"""

import contextlib
import dataclasses
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow.python.client import pywrap_tf_session
from tensorflow_serving.apis import predict_pb2

from serving import tensors
from serving.server import row_outputs, run_times, status
from serving.server.caller import Caller

DEFAULT_SIGNATURE = "serving_default"

_MAX_TIMEOUT_MS = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Run:
    """What a request asks of the graph.

    Attributes:
        signature: The name of the signature.
        feeds: What to feed, by the names of the graph's tensors.
        fetches: The names of the graph's tensors to fetch.
    """

    signature: str
    feeds: Mapping[str, np.ndarray]
    fetches: tuple[str, ...]

    @property
    def numbers(self) -> int:
        """How many the inputs have."""
        return sum(array.size for array in self.feeds.values())


class Runner(Protocol):
    """Runs requests otherwise than one by one."""

    def run(self, loaded: "Servable", run: Run, caller: Caller) -> list[np.ndarray]:
        """Returns what is fetched, or raises a `StatusError`."""


class Servable:
    """A loaded SavedModel; any number of threads may use it at once.

    Attributes:
        signatures: The SignatureDef of each signature, by name.
        row_outputs: For each signature, which of its tensors have rows; see
            `row_outputs.of_signatures`.
    """

    def __init__(self, directory: Path):
        """Loads a version folder.

        Raises:
            Exception: Of many kinds, if the folder holds no sound SavedModel.
        """
        with contextlib.ExitStack() as on_error, tf.Graph().as_default():
            self._session = tf.compat.v1.Session()
            on_error.callback(self.close)
            meta_graph = tf.compat.v1.saved_model.load(
                self._session, [tf.saved_model.SERVING], str(directory)
            )
            on_error.pop_all()
        self.signatures = dict(meta_graph.signature_def)
        self.row_outputs = row_outputs.of_signatures(meta_graph)
        self._has_loops = run_times.has_loops(meta_graph)
        self._run_times = {name: run_times.RunTimes() for name in self.signatures}

    def predict(
        self,
        request: predict_pb2.PredictRequest,
        caller: Caller | None = None,
        max_samples: int | None = None,
        runner: Runner | None = None,
    ) -> predict_pb2.PredictResponse:
        """Runs one signature.

        Args:
            request: As for TensorFlow Serving's Predict.
            caller: Who waits for it; None for somebody who waits for ever.
            max_samples: The most numbers that the inputs may have; None for any.
            runner: What runs it, of this version; None to run it by itself.

        Returns:
            The outputs; the model spec names the signature that was run.

        Raises:
            StatusError: If the request does not fit the signature, or the run fails.
        """
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in self.signatures:
            raise status.StatusError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found.',
            )
        signature = self.signatures[name]
        feeds = _feeds(signature, request.inputs, max_samples)
        fetches = _fetches(signature, request.output_filter)
        run = Run(name, feeds, tuple(fetches.values()))
        caller = caller or Caller()
        outputs = runner.run(self, run, caller) if runner else self.run(run, caller)
        response = predict_pb2.PredictResponse()
        response.model_spec.signature_name = name
        for alias, output in zip(fetches, outputs, strict=True):
            # A single string comes as a `bytes`, which NumPy would cut at a zero.
            array = np.array(output, object) if isinstance(output, bytes) else output
            tensors.write_values(array, response.outputs[alias])
        return response

    def run(self, run: Run, caller: Caller) -> list[np.ndarray]:
        """Runs the graph.

        Args:
            run: What to run.
            caller: Who waits for it; the run ends when nobody does.

        Returns:
            What is fetched.

        Raises:
            StatusError: The run fails.
        """
        tensor = self._session.graph.get_tensor_by_name
        options = self._options(run, caller)
        sent = pywrap_tf_session.TF_NewBufferFromString(options.SerializeToString())
        began = time.monotonic()
        try:
            # `Session.run` refuses shapes that its placeholders were not made for. The
            # runtime, and so TensorFlow Serving, leaves that to the operations.
            outputs = self._session._do_run(
                None,
                [],
                [tensor(name) for name in run.fetches],
                {tensor(name).ref(): array for name, array in run.feeds.items()},
                sent,
                None,
            )
        except tf.errors.OpError as error:
            raise status.from_error(error) from error
        finally:
            pywrap_tf_session.TF_DeleteBuffer(sent)
        self._run_times[run.signature].add(run.numbers, time.monotonic() - began)
        return outputs

    def _options(self, run: Run, caller: Caller) -> tf.compat.v1.RunOptions:
        options = tf.compat.v1.RunOptions()
        seconds = caller.remaining_seconds
        if seconds is None or (
            not self._has_loops
            and self._run_times[run.signature].are_far_below(seconds, run.numbers)
        ):
            return options
        options.timeout_in_ms = max(1, int(min(seconds * 1000, _MAX_TIMEOUT_MS)))
        return options

    def close(self) -> None:
        """Frees the memory; no run may be under way."""
        self._session.close()


def _feeds(
    signature: meta_graph_pb2.SignatureDef,
    inputs: Mapping[str, tensor_pb2.TensorProto],
    max_samples: int | None,
) -> dict[str, np.ndarray]:
    """The arrays of a request, by the names of the graph's tensors."""
    _check_names(signature, inputs)
    feeds, samples = {}, 0
    for position, alias in enumerate(sorted(signature.inputs)):
        info = signature.inputs[alias]
        given = inputs[alias] if alias in inputs else signature.defaults[alias]
        # Before the tensor is made: its shape may claim any size.
        with _parsing(alias):
            samples += math.prod(tensors.shape_of(given))
        if max_samples is not None and samples > max_samples:
            raise status.invalid_argument(
                f"samples={samples} are more than the max_request_samples="
                f"{max_samples} that a request may have; send shorter pieces."
            )
        if given.dtype != info.dtype:
            raise status.invalid_argument(
                f"Expects arg[{position}] to be {type_name(info.dtype)} but "
                f"{type_name(given.dtype)} is provided"
            )
        with _parsing(alias):
            feeds[info.name] = tensors.to_array(given)
    return feeds


@contextlib.contextmanager
def _parsing(alias: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise status.invalid_argument(f"tensor parsing error: {alias}") from error


def _check_names(signature: meta_graph_pb2.SignatureDef, sent: Iterable[str]) -> None:
    sent, expected = set(sent), set(signature.inputs)
    optional = set(signature.defaults)
    if len(sent) > len(expected) or (len(sent) < len(expected) and not optional):
        raise status.invalid_argument(
            f"input size does not match signature: {len(sent)}!={len(expected)} "
            f"len({_set(sent)}) != len({_set(expected)}). "
            f"Sent extra: {_set(sent - expected)}. "
            f"Missing but required: {_set(expected - sent)}."
        )
    for alias in sorted(expected - sent - optional):
        raise status.invalid_argument(
            f"Signature input alias: {alias}(feed name: "
            f"{signature.inputs[alias].name}) not found in request and no default "
            f"value provided. Inputs expected to be in the request {_set(sent)}, or "
            f"default input alias set: {','.join(sorted(optional))}"
        )
    if sent - expected:
        raise status.invalid_argument(
            "Inputs contains invalid name. Used request inputs: "
            f"{','.join(sorted(sent & expected))}, request input: "
            f"{','.join(sorted(sent))}"
        )


def _fetches(
    signature: meta_graph_pb2.SignatureDef, output_filter: Iterable[str]
) -> dict[str, str]:
    """The names of the graph's tensors, by the names of the outputs asked for."""
    fetches = {}
    for alias in output_filter:
        if alias not in signature.outputs:
            raise status.invalid_argument(
                f"output tensor alias not found in signature: {alias} "
                f"Outputs expected to be in the set {_set(signature.outputs)}."
            )
        if alias in fetches:
            raise status.invalid_argument(f"duplicate output tensor alias: {alias}")
        fetches[alias] = signature.outputs[alias].name
    return fetches or {alias: info.name for alias, info in signature.outputs.items()}


def _set(names: Iterable[str]) -> str:
    return f"{{{','.join(sorted(names))}}}"


def type_name(data_type: int) -> str:
    """What TensorFlow calls a DataType in its messages."""
    return types_pb2.DataType.Name(data_type).removeprefix("DT_").lower()
