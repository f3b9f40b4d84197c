"""The client of a server that speaks TensorFlow Serving's gRPC API.

It needs NumPy and gRPC, not TensorFlow. What it knows of a model it has been told by
the server: `info`, a signature of bundles, tells domains, rate and the window to send.
"""

import collections
import dataclasses
import random
import time
import types
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures

import grpc
import numpy as np

from serving import proto, tensors
from tf_mt import names
from tf_mt.audio import windows

_RETRY_SECONDS = (0.25, 0.5, 1.0, 2.0)
_OPTIONS = (
    # By default gRPC refuses answers above 4 MiB: 65 s of audio at 16 kHz.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A lost server is looked for at the pace of the retries.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
_REFUSALS = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What a served model says of itself.

    Attributes:
        domains: Names of the domains it translates to.
        sample_rate_hz: The rate of the audio it takes and gives.
        window_samples: Samples of the windows in which to send long audio.
        overlap_samples: Samples that neighbouring windows should share.
        parameters: How many trainable numbers it has; None where it does not tell.
    """

    domains: tuple[str, ...]
    sample_rate_hz: int
    window_samples: int
    overlap_samples: int
    parameters: int | None


class Client:
    """Translates audio with a model that a server has.

    A context manager; may be used by any number of threads at once. Where a later try
    may succeed (the server is restarting, or its queue is full) it tries again, waiting
    longer each time, within the deadline.

    Errors that every method raises:
        ConnectionError: No server answers.
        TimeoutError: The deadline has passed.
        ValueError: The server refuses the request, whenever it is made.
        OSError: The server failed.
    """

    def __init__(self, server: str, model: str, deadline_seconds: float = 600.0):
        """Names a server; nothing is sent before the first call.

        Args:
            server: Its address, HOST:PORT.
            model: The name of the model there.
            deadline_seconds: How long one request may take, tries again included.

        Raises:
            ValueError: If the address has no port.
        """
        if not server.rpartition(":")[2].isdecimal():
            raise ValueError(f"server={server!r} must be HOST:PORT.")
        self._server = server
        self._model = model
        self._deadline_seconds = deadline_seconds
        self._channel = grpc.insecure_channel(server, _OPTIONS)
        self._predict = self._channel.unary_unary(
            proto.PREDICT,
            request_serializer=proto.PredictRequest.SerializeToString,
            response_deserializer=proto.PredictResponse.FromString,
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection; calls under way are cancelled."""
        self._channel.close()

    def info(self) -> ModelInfo:
        """Asks the server what the model can do."""
        told = self._call("info", {})
        return ModelInfo(
            domains=tuple(name.decode() for name in told["domains"]),
            sample_rate_hz=int(told["sample_rate"]),
            window_samples=int(told["window_samples"]),
            overlap_samples=int(told["overlap_samples"]),
            parameters=int(told["parameters"]) if "parameters" in told else None,
        )

    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """Translates clips in one request.

        Args:
            audio: float32 `[batch, samples]`, at the model's sample rate.
            domain: What to translate them to.

        Returns:
            float32 `[batch, samples]`.
        """
        inputs = {
            "audio": np.asarray(audio, np.float32),
            "domain": np.full(len(audio), domain.encode(), object),
        }
        try:
            return self._call("serving_default", inputs, ["audio"])["audio"]
        except ValueError:
            # Where the domain is the reason, there are better words than the graph's.
            self.check_domain(domain)
            raise

    def translate_stream(
        self, blocks: Iterable[np.ndarray], domain: str, in_flight: int = 4
    ) -> Iterator[np.ndarray]:
        """Translates audio of any length in constant memory.

        The audio goes as overlapping windows, several at a time, and comes back
        cross-faded.

        Args:
            blocks: The audio in pieces: float32 `[any]`, at the model's sample rate.
            domain: What to translate it to.
            in_flight: How many windows the server may have at once.

        Yields:
            float32 `[any]`; together as many samples as went in.
        """
        info = self.check_domain(domain)

        def translate(window: np.ndarray) -> np.ndarray:
            return self.translate(window[np.newaxis], domain)[0]

        yield from _by_windows(translate, blocks, info, in_flight)

    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """Plays clips as well as any translation of the model can sound.

        The model's analysis and synthesis, with nothing learned in between.

        Args:
            audio: float32 `[batch, samples]`, at the model's sample rate.

        Returns:
            float32 `[batch, samples]`.
        """
        inputs = {"audio": np.asarray(audio, np.float32)}
        return self._call("resynthesis", inputs, ["audio"])["audio"]

    def resynthesise_stream(
        self, blocks: Iterable[np.ndarray], in_flight: int = 4
    ) -> Iterator[np.ndarray]:
        """Resynthesises audio of any length in constant memory.

        Args:
            blocks: The audio in pieces: float32 `[any]`, at the model's sample rate.
            in_flight: How many windows the server may have at once.

        Yields:
            float32 `[any]`; together as many samples as went in.
        """

        def resynthesise(window: np.ndarray) -> np.ndarray:
            return self.resynthesise(window[np.newaxis])[0]

        yield from _by_windows(resynthesise, blocks, self.info(), in_flight)

    def codes(self, audio: np.ndarray) -> np.ndarray:
        """Returns the content of each clip as one vector, summed up over time.

        Args:
            audio: float32 `[batch, samples]`, at the model's sample rate.

        Returns:
            float32 `[batch, features]`; as many features whatever the length.
        """
        return self._call("codes", {"audio": np.asarray(audio, np.float32)})["codes"]

    def check_domain(self, domain: str) -> ModelInfo:
        """Makes sure that the model knows a domain.

        Returns:
            What the model says of itself.

        Raises:
            ValueError: If it does not; the message lists those it knows.
        """
        info = self.info()
        if domain not in info.domains:
            raise ValueError(names.unknown("domain", domain, info.domains))
        return info

    def _call(
        self,
        signature: str,
        inputs: dict[str, np.ndarray],
        output_filter: Iterable[str] = (),
    ) -> dict[str, np.ndarray]:
        request = proto.PredictRequest(output_filter=output_filter)
        request.model_spec.name = self._model
        request.model_spec.signature_name = signature
        for alias, array in inputs.items():
            tensors.write_content(array, request.inputs.add(key=alias).value)
        response = self._send(request)
        return {named.key: tensors.to_array(named.value) for named in response.outputs}

    def _send(self, request: proto.PredictRequest) -> proto.PredictResponse:
        """Sends a request, again where that may help, until the deadline."""
        deadline = time.monotonic() + self._deadline_seconds
        pauses = iter(_RETRY_SECONDS)
        while True:
            try:
                return self._predict(request, timeout=deadline - time.monotonic())
            except grpc.RpcError as error:
                # Clients that failed together should not come back together.
                pause = next(pauses, np.inf) * random.uniform(0.5, 1.0)
                if not _may_pass(error) or time.monotonic() + pause > deadline:
                    raise self._explained(error) from error
            time.sleep(pause)

    def _explained(self, error: grpc.RpcError) -> Exception:
        code, details = error.code(), error.details()
        if code is grpc.StatusCode.UNAVAILABLE:
            return ConnectionError(
                f"server={self._server!r} does not answer; is it running? ({details})"
            )
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return TimeoutError(
                f"server={self._server!r} has not answered within "
                f"deadline_seconds={self._deadline_seconds:g}; allow it more time."
            )
        if code is grpc.StatusCode.NOT_FOUND:
            return ValueError(
                f"model={self._model!r} is not served by {self._server}, or not yet; "
                f"check its name and the server's log. ({details})"
            )
        if code is grpc.StatusCode.FAILED_PRECONDITION and "signature key" in details:
            return ValueError(
                f"model={self._model!r} cannot answer that; export it again with "
                f"`python -m tf_mt.export`. ({details})"
            )
        if code in _REFUSALS and not _may_pass(error):
            return ValueError(f"server={self._server!r} refuses: {details}")
        return OSError(f"server={self._server!r} failed: {code.name}: {details}")


def _may_pass(error: grpc.RpcError) -> bool:
    """Whether the same request may succeed a little later."""
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        # gRPC's words for a message that is too large, which it will always be.
        return "message larger than max" not in error.details()
    return error.code() is grpc.StatusCode.UNAVAILABLE


def _by_windows(
    play: Callable[[np.ndarray], np.ndarray],
    blocks: Iterable[np.ndarray],
    info: ModelInfo,
    in_flight: int,
) -> Iterator[np.ndarray]:
    """Plays a recording in overlapping windows, and cross-fades what comes back."""
    cut = windows.Windows(info.window_samples, info.overlap_samples)
    return cut.join(_map_ahead(play, cut.split(blocks), in_flight))


def _map_ahead(
    function: Callable[[np.ndarray], np.ndarray],
    items: Iterable[np.ndarray],
    in_flight: int,
) -> Iterator[np.ndarray]:
    """Maps in order, with up to `in_flight` calls under way."""
    with futures.ThreadPoolExecutor(in_flight) as pool:
        pending: collections.deque[futures.Future] = collections.deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) == in_flight:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
