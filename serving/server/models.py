"""The models of a server, as a ModelServerConfig lists them."""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import grpc
from absl import logging
from tensorflow_serving.config import model_server_config_pb2

from serving.server import status
from serving.server.model import Model, State

_PLATFORM = "tensorflow"

Config = model_server_config_pb2.ModelConfig


class Models:
    """Models by their names; what there is may be changed while it is served."""

    def __init__(
        self,
        make: Callable[[str, Path], Model],
        allow_labels_of_unavailable: bool = False,
    ):
        """Begins without any.

        Args:
            make: Makes a model, by its name and the folder of its versions.
            allow_labels_of_unavailable: Whether a new label may name a version that is
                not AVAILABLE yet. Without, no list that is loaded first may have any.
        """
        self._make = make
        self._allow_labels_of_unavailable = allow_labels_of_unavailable
        self._models: dict[str, Model] = {}
        self._changing = threading.Lock()
        self._available = False
        self._listeners: list[Callable[[bool], None]] = []
        self._load_listeners: list[Callable[[Path, float, bool], None]] = []

    def __contains__(self, name: str) -> bool:
        return name in self._models

    def get(self, name: str) -> Model | None:
        """The model of a name, if there is one."""
        return self._models.get(name)

    def listen(self, listener: Callable[[bool], None]) -> None:
        """Calls `listener` whenever all models become, or no longer are, available."""
        self._listeners.append(listener)

    def listen_to_loads(self, listener: Callable[[Path, float, bool], None]) -> None:
        """See `Model.listen_to_loads`, for every model."""
        self._load_listeners.append(listener)

    def add(self, model: Model) -> None:
        """Loads a model, and serves it then in the place of one of its name."""
        model.listen(lambda _: self._notify())
        for listener in self._load_listeners:
            model.listen_to_loads(listener)
        replaced = self._models.get(model.name, model)
        self._models = {**self._models, model.name: replaced}
        self._notify()
        model.start()
        self._models = {**self._models, model.name: model}
        self._notify()

    def stop(self) -> None:
        """Closes all models, each version as soon as nobody uses it."""
        for model in self._models.values():
            model.stop()

    def __str__(self) -> str:
        return "; ".join(map(str, self._models.values())) or "no model is listed"

    def replace(self, configs: Iterable[Config]) -> None:
        """Serves the models of a list, and no others.

        Returns when those that are new have been loaded. What is no longer listed is
        closed when the last request for it has been answered.

        Raises:
            StatusError: The list is wrong, and nothing has changed; or a model that is
                new did not become available.
        """
        with self._changing:
            configs = list(configs)
            self._check(configs)
            listed = {config.name for config in configs}
            for name in self._models.keys() - listed:
                self._remove(name)
            failed = [config.name for config in configs if not self._serve(config)]
            self._notify()
        if failed:
            raise status.StatusError(
                grpc.StatusCode.UNKNOWN,
                f"{len(failed)} servable(s) did not become available: "
                f"{{{', '.join(str(self._models[name]) for name in failed)}}}",
            )

    def _serve(self, config: Config) -> bool:
        """Serves a model as it is listed; whether it is available if it is new."""
        path = Path(config.base_path)
        known = self._models.get(config.name)
        model = known if known and known.base_path == path else None
        is_new = model is None
        if is_new:
            model = self._make(config.name, path)
        model.want(config.model_version_policy)
        model.set_labels(config.version_labels)
        if not is_new:
            model.poll()
            return True
        self.add(model)
        if known is not None:
            known.stop()
        return model.available

    def _remove(self, name: str) -> None:
        logging.info("Model %r is no longer listed", name)
        models = dict(self._models)
        removed = models.pop(name)
        self._models = models
        removed.stop()

    def _check(self, configs: list[Config]) -> None:
        seen = set()
        for config in configs:
            if config.name in seen:
                raise status.invalid_argument(
                    f"Illegal to list model {config.name} multiple times in config list"
                )
            seen.add(config.name)
            _check_platform(config)
            _check_base_path(config)
            self._check_labels(config.name, config.version_labels)

    def _check_labels(self, name: str, labels: Mapping[str, int]) -> None:
        model = self._models.get(name)
        states = {v.number: v.state for v in model.versions()} if model else {}
        known = model.labels if model else {}
        for label, number in labels.items():
            is_moved = known.get(label, number) != number
            if self._allow_labels_of_unavailable and not is_moved:
                continue
            if states.get(number) != State.AVAILABLE:
                raise status.StatusError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"Request to assign label to version {number} of model {name}, "
                    "which is not currently available for inference",
                )

    def _notify(self) -> None:
        models = self._models.values()
        available = bool(models) and all(model.available for model in models)
        if available != self._available:
            self._available = available
            for listener in self._listeners:
                listener(available)


def _check_platform(config: Config) -> None:
    if not config.model_platform:
        raise status.invalid_argument(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
            f"ModelServerConfig::model_platform, model name is {config.name}"
        )
    if config.model_platform != _PLATFORM:
        raise status.invalid_argument(
            f"model_platform={config.model_platform!r} of model {config.name} is not "
            f"known; known: {_PLATFORM}."
        )


def _check_base_path(config: Config) -> None:
    path = Path(config.base_path)
    if not path.is_absolute():
        raise status.invalid_argument(
            f"Expected model {config.name} to have an absolute path or URI; got "
            f"base_path()={config.base_path}"
        )
    if not path.is_dir():
        raise status.invalid_argument(
            f"base_path={config.base_path!r} of model {config.name} is not a folder; "
            "give the one that holds the numbered version folders."
        )
