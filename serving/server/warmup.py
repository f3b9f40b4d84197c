"""Warm-up: the requests that travel in a bundle, replayed before it is served.

The first run of a graph at a new shape is slow. A bundle brings requests of the shapes
it expects in `assets.extra/tf_serving_warmup_requests`; a version is not AVAILABLE
before they have run, and one that cannot answer them is not served at all.
"""

from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf import message
from tensorflow_serving.apis import prediction_log_pb2

from serving.server import servable, status

_FILE = Path("assets.extra", "tf_serving_warmup_requests")
_MAX_RECORDS = 1000


def replay(loaded: servable.Servable, directory: Path) -> None:
    """Runs the requests of a version folder, if it has any.

    Args:
        loaded: The version.
        directory: Its folder.

    Raises:
        StatusError: If the file cannot be read, has a request of a kind that is not
            served, or a request fails.
    """
    path = directory / _FILE
    if not path.exists():
        return
    try:
        for number, record in enumerate(tf.data.TFRecordDataset(str(path)), start=1):
            if number > _MAX_RECORDS:
                raise status.invalid_argument(
                    "Number of warmup records exceeds the maximum "
                    f"({_MAX_RECORDS}) at {path}"
                )
            _run(loaded, record.numpy(), path)
    except tf.errors.DataLossError as error:
        raise status.StatusError(
            grpc.StatusCode.DATA_LOSS,
            f"{error.message}. Please verify your warmup data is in TFRecord format.",
        ) from error


def _run(loaded: servable.Servable, record: bytes, path: Path) -> None:
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except message.DecodeError as error:
        raise status.invalid_argument(
            f"Failed to parse warmup record: {record!r} from {path}"
        ) from error
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        loaded.predict(log.predict_log.request)
    elif kind is not None:
        raise status.StatusError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Unsupported log_type for warmup: {kind}",
        )
