"""How requests are joined, by TensorFlow Serving's --batching_parameters_file."""

import dataclasses
import itertools
import os
from pathlib import Path

from google.protobuf.message import Message

from serving.server import config_file

_FLAG = "batching_parameters_file"


@dataclasses.dataclass(frozen=True)
class BatchingParameters:
    """Bounds on batches; the defaults are those of TensorFlow Serving.

    Attributes:
        max_batch_size: The most rows that a request may have.
        max_execution_batch_size: The most rows that are run at once. Where it is less,
            larger requests are run in pieces.
        batch_timeout_seconds: How long a batch waits for more rows. It waits on, and
            takes more, while all threads are at work.
        max_enqueued_batches: The most batches of a signature that wait.
        num_batch_threads: The most batches that are run at once.
        allowed_batch_sizes: The numbers of rows that are run, in rising order; batches
            are filled up to one of them. Empty for any.
        thread_pool_name: The label of the time in queues, in the metrics.
    """

    max_batch_size: int = 1000
    max_execution_batch_size: int = 1000
    batch_timeout_seconds: float = 0.0
    max_enqueued_batches: int = 10
    num_batch_threads: int = os.cpu_count() or 1
    allowed_batch_sizes: tuple[int, ...] = ()
    thread_pool_name: str = "model_server_batch_threads"


def read(path: Path) -> BatchingParameters:
    """Reads a BatchingParameters in protobuf's text format.

    Its `pad_variable_length_inputs` changes nothing: requests of other lengths make
    batches of their own.

    Args:
        path: The file.

    Raises:
        ValueError: The file is none, or its values are not possible.
        OSError: The file cannot be read.
    """
    told = config_file.read(_FLAG, path, config_file.BatchingParameters)
    try:
        return _parameters(told)
    except ValueError as error:
        raise ValueError(f"{_FLAG}={str(path)!r}: {error}") from error


def _parameters(told: Message) -> BatchingParameters:
    defaults = BatchingParameters()
    size = _positive(told, "max_batch_size", defaults.max_batch_size)
    execution_size = size
    if told.enable_large_batch_splitting.value:
        execution_size = _positive(told, "max_execution_batch_size", size)
        if execution_size > size:
            raise ValueError(
                f"max_execution_batch_size={execution_size} must not be more than "
                f"max_batch_size={size}."
            )
    allowed = tuple(told.allowed_batch_sizes)
    _check_allowed(allowed, execution_size)
    timeout_micros = told.batch_timeout_micros.value
    if timeout_micros < 0:
        raise ValueError(f"batch_timeout_micros={timeout_micros} must be 0 or more.")
    return BatchingParameters(
        size,
        execution_size,
        timeout_micros / 1e6,
        _positive(told, "max_enqueued_batches", defaults.max_enqueued_batches),
        _positive(told, "num_batch_threads", defaults.num_batch_threads),
        allowed,
        told.thread_pool_name.value or defaults.thread_pool_name,
    )


def _positive(told: Message, field: str, default: int) -> int:
    if not told.HasField(field):
        return default
    value = getattr(told, field).value
    if value < 1:
        raise ValueError(f"{field}={value} must be 1 or more.")
    return value


def _check_allowed(allowed: tuple[int, ...], largest: int) -> None:
    if not allowed:
        return
    rises = all(a < b for a, b in itertools.pairwise((0, *allowed)))
    if not rises or allowed[-1] != largest:
        raise ValueError(
            f"allowed_batch_sizes={list(allowed)} must rise from 1 or more to the most "
            f"rows that are run at once, {largest}."
        )
