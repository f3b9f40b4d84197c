"""PredictionService: Predict and GetModelMetadata."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.server import status
from serving.server.model import Model, Version

_SIGNATURES = "signature_def"


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers for the models it is given, by name."""

    def __init__(self, models: Mapping[str, Model]):
        self._models = models

    def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Runs one signature of one version."""
        with status.abort_on_error(context), self._lease(_spec(request)) as version:
            response = version.loaded.predict(request, context.time_remaining())
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = version.number
            return response

    def GetModelMetadata(
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: grpc.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Tells the signatures of one version."""
        with status.abort_on_error(context):
            spec = _spec(request)
            _check_metadata_fields(request.metadata_field)
            with self._lease(spec) as version:
                signatures = get_model_metadata_pb2.SignatureDefMap()
                for name, signature in version.loaded.signatures.items():
                    signatures.signature_def[name].CopyFrom(signature)
                response = get_model_metadata_pb2.GetModelMetadataResponse()
                response.model_spec.name = request.model_spec.name
                response.model_spec.version.value = version.number
                response.metadata[_SIGNATURES].Pack(signatures)
                return response

    def Classify(self, request, context):
        """Not served."""
        context.abort(*_unimplemented("Classify"))

    def Regress(self, request, context):
        """Not served."""
        context.abort(*_unimplemented("Regress"))

    def MultiInference(self, request, context):
        """Not served."""
        context.abort(*_unimplemented("MultiInference"))

    @contextlib.contextmanager
    def _lease(self, spec: model_pb2.ModelSpec) -> Iterator[Version]:
        number = _version_number(spec)
        if spec.name not in self._models:
            raise status.not_found(spec.name, number)
        with self._models[spec.name].lease(number) as version:
            yield version


def _spec(
    request: predict_pb2.PredictRequest
    | get_model_metadata_pb2.GetModelMetadataRequest,
) -> model_pb2.ModelSpec:
    if not request.HasField("model_spec"):
        raise status.invalid_argument("Missing ModelSpec")
    return request.model_spec


def _version_number(spec: model_pb2.ModelSpec) -> int | None:
    if not spec.name:
        raise status.invalid_argument("ModelSpec has no name specified.")
    if spec.HasField("version_label"):
        raise status.invalid_argument(
            f"Unrecognized servable version label: {spec.version_label}"
        )
    return spec.version.value if spec.HasField("version") else None


def _check_metadata_fields(fields: Iterable[str]) -> None:
    if not fields:
        raise status.invalid_argument(
            "GetModelMetadataRequest must specify at least one metadata_field"
        )
    for field in fields:
        if field != _SIGNATURES:
            raise status.invalid_argument(f"Metadata field {field} is not supported")


def _unimplemented(call: str) -> tuple[grpc.StatusCode, str]:
    return grpc.StatusCode.UNIMPLEMENTED, f"{call} is not served here; use Predict."
