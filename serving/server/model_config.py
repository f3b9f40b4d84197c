"""The models that a --model_config_file lists, read once or again and again."""

import threading
from pathlib import Path

from absl import logging
from tensorflow_serving.config import model_server_config_pb2

from serving.server import config_file, status
from serving.server.models import Config, Models

_FLAG = "model_config_file"


def read(path: Path) -> list[Config]:
    """Reads a ModelServerConfig in protobuf's text format.

    Raises:
        ValueError: The file is none, or lists no models.
        OSError: The file cannot be read.
    """
    config = config_file.read(_FLAG, path, model_server_config_pb2.ModelServerConfig)
    if config.WhichOneof("config") != "model_config_list":
        raise ValueError(
            f"{_FLAG}={str(path)!r} has no model_config_list; list the models in one."
        )
    return list(config.model_config_list.config)


def serve(path: Path, models: Models) -> None:
    """Serves the models of a file, and no others.

    Raises:
        ValueError: The file is wrong, or a model of it does not load.
        OSError: The file cannot be read.
    """
    try:
        models.replace(read(path))
    except status.StatusError as error:
        raise ValueError(f"{_FLAG}={str(path)!r}: {error.message}") from error


def watch(
    path: Path, poll_wait_seconds: float, models: Models, stopped: threading.Event
) -> None:
    """Serves the models of a file whenever it has changed; a wrong one is logged.

    Args:
        path: The file, whose models are served already.
        poll_wait_seconds: Time between looks at it.
        models: What is served.
        stopped: Ends this when it is set.
    """
    known = path.read_bytes()
    while not stopped.wait(poll_wait_seconds):
        try:
            text = path.read_bytes()
            if text != known:
                known = text
                serve(path, models)
        except (OSError, ValueError) as error:
            logging.error("The models stay as they are: %s", error)
