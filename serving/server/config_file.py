"""Configuration files in protobuf's text format, as TensorFlow Serving reads them.

The package tensorflow-serving-api lacks their messages.
"""

from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import Message

from serving import messages

_classes = messages.classes(
    {
        "SSLConfig": {
            "server_key": (1, "string"),
            "server_cert": (2, "string"),
            "custom_ca": (3, "string"),
            "client_verify": (4, "bool"),
        },
        "PrometheusConfig": {"enable": (1, "bool"), "path": (2, "string")},
        "MonitoringConfig": {"prometheus_config": (1, "PrometheusConfig")},
        "BoolValue": {"value": (1, "bool")},
        "Int64Value": {"value": (1, "int64")},
        "StringValue": {"value": (1, "string")},
        "BatchingParameters": {
            "max_batch_size": (1, "Int64Value"),
            "batch_timeout_micros": (2, "Int64Value"),
            "max_enqueued_batches": (3, "Int64Value"),
            "num_batch_threads": (4, "Int64Value"),
            "thread_pool_name": (5, "StringValue"),
            "allowed_batch_sizes": (6, "*int64"),
            "pad_variable_length_inputs": (7, "bool"),
            "enable_large_batch_splitting": (8, "BoolValue"),
            "max_execution_batch_size": (9, "Int64Value"),
        },
    }
)

SSLConfig = _classes["SSLConfig"]
MonitoringConfig = _classes["MonitoringConfig"]
BatchingParameters = _classes["BatchingParameters"]


def read(flag: str, path: Path, kind: type[Message]) -> Message:
    """Reads a file of one message.

    Args:
        flag: The flag that names the file, for errors.
        path: The file.
        kind: The class of the message.

    Raises:
        ValueError: The file does not hold such a message.
        OSError: The file cannot be read.
    """
    try:
        return text_format.Parse(path.read_text(), kind())
    except OSError as error:
        raise OSError(
            f"{flag}={str(path)!r} cannot be read ({error.strerror})."
        ) from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        name = kind.DESCRIPTOR.name
        raise ValueError(
            f"{flag}={str(path)!r}: Error parsing text-format "
            f"tensorflow.serving.{name}: {error}"
        ) from error
