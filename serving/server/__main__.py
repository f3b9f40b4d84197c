"""Serves a model over TensorFlow Serving's gRPC and REST APIs.

python -m serving.server --model_base_path=DIR --model_name=NAME --port=8500
    --rest_api_port=8501

The flags are named as those of tensorflow_model_server, which takes its place in
production. SIGTERM and SIGINT end the server once it has answered what it was asked.
"""

import functools
import math
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from absl import flags, logging

from tf_mt import script, startup

with startup.quiet():
    import tensorflow as tf

    from serving.server import (
        batching_parameters,
        channel_arguments,
        credentials,
        grpc_endpoint,
        limits,
        model_config,
        monitoring,
        rest_endpoint,
    )
    from serving.server.model import Model
    from serving.server.models import Models
    from serving.server.server import Server

_LOOK_SECONDS = 0.5

_PORT = flags.DEFINE_integer("port", 8500, "Port to listen on; 0 for any free one.")
_NAME = flags.DEFINE_string("model_name", "default", "What clients call the model.")
_BASE_PATH = flags.DEFINE_string(
    "model_base_path", None, "Folder of the model's numbered versions."
)
_CONFIG = flags.DEFINE_string(
    "model_config_file",
    None,
    "File of a ModelServerConfig, in protobuf's text format, with a list of models to "
    "serve in the place of --model_base_path.",
)
_CONFIG_POLL = flags.DEFINE_integer(
    "model_config_file_poll_wait_seconds",
    0,
    "Seconds between looks for changes of that file; 0 to read it once.",
    lower_bound=0,
)
_ALLOW_LABELS = flags.DEFINE_bool(
    "allow_version_labels_for_unavailable_models",
    False,
    "Let new labels of that file name versions that are not loaded yet.",
)
_POLL = flags.DEFINE_integer(
    "file_system_poll_wait_seconds",
    1,
    "Seconds between looks for a new version; 0 to look, and try to load, once.",
    lower_bound=0,
)
_RETRIES = flags.DEFINE_integer(
    "max_num_load_retries",
    5,
    "How often a version that does not load is tried again.",
    lower_bound=0,
)
_RETRY_INTERVAL = flags.DEFINE_integer(
    "load_retry_interval_micros",
    60_000_000,
    "Microseconds between these tries.",
    lower_bound=0,
)
_REST_PORT = flags.DEFINE_integer(
    "rest_api_port", 0, "Port of the REST API; 0 for none.", lower_bound=0
)
_REST_TIMEOUT = flags.DEFINE_integer(
    "rest_api_timeout_in_ms",
    30_000,
    "Milliseconds that a REST request, or a window of an audio file, may take.",
    lower_bound=1,
)
_CORS = flags.DEFINE_bool(
    "rest_api_enable_cors_support",
    False,
    "Let browsers use the REST API from the pages of any site.",
)
_MONITORING = flags.DEFINE_string(
    "monitoring_config_file",
    None,
    "File of a MonitoringConfig, in protobuf's text format: where on the REST port "
    "Prometheus finds metrics.",
)
_SOCKET_PATH = flags.DEFINE_string(
    "grpc_socket_path", None, "Unix socket to listen on as well."
)
_SSL = flags.DEFINE_string(
    "ssl_config_file",
    None,
    "File of an SSLConfig, in protobuf's text format, with which gRPC is encrypted.",
)
_CHANNEL_ARGUMENTS = flags.DEFINE_string(
    "grpc_channel_arguments",
    "",
    "Options of gRPC, as name=value,name=value; grpc.max_connection_age_ms=60000, say.",
)
_THREADS = flags.DEFINE_integer(
    "grpc_max_threads",
    limits.Limits.threads,
    "Requests that are worked on at once, over gRPC and REST; four per CPU by default.",
    lower_bound=1,
)
_MAX_PENDING = flags.DEFINE_integer(
    "max_pending_requests",
    limits.Limits.max_pending_requests,
    "Requests that are worked on or wait for it; further ones are refused.",
    lower_bound=1,
)
_MAX_SAMPLES = flags.DEFINE_integer(
    "max_request_samples",
    limits.Limits.max_request_samples,
    "The most numbers that the inputs of a request may have.",
    lower_bound=1,
)
_BATCHING = flags.DEFINE_bool(
    "enable_batching",
    False,
    "Run requests that come together as one, where their inputs are of one length.",
)
_BATCHING_FILE = flags.DEFINE_string(
    "batching_parameters_file",
    None,
    "File of a BatchingParameters, in protobuf's text format: how many rows are run "
    "at once, and how long they wait for each other.",
)
_INTRA_OP = flags.DEFINE_integer(
    "tensorflow_intra_op_parallelism",
    0,
    "Threads that an operation may use; 0 leaves it to TensorFlow. With 1 the WaveNet "
    "decoders are faster, which are of many small operations.",
    lower_bound=0,
)


