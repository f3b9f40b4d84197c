"""Where metrics can be read, by TensorFlow Serving's --monitoring_config_file."""

from pathlib import Path

from serving.server import config_file, metrics

_FLAG = "monitoring_config_file"


def read(path: Path) -> str | None:
    """Reads a MonitoringConfig.

    Args:
        path: The file, in protobuf's text format.

    Returns:
        The path for HTTP; None if the file does not enable it.

    Raises:
        ValueError: The file is no MonitoringConfig, or its path does not begin with /.
        OSError: The file cannot be read.
    """
    config = config_file.read(_FLAG, path, config_file.MonitoringConfig)
    told = config.prometheus_config
    if not told.enable:
        return None
    at = told.path or metrics.DEFAULT_PATH
    if not at.startswith("/"):
        raise ValueError(f"{_FLAG}={str(path)!r}: path={at!r} must begin with a slash.")
    return at
