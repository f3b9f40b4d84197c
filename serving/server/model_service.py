"""ModelService: GetModelStatus."""

from collections.abc import Mapping

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
)

from serving.server import status
from serving.server.model import Model, Version


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Answers for the models it is given, by name."""

    def __init__(self, models: Mapping[str, Model]):
        self._models = models

    def GetModelStatus(
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: grpc.ServicerContext,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Tells the state of one version, or of all there have been."""
        with status.abort_on_error(context):
            return get_model_status_pb2.GetModelStatusResponse(
                model_version_status=map(_message, self._versions(request))
            )

    def HandleReloadConfigRequest(self, request, context):
        """Not served."""
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            "HandleReloadConfigRequest is not served here; start the server with "
            "the model it is to serve.",
        )

    def _versions(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> list[Version]:
        if not request.HasField("model_spec"):
            raise status.invalid_argument("Missing ModelSpec")
        spec = request.model_spec
        model = self._models.get(spec.name)
        versions = model.versions() if model else []
        absent = f"any versions of model {spec.name}"
        if spec.HasField("version"):
            number = spec.version.value
            versions = [version for version in versions if version.number == number]
            absent = f"version {number} of model {spec.name}"
        if not versions:
            raise status.StatusError(
                grpc.StatusCode.NOT_FOUND, f"Could not find {absent}"
            )
        return versions


def _message(version: Version) -> get_model_status_pb2.ModelVersionStatus:
    message = get_model_status_pb2.ModelVersionStatus(
        version=version.number, state=version.state
    )
    message.status.SetInParent()
    if version.error is not None:
        message.status.error_code = version.error.code.value[0]
        message.status.error_message = version.error.message
    return message
