"""Addresses of servers: HOST:PORT, or unix:PATH for a socket on this machine."""

import ipaddress

_UNIX = "unix:"

_OPTIONS = (
    # By default gRPC refuses answers above 4 MiB: 65 s of audio at 16 kHz.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A lost server is looked for at the pace of the retries.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
_WITHOUT_PROXY = ("grpc.enable_http_proxy", 0)
# A socket has no name; the certificate of its server has to be for this one.
_NAMED = ("grpc.ssl_target_name_override", "localhost")


def check(server: str) -> None:
    """Makes sure that it is the address of a server.

    Raises:
        ValueError: It has neither a port nor the path of a socket.
    """
    if server.startswith(_UNIX):
        complete = bool(server.removeprefix(_UNIX).strip("/"))
    else:
        complete = server.rpartition(":")[2].isdecimal()
    if not complete:
        raise ValueError(f"server={server!r} must be HOST:PORT or unix:PATH.")


def options(server: str) -> tuple[tuple[str, int | str], ...]:
    """Options of a gRPC channel to a server.

    A proxy of the environment is for other machines: it cannot reach this one.
    """
    if server.startswith(_UNIX):
        return (*_OPTIONS, _WITHOUT_PROXY, _NAMED)
    return (*_OPTIONS, _WITHOUT_PROXY) if _is_here(server) else _OPTIONS


def _is_here(server: str) -> bool:
    host = server.rpartition(":")[0].strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    return address.is_loopback or address.is_unspecified
