"""ModelService: GetModelStatus."""

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
)

from serving.server import status
from serving.server.answers import Answers


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Gives answers over gRPC."""

    def __init__(self, answers: Answers):
        self._answers = answers

    def GetModelStatus(
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: grpc.ServicerContext,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """See `Answers.model_status`."""
        with status.abort_on_error(context):
            return self._answers.model_status(request)

    def HandleReloadConfigRequest(self, request, context):
        """Not served."""
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "HandleReloadConfigRequest is not served here; start the server with "
            "the model it is to serve.",
        )
