"""The version of a model that a server answers with."""

import grpc

from serving import proto


def ask(server: str, model: str, deadline_seconds: float = 60.0) -> int:
    """Asks a server which version of a model it serves.

    Args:
        server: Its address, HOST:PORT.
        model: The name of the model there.
        deadline_seconds: How long it may take.

    Raises:
        OSError: The server does not answer, or not to that.
    """
    request = proto.PredictRequest(output_filter=["sample_rate"])
    request.model_spec.name = model
    request.model_spec.signature_name = "info"
    with grpc.insecure_channel(server) as channel:
        predict = channel.unary_unary(
            proto.PREDICT,
            request_serializer=proto.PredictRequest.SerializeToString,
            response_deserializer=proto.PredictResponse.FromString,
        )
        try:
            response = predict(request, timeout=deadline_seconds)
        except grpc.RpcError as error:
            raise OSError(
                f"server={server!r} does not say which version of model={model!r} it "
                f"serves: {error.details()}"
            ) from error
    return response.model_spec.version.value