def main(argv: list[str]) -> None:
    """Serves until a signal comes."""
    stop = _stop_signal()
    logging.set_verbosity(logging.INFO)
    # TensorFlow calls the loader of sessions deprecated whenever it is used.
    tf.get_logger().setLevel("ERROR")
    tf.config.threading.set_intra_op_parallelism_threads(_INTRA_OP.value)
    models = Models(_model, _ALLOW_LABELS.value)
    load = _loading(models)
    server = Server(
        models,
        grpc_endpoint.GrpcOptions(
            _PORT.value,
            Path(_SOCKET_PATH.value) if _SOCKET_PATH.value else None,
            credentials.read(Path(_SSL.value)) if _SSL.value else None,
            channel_arguments.parse(_CHANNEL_ARGUMENTS.value),
        ),
        _rest_options(),
        limits.Limits(_THREADS.value, _MAX_PENDING.value, _MAX_SAMPLES.value),
        _batching(),
    )
    server.start()
    try:
        load()
        ports = f"port {server.port}"
        if server.rest_port is not None:
            ports += f", REST on port {server.rest_port}"
        print(f"Listening on {ports}: {models}.", flush=True)
        if _CONFIG.value and _CONFIG_POLL.value:
            model_config.watch(
                Path(_CONFIG.value), _CONFIG_POLL.value, models, stopped=stop
            )
        stop.wait()
    finally:
        server.stop()


def _model(name: str, base_path: Path) -> Model:
    return Model(
        name,
        base_path,
        poll_wait_seconds=_POLL.value,
        max_load_retries=_RETRIES.value,
        load_retry_interval_seconds=_RETRY_INTERVAL.value / 1e6,
    )


def _loading(models: Models) -> Callable[[], None]:
    """What loads the models of the flags, once it is sure that they are there."""
    if (_BASE_PATH.value is None) == (_CONFIG.value is None):
        raise ValueError(
            f"model_base_path={_BASE_PATH.value!r} and model_config_file="
            f"{_CONFIG.value!r}: give exactly one of --model_base_path and "
            "--model_config_file."
        )
    if _CONFIG.value is not None:
        path = Path(_CONFIG.value)
        model_config.read(path)
        return functools.partial(model_config.serve, path, models)
    return functools.partial(models.add, _model(_NAME.value, Path(_BASE_PATH.value)))


def _rest_options() -> rest_endpoint.RestOptions | None:
    metrics_path = None
    if _MONITORING.value:
        metrics_path = monitoring.read(Path(_MONITORING.value))
    if not _REST_PORT.value:
        if metrics_path is not None:
            raise ValueError(
                f"monitoring_config_file={_MONITORING.value!r}: metrics are served on "
                "the REST port; give --rest_api_port as well."
            )
        return None
    return rest_endpoint.RestOptions(
        _REST_PORT.value, _REST_TIMEOUT.value / 1000, metrics_path, _CORS.value
    )


def _batching() -> batching_parameters.BatchingParameters | None:
    path = _BATCHING_FILE.value
    if not _BATCHING.value:
        if path:
            raise ValueError(
                f"batching_parameters_file={path!r} needs --enable_batching."
            )
        return None
    if not path:
        return batching_parameters.BatchingParameters()
    return batching_parameters.read(Path(path))


class _Signalled(threading.Event):
    """An event that a signal sets, whichever thread the system hands it to.

    Python runs handlers in the main thread, and a signal that another one takes does
    not wake it from a wait. So it waits a moment at a time.
    """

    def wait(self, timeout: float | None = None) -> bool:
        """See `threading.Event.wait`."""
        end = math.inf if timeout is None else time.monotonic() + timeout
        while not self.is_set() and (left := end - time.monotonic()) > 0.0:
            super().wait(min(left, _LOOK_SECONDS))
        return self.is_set()


def _stop_signal() -> threading.Event:
    """An event that the first signal to end sets; the second one ends at once."""
    stop = _Signalled()

    def handle(number: int, _) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop


if __name__ == "__main__":
    script.run(main)
