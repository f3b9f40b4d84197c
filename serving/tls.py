"""TLS of a client: whom it trusts, and how it shows who it is."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import grpc


def credentials(
    authority: Path | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> grpc.ChannelCredentials:
    """Reads the files of an encrypted connection, in PEM.

    Args:
        authority: Certificates of those who sign for the servers to be trusted; None
            for those that gRPC knows.
        certificate: The client's own certificate, for servers that want to see one.
        key: The private key of `certificate`, not encrypted.

    Raises:
        ValueError: A file is not what it should be, the key is not that of the
            certificate, or one of the two is missing.
        FileNotFoundError: There is no such file.
    """
    if (certificate is None) != (key is None):
        raise ValueError(
            f"tls_certificate={_name(certificate)} and tls_key={_name(key)}: give both "
            "or neither."
        )
    # gRPC would fail with every call, and name no file.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusted = own = own_key = None
    if authority is not None:
        trusted = _read("tls_ca", authority)
        with _refusing(f"tls_ca={_name(authority)} holds no certificate in PEM"):
            context.load_verify_locations(authority)
    if certificate is not None:
        own, own_key = _read("tls_certificate", certificate), _read("tls_key", key)
        with _refusing(
            f"tls_certificate={_name(certificate)} and tls_key={_name(key)} must be a "
            "certificate and its private key in PEM, which is not encrypted"
        ):
            context.load_cert_chain(certificate, key, password=lambda: b"")
    return grpc.ssl_channel_credentials(trusted, own_key, own)


def _name(path: Path | None) -> str:
    return repr(path if path is None else str(path))


def _read(name: str, path: Path) -> bytes:
    if not Path(path).is_file():
        raise FileNotFoundError(f"{name}={_name(path)}: no such file.")
    return Path(path).read_bytes()


@contextlib.contextmanager
def _refusing(words: str) -> Iterator[None]:
    """Says what a file should be in the place of what OpenSSL says."""
    try:
        yield
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"{words}. ({error})") from error
