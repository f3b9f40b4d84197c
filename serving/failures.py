"""What a gRPC error means to who asked: whether to try again, and the words for it."""

import grpc

_REFUSALS = (
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)

# Words of gRPC where two that were connected cannot agree on TLS.
_DISAGREEMENTS = ("handshake failed", "hostname verification")


def may_pass(error: grpc.RpcError) -> bool:
    """Whether the same request may succeed a little later."""
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        # gRPC's words for a message that is too large, which it will always be.
        return "message larger than max" not in error.details()
    return error.code() is grpc.StatusCode.UNAVAILABLE and not _disagree(error)


def explained(
    error: grpc.RpcError, server: str, model: str, deadline_seconds: float
) -> Exception:
    """The exception for a caller to get in the place of gRPC's.

    Args:
        error: What gRPC raised.
        server: The address that was asked.
        model: The name of the model there.
        deadline_seconds: How long the request might have taken.
    """
    code, details = error.code(), error.details()
    if _disagree(error):
        return ConnectionError(
            f"server={server!r} and this client cannot agree on TLS; check whether the "
            "server speaks it, the authority that is trusted, and the name in the "
            f"address. ({details})"
        )
    if code is grpc.StatusCode.UNAVAILABLE:
        return ConnectionError(
            f"server={server!r} does not answer; is it running? ({details})"
        )
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimeoutError(
            f"server={server!r} has not answered within "
            f"deadline_seconds={deadline_seconds:g}; allow it more time."
        )
    if code is grpc.StatusCode.NOT_FOUND:
        return ValueError(
            f"model={model!r} is not served by {server}, or not yet; "
            f"check its name and the server's log. ({details})"
        )
    if code is grpc.StatusCode.FAILED_PRECONDITION and "signature key" in details:
        return ValueError(
            f"model={model!r} cannot answer that; export it again with "
            f"`python -m tf_mt.export`. ({details})"
        )
    if code in _REFUSALS and not may_pass(error):
        return ValueError(f"server={server!r} refuses: {details}")
    return OSError(f"server={server!r} failed: {code.name}: {details}")


def _disagree(error: grpc.RpcError) -> bool:
    """Whether the server was reached, and TLS did not come about."""
    if error.code() is not grpc.StatusCode.UNAVAILABLE:
        return False
    details = error.details().lower()
    return any(words in details for words in _DISAGREEMENTS)
