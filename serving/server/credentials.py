"""TLS of the gRPC server, by TensorFlow Serving's --ssl_config_file."""

from pathlib import Path

import grpc

from serving.server import config_file


def read(path: Path) -> grpc.ServerCredentials:
    """Reads an SSLConfig, whose fields hold PEM text.

    With `client_verify` clients have to show a certificate that `custom_ca` signed.

    Args:
        path: The file, in protobuf's text format.

    Raises:
        ValueError: The file is no SSLConfig, or a field that it needs is missing.
        OSError: The file cannot be read.
    """
    config = config_file.read("ssl_config_file", path, config_file.SSLConfig)
    needed = ["server_key", "server_cert"]
    if config.client_verify:
        needed.append("custom_ca")
    for field in needed:
        if not getattr(config, field):
            raise ValueError(
                f"ssl_config_file={str(path)!r} lacks {field}; give it as PEM text."
            )
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        config.custom_ca.encode() or None,
        config.client_verify,
    )
