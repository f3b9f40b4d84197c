"""PredictionService, which runs signatures and tells them."""

import contextlib
from typing import NoReturn

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.server import status
from serving.server.answers import Answers
from serving.server.caller import Caller
from serving.server.metrics import Metrics


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Gives answers over gRPC."""

    def __init__(self, answers: Answers, metrics: Metrics):
        self._answers = answers
        self._metrics = metrics

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """See `Answers.predict`."""
        with status.abort_on_error(context), self._counted(request, "Predict"):
            caller = Caller(context.time_remaining(), lambda: not context.is_active())
            return self._answers.predict(request, caller)

    def GetModelMetadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: grpc.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """See `Answers.metadata`."""
        with status.abort_on_error(context):
            return self._answers.metadata(request)

    def Classify(
        self,
        request: classification_pb2.ClassificationRequest,
        context: grpc.ServicerContext,
    ) -> NoReturn:
        """See `Answers.classify`."""
        with status.abort_on_error(context), self._counted(request, "Classify"):
            self._answers.classify(request)

    def Regress(
        self, request: regression_pb2.RegressionRequest, context: grpc.ServicerContext
    ) -> NoReturn:
        """See `Answers.regress`."""
        with status.abort_on_error(context), self._counted(request, "Regress"):
            self._answers.regress(request)

    def MultiInference(
        self,
        request: inference_pb2.MultiInferenceRequest,
        context: grpc.ServicerContext,
    ) -> NoReturn:
        """See `Answers.multi_inference`."""
        with status.abort_on_error(context):
            self._answers.multi_inference(request)

    def _counted(
        self,
        request: predict_pb2.PredictRequest
        | classification_pb2.ClassificationRequest
        | regression_pb2.RegressionRequest,
        api: str,
    ) -> contextlib.AbstractContextManager[None]:
        return self._metrics.request(request.model_spec.name, api, "GRPC")
