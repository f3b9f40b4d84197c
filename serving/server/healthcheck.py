"""Ends with 0 if a server is healthy, by gRPC's own health service.

python -m serving.server.healthcheck HOST:PORT
"""

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

_TIMEOUT_SECONDS = 5


def main(address: str) -> int:
    """Asks once, and says what is wrong."""
    # No proxy of the environment stands between a container and itself.
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options) as channel:
        asked = health_pb2.HealthCheckRequest()
        try:
            told = health_pb2_grpc.HealthStub(channel).Check(
                asked, timeout=_TIMEOUT_SECONDS
            )
        except grpc.RpcError as error:
            print(f"{address}: {error.code().name}", file=sys.stderr)
            return 1
    if told.status != health_pb2.HealthCheckResponse.SERVING:
        print(f"{address}: no model to ask", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
