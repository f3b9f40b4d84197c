"""PredictionService: Predict and GetModelMetadata."""

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.server import status
from serving.server.answers import Answers


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Gives answers over gRPC."""

    def __init__(self, answers: Answers):
        self._answers = answers

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """See `Answers.predict`."""
        with status.abort_on_error(context):
            return self._answers.predict(request, context.time_remaining())

    def GetModelMetadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: grpc.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """See `Answers.metadata`."""
        with status.abort_on_error(context):
            return self._answers.metadata(request)

    def Classify(self, request, context):
        """Not served."""
        context.abort(*_unimplemented("Classify"))

    def Regress(self, request, context):
        """Not served."""
        context.abort(*_unimplemented("Regress"))

    def MultiInference(self, request, context):
        """Not served."""
        context.abort(*_unimplemented("MultiInference"))


def _unimplemented(call: str) -> tuple[grpc.StatusCode, str]:
    return grpc.StatusCode.UNIMPLEMENTED, f"{call} is not served here; use Predict."
