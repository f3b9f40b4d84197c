"""A served model: its versions on disk, and those of them that are in memory.

The newest version on disk is the one that is wanted, or those that a policy says. It is
loaded beside the one being served, takes its place when it is ready, and the older one
is closed when the last request that uses it has been answered: no request fails because
of a new version.
"""

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import grpc
from absl import logging
from tensorflow_serving.apis import get_model_status_pb2

from serving.server import servable, status, version_policy, warmup

# Versions are int64 in the protocol.
_MAX_NUMBER = 2**63 - 1

State = get_model_status_pb2.ModelVersionStatus


@dataclasses.dataclass
class Version:
    """A version that is, was or will be in memory.

    Attributes:
        number: Its number, the name of its folder.
        state: One of the states of ModelVersionStatus.
        error: Why it could not be loaded.
        loaded: The SavedModel, while it is AVAILABLE or UNLOADING.
        users: Requests that are using it.
        attempts: How often it has been tried to load.
        next_attempt: When to try again, by the monotonic clock.
    """

    number: int
    state: int = State.START
    error: status.StatusError | None = None
    loaded: servable.Servable | None = None
    users: int = 0
    attempts: int = 0
    next_attempt: float = 0.0


class Model:
    """The versions of one model.

    Attributes:
        name: What clients call it.
        base_path: The folder of its versions.
    """

    def __init__(
        self,
        name: str,
        base_path: Path,
        poll_wait_seconds: float = 1.0,
        max_load_retries: int = 5,
        load_retry_interval_seconds: float = 60.0,
    ):
        """Names a model; nothing is loaded before `start`.

        Args:
            name: What clients call it.
            base_path: The folder whose subfolders with a number for a name are its
                versions.
            poll_wait_seconds: Time between looks at that folder; 0 to look, and to
                try to load what is there, once.
            max_load_retries: How often a version that does not load is tried again.
            load_retry_interval_seconds: Time between tries.

        Raises:
            FileNotFoundError: If there is no such folder.
        """
        if not base_path.is_dir():
            raise FileNotFoundError(
                f"model_base_path={str(base_path)!r} is not a folder; give the one "
                "that holds the numbered version folders."
            )
        self.name = name
        self.base_path = base_path
        self._poll_wait_seconds = poll_wait_seconds
        self._max_load_retries = max_load_retries
        self._load_retry_interval_seconds = load_retry_interval_seconds
        self._policy = version_policy.Policy()
        self._labels: dict[str, int] = {}
        self._versions: dict[int, Version] = {}
        self._wanted: dict[int, Version] = {}
        self._lock = threading.Lock()
        self._polling = threading.Lock()
        self._listeners: list[Callable[[bool], None]] = []
        self._load_listeners: list[Callable[[Path, float, bool], None]] = []
        self._available = False
        self._stopped = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def listen(self, listener: Callable[[bool], None]) -> None:
        """Calls `listener` whenever the model becomes, or is no longer, available."""
        self._listeners.append(listener)

    def listen_to_loads(self, listener: Callable[[Path, float, bool], None]) -> None:
        """Calls `listener` after every try to load a version.

        Args:
            listener: Is given its folder, the seconds it took, and whether it
                succeeded.
        """
        self._load_listeners.append(listener)

    def start(self) -> None:
        """Loads the newest version, if there is one, and watches for others."""
        self.poll()
        if self._poll_wait_seconds:
            self._watcher.start()

    def stop(self) -> None:
        """Closes all versions, each as soon as nobody uses it."""
        self._stopped.set()
        if self._watcher.is_alive():
            self._watcher.join()
        self._retire(keep={})

    def want(self, policy: version_policy.Policy) -> None:
        """Chooses the versions to serve, from the next look at the folder on."""
        self._policy = policy

    def set_labels(self, labels: Mapping[str, int]) -> None:
        """Chooses the versions that go by a name, in the place of former ones."""
        self._labels = dict(labels)

    @property
    def labels(self) -> Mapping[str, int]:
        """The versions that go by a name."""
        return self._labels

    @property
    def available(self) -> bool:
        """Whether there is a version to ask."""
        return any(v.state == State.AVAILABLE for v in self.versions())

    @contextlib.contextmanager
    def lease(self, number: int | None) -> Iterator[Version]:
        """Lends a version, which stays in memory until it is given back.

        Args:
            number: The version that is wanted; None for the newest.

        Yields:
            An AVAILABLE version.

        Raises:
            StatusError: If there is none.
        """
        with self._lock:
            ready = [v for v in self._versions.values() if v.state == State.AVAILABLE]
            if number is not None:
                ready = [version for version in ready if version.number == number]
            if not ready:
                raise status.not_found(self.name, number)
            version = max(ready, key=lambda version: version.number)
            version.users += 1
        try:
            yield version
        finally:
            with self._lock:
                version.users -= 1
            self._close_if_idle(version)

    def versions(self) -> list[Version]:
        """Copies of all versions there have been, by number."""
        with self._lock:
            return [
                dataclasses.replace(version)
                for _, version in sorted(self._versions.items())
            ]

    def __str__(self) -> str:
        if not self._wanted:
            return (
                f"no version of {self.name!r} in {str(self.base_path)!r} yet (a "
                "version is a folder with a number for a name); waiting for one"
            )
        return "; ".join(
            self._told(version) for _, version in sorted(self._wanted.items())
        )

    def _told(self, version: Version) -> str:
        if version.state == State.AVAILABLE:
            return f"serving version {version.number} of {self.name!r}"
        reason = str(version.error).partition("\n")[0]
        return f"version {version.number} of {self.name!r} does not load: {reason}"

    def poll(self) -> None:
        """Looks at the base path once, and loads and unloads accordingly."""
        with self._polling:
            self._poll()

    def _poll(self) -> None:
        try:
            directories = self._on_disk()
        except OSError as error:
            logging.error("Cannot look for versions, keeping what is there: %s", error)
            return
        self._want(version_policy.wanted(self._policy, directories))
        for number, version in sorted(self._wanted.items(), reverse=True):
            due = time.monotonic() >= version.next_attempt
            if version.state in (State.START, State.LOADING) and due:
                self._load(version, directories[number])
        ready = [v for v in self._wanted.values() if v.state == State.AVAILABLE]
        if ready or not self._wanted:
            self._retire(keep=self._wanted)
        self._notify()

    def _watch(self) -> None:
        while not self._stopped.wait(self._poll_wait_seconds):
            self.poll()

    def _on_disk(self) -> dict[int, Path]:
        return {
            int(path.name): path
            for path in sorted(self.base_path.iterdir())
            if path.name.isdecimal() and int(path.name) <= _MAX_NUMBER and path.is_dir()
        }

    def _want(self, numbers: Collection[int]) -> None:
        """Makes the versions of some numbers the wanted ones."""
        with self._lock:
            for number in self._wanted.keys() - set(numbers):
                version = self._wanted.pop(number)
                if version.state == State.LOADING:
                    version.state = State.END
                    version.error = status.StatusError(
                        grpc.StatusCode.CANCELLED, "Loading of servable cancelled"
                    )
            for number in set(numbers) - self._wanted.keys():
                known = self._versions.get(number)
                if known is None or known.state != State.AVAILABLE:
                    known = self._versions[number] = Version(number)
                self._wanted[number] = known

    def _load(self, version: Version, directory: Path) -> None:
        logging.info("Loading version %d of %r", version.number, self.name)
        version.state = State.LOADING
        version.attempts += 1
        began = time.monotonic()
        try:
            version.loaded = _warm(directory)
        except Exception as error:
            # A damaged folder may raise any exception; the server keeps running.
            logging.error(
                "Loading version %d of %r failed: %s", version.number, self.name, error
            )
            version.error = status.from_error(error)
            version.next_attempt = time.monotonic() + self._load_retry_interval_seconds
            if version.attempts > self._max_load_retries:
                version.state = State.END
        else:
            logging.info("Version %d of %r is available", version.number, self.name)
            with self._lock:
                version.error = None
                version.state = State.AVAILABLE
        seconds = time.monotonic() - began
        for listener in self._load_listeners:
            listener(directory, seconds, version.loaded is not None)

    def _retire(self, keep: Collection[int]) -> None:
        """Unloads all versions but some, each as soon as nobody uses it."""
        with self._lock:
            retired = [
                version
                for version in self._versions.values()
                if version.state == State.AVAILABLE and version.number not in keep
            ]
            for version in retired:
                version.state = State.UNLOADING
        for version in retired:
            logging.info("Unloading version %d of %r", version.number, self.name)
            self._close_if_idle(version)

    def _close_if_idle(self, version: Version) -> None:
        with self._lock:
            if version.state != State.UNLOADING or version.users:
                return
            version.state = State.END
            unused, version.loaded = version.loaded, None
        unused.close()

    def _notify(self) -> None:
        available = self.available
        if available != self._available:
            self._available = available
            for listener in self._listeners:
                listener(available)


def _warm(directory: Path) -> servable.Servable:
    """A version that has answered its warm-up requests."""
    with contextlib.ExitStack() as on_error:
        loaded = servable.Servable(directory)
        on_error.callback(loaded.close)
        warmup.replay(loaded, directory)
        on_error.pop_all()
    return loaded
