"""A client of the models on a server with TensorFlow Serving's gRPC API.

It needs NumPy and gRPC, not TensorFlow. The signature `info` of the served bundle gives
the domains, the sample rate and the length of the windows to send.
"""

import collections
import contextlib
import dataclasses
import types
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from serving import connection
from tf_mt import names
from tf_mt.audio import windows


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """Properties of a served model.

    Attributes:
        domains: Names of the domains it translates to; none if it knows no domains.
        sample_rate_hz: Sample rate of its input and output.
        window_samples: Samples of the windows in which to send long audio.
        overlap_samples: Samples that neighbouring windows should share.
        parameters: How many trainable numbers it has; None where it does not tell.
        reference_samples: The most samples of a reference that it can use; 0 if it
            cannot transfer.
    """

    domains: tuple[str, ...]
    sample_rate_hz: int
    window_samples: int
    overlap_samples: int
    parameters: int | None
    reference_samples: int


class Client:
    """Translates audio with a model on a server.

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
        """Sets the server; nothing is sent before the first call.

        Args:
            server: Its address, HOST:PORT.
            model: The name of the model there.
            deadline_seconds: How long one request may take, tries again included.

        Raises:
            ValueError: If the address has no port.
        """
        self._model = model
        self._connection = connection.Connection(server, model, deadline_seconds)

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
        self._connection.close()

    def info(self) -> ModelInfo:
        """Asks the server for the properties of the model."""
        told = self._connection.start("info", {}).result()
        return ModelInfo(
            domains=tuple(name.decode() for name in told["domains"]),
            sample_rate_hz=int(told["sample_rate"]),
            window_samples=int(told["window_samples"]),
            overlap_samples=int(told["overlap_samples"]),
            parameters=int(told["parameters"]) if "parameters" in told else None,
            reference_samples=int(told.get("reference_samples", 0)),
        )

    def translate(self, audio: np.ndarray, domain: str) -> np.ndarray:
        """Translates clips in one request.

        Args:
            audio: float32 `[batch, samples]`, at the model's sample rate.
            domain: What to translate them to.

        Returns:
            float32 `[batch, samples]`.
        """
        try:
            return self._translation(audio, domain).result()["audio"]
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

        def start(window: np.ndarray) -> connection.Call:
            return self._translation(window[np.newaxis], domain)

        yield from _by_windows(start, blocks, info, in_flight)

    def timbre_of(self, reference: np.ndarray) -> np.ndarray:
        """Computes the timbre of reference clips.

        Args:
            reference: float32 `[batch, samples]`, at the model's sample rate; only the
                first `info().reference_samples` are used.

        Returns:
            float32 `[batch, ...]`, of a shape that the model decides.

        Raises:
            ValueError: The model cannot transfer.
        """
        return self._timbre_of(reference, self.check_transfer())

    def transfer(self, audio: np.ndarray, reference: np.ndarray) -> np.ndarray:
        """Gives clips the timbre of reference clips.

        Args:
            audio: float32 `[batch, samples]`, at the model's sample rate.
            reference: float32 `[batch, samples]`, one for each clip, of any length;
                only the first `info().reference_samples` are used.

        Returns:
            float32 `[batch, samples]`.

        Raises:
            ValueError: The model cannot transfer.
        """
        timbre = self.timbre_of(reference)
        return self._transferred(audio, timbre).result()["audio"]

    def transfer_stream(
        self, blocks: Iterable[np.ndarray], reference: np.ndarray, in_flight: int = 4
    ) -> Iterator[np.ndarray]:
        """Gives audio of any length the timbre of a reference, in constant memory.

        The timbre is computed once, and is the same for all windows.

        Args:
            blocks: The audio in pieces: float32 `[any]`, at the model's sample rate.
            reference: float32 `[samples]`; only the first `info().reference_samples`
                are used.
            in_flight: How many windows the server may have at once.

        Yields:
            float32 `[any]`; together as many samples as went in.

        Raises:
            ValueError: The model cannot transfer.
        """
        info = self.check_transfer()
        timbre = self._timbre_of(reference[np.newaxis], info)

        def start(window: np.ndarray) -> connection.Call:
            return self._transferred(window[np.newaxis], timbre)

        yield from _by_windows(start, blocks, info, in_flight)

    def resynthesise(self, audio: np.ndarray) -> np.ndarray:
        """Runs the analysis and the synthesis of the model, without its network.

        The result is an upper bound of the sound quality of any translation.

        Args:
            audio: float32 `[batch, samples]`, at the model's sample rate.

        Returns:
            float32 `[batch, samples]`.
        """
        return self._resynthesis(audio).result()["audio"]

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

        def start(window: np.ndarray) -> connection.Call:
            return self._resynthesis(window[np.newaxis])

        yield from _by_windows(start, blocks, self.info(), in_flight)

    def codes(self, audio: np.ndarray) -> np.ndarray:
        """Computes the content of each clip as one vector, pooled over time.

        Args:
            audio: float32 `[batch, samples]`, at the model's sample rate.

        Returns:
            float32 `[batch, features]`; as many features whatever the length.
        """
        inputs = {"audio": np.asarray(audio, np.float32)}
        return self._connection.start("codes", inputs).result()["codes"]

    def check_domain(self, domain: str) -> ModelInfo:
        """Checks that the model knows a domain.

        Returns:
            The properties of the model.

        Raises:
            ValueError: If it does not; the message lists those it knows.
        """
        info = self.info()
        if not info.domains:
            raise ValueError(
                f"domain={domain!r} is not known: model={self._model!r} knows no "
                "domains, and transfers the timbre of a reference instead."
            )
        if domain not in info.domains:
            raise ValueError(names.unknown("domain", domain, info.domains))
        return info

    def check_transfer(self) -> ModelInfo:
        """Checks that the model can transfer the timbre of a reference.

        Returns:
            The properties of the model.

        Raises:
            ValueError: It cannot; the message lists the domains it translates to.
        """
        info = self.info()
        if not info.reference_samples:
            raise ValueError(
                f"model={self._model!r} cannot transfer from a reference; it "
                f"translates to the domains {', '.join(info.domains)}."
            )
        return info

    def _translation(self, audio: np.ndarray, domain: str) -> connection.Call:
        inputs = {
            "audio": np.asarray(audio, np.float32),
            "domain": np.full(len(audio), domain.encode(), object),
        }
        return self._connection.start("serving_default", inputs, ["audio"])

    def _timbre_of(self, reference: np.ndarray, info: ModelInfo) -> np.ndarray:
        used = np.asarray(reference, np.float32)[..., : info.reference_samples]
        call = self._connection.start("timbre_of", {"reference": used}, ["timbre"])
        return call.result()["timbre"]

    def _transferred(self, audio: np.ndarray, timbre: np.ndarray) -> connection.Call:
        inputs = {"audio": np.asarray(audio, np.float32), "timbre": timbre}
        return self._connection.start("transfer", inputs, ["audio"])

    def _resynthesis(self, audio: np.ndarray) -> connection.Call:
        inputs = {"audio": np.asarray(audio, np.float32)}
        return self._connection.start("resynthesis", inputs, ["audio"])


def _by_windows(
    start: Callable[[np.ndarray], connection.Call],
    blocks: Iterable[np.ndarray],
    info: ModelInfo,
    in_flight: int,
) -> Iterator[np.ndarray]:
    """Sends a recording in overlapping windows, and cross-fades what comes back."""
    cut = windows.Windows(info.window_samples, info.overlap_samples)
    answers = _answers(start, cut.split(blocks), in_flight)
    with contextlib.closing(answers):
        yield from cut.join(answers)


def _answers(
    start: Callable[[np.ndarray], connection.Call],
    sent: Iterable[np.ndarray],
    in_flight: int,
) -> Iterator[np.ndarray]:
    """The audio for each window, in order, with up to `in_flight` calls under way.

    However it ends, no call is left under way.
    """
    pending: collections.deque[connection.Call] = collections.deque()
    try:
        for window in sent:
            pending.append(start(window))
            if len(pending) == in_flight:
                yield pending.popleft().result()["audio"][0]
        while pending:
            yield pending.popleft().result()["audio"][0]
    finally:
        for call in pending:
            call.cancel()
