"""ModelService: the states of models, and changes of which there are."""

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)

from serving.server import status
from serving.server.answers import Answers
from serving.server.metrics import Metrics
from serving.server.models import Models


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Gives answers over gRPC."""

    def __init__(self, answers: Answers, models: Models, metrics: Metrics):
        self._answers = answers
        self._models = models
        self._metrics = metrics

    def GetModelStatus(
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: grpc.ServicerContext,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """See `Answers.model_status`."""
        with status.abort_on_error(context):
            return self._answers.model_status(request)

    def HandleReloadConfigRequest(
        self,
        request: model_management_pb2.ReloadConfigRequest,
        context: grpc.ServicerContext,
    ) -> model_management_pb2.ReloadConfigResponse:
        """Serves the models of a list in the place of those there are.

        And tells by how much the counters grew meanwhile that the request names.
        """
        with status.abort_on_error(context):
            if request.config.WhichOneof("config") != "model_config_list":
                raise status.invalid_argument(
                    "ServerModelConfig type not supported by HandleReloadConfigRequest."
                    " Only ModelConfigList is currently supported"
                )
            before = {name: self._metrics.total(name) for name in request.metric_names}
            self._models.replace(request.config.model_config_list.config)
            response = model_management_pb2.ReloadConfigResponse()
            response.status.SetInParent()
            for name, value in before.items():
                increase = self._metrics.total(name) - value
                response.metric.add(name=name, int64_value_increase=increase)
            return response
