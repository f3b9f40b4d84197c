"""What the server answers, however it is asked: over gRPC or over REST."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NoReturn

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server import examples, status
from serving.server.batching import Batching
from serving.server.caller import Caller
from serving.server.limits import Limits
from serving.server.metrics import Metrics
from serving.server.model import Version
from serving.server.models import Models
from serving.server.servable import DEFAULT_SIGNATURE

SIGNATURES = "signature_def"


class Answers:
    """Answers requests about the models it is given, by name.

    Every method raises a `StatusError` where there is no answer.
    """

    def __init__(
        self,
        models: Models,
        limits: Limits,
        metrics: Metrics,
        batching: Batching | None,
    ):
        """Joins the parts.

        Args:
            models: What to ask.
            limits: What a request may have.
            metrics: What times runs.
            batching: What runs requests jointly; None to run each by itself.
        """
        self._models = models
        self._limits = limits
        self._metrics = metrics
        self._batching = batching

    def predict(
        self, request: predict_pb2.PredictRequest, caller: Caller
    ) -> predict_pb2.PredictResponse:
        """Runs one signature of one version.

        Args:
            request: What to run on what.
            caller: Who waits for it.
        """
        with self.lease(_spec(request)) as version:
            return self.run(version, request, caller)

    def run(
        self, version: Version, request: predict_pb2.PredictRequest, caller: Caller
    ) -> predict_pb2.PredictResponse:
        """Runs one signature of a version that is on lease; see `predict`."""
        name = request.model_spec.name
        with self._metrics.run(name):
            response = version.loaded.predict(
                request, caller, self._limits.max_request_samples, self._batching
            )
        response.model_spec.name = name
        response.model_spec.version.value = version.number
        return response

    def classify(self, request: classification_pb2.ClassificationRequest) -> NoReturn:
        """Says why a signature does not classify."""
        with self.lease(_spec(request)) as version:
            examples.check_classification(
                version.loaded.signatures,
                request.model_spec.signature_name or DEFAULT_SIGNATURE,
            )
        raise _unimplemented("Classify")

    def regress(self, request: regression_pb2.RegressionRequest) -> NoReturn:
        """Says why a signature does not regress."""
        with self.lease(_spec(request)) as version:
            examples.check_regression(
                version.loaded.signatures,
                request.model_spec.signature_name or DEFAULT_SIGNATURE,
            )
        raise _unimplemented("Regress")

    def multi_inference(self, request: inference_pb2.MultiInferenceRequest) -> NoReturn:
        """Says why signatures do not classify and regress."""
        first = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        with self.lease(first) as version:
            examples.check_tasks(version.loaded.signatures, request.tasks)
        raise _unimplemented("MultiInference")

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Tells the signatures of one version."""
        spec = _spec(request)
        _check_metadata_fields(request.metadata_field)
        with self.lease(spec) as version:
            signatures = get_model_metadata_pb2.SignatureDefMap()
            for name, signature in version.loaded.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = request.model_spec.name
            response.model_spec.version.value = version.number
            response.metadata[SIGNATURES].Pack(signatures)
            return response

    def model_status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Tells the state of one version, or of all there have been."""
        return get_model_status_pb2.GetModelStatusResponse(
            model_version_status=map(_message, self._versions(_spec(request)))
        )

    @contextlib.contextmanager
    def lease(self, spec: model_pb2.ModelSpec) -> Iterator[Version]:
        """Lends the version that a request names; see `Model.lease`."""
        if not spec.name:
            raise status.invalid_argument("ModelSpec has no name specified.")
        model = self._models.get(spec.name)
        number = _version_number(spec, model.labels if model else {})
        if model is None:
            raise status.not_found(spec.name, number)
        with model.lease(number) as version:
            yield version

    def _versions(self, spec: model_pb2.ModelSpec) -> list[Version]:
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


def _spec(
    request: predict_pb2.PredictRequest
    | get_model_metadata_pb2.GetModelMetadataRequest
    | get_model_status_pb2.GetModelStatusRequest
    | classification_pb2.ClassificationRequest
    | regression_pb2.RegressionRequest,
) -> model_pb2.ModelSpec:
    if not request.HasField("model_spec"):
        raise status.invalid_argument("Missing ModelSpec")
    return request.model_spec


def _version_number(spec: model_pb2.ModelSpec, labels: Mapping[str, int]) -> int | None:
    if spec.HasField("version_label"):
        if spec.version_label not in labels:
            raise status.invalid_argument(
                f"Unrecognized servable version label: {spec.version_label}"
            )
        return labels[spec.version_label]
    return spec.version.value if spec.HasField("version") else None


def _check_metadata_fields(fields: Iterable[str]) -> None:
    if not fields:
        raise status.invalid_argument(
            "GetModelMetadataRequest must specify at least one metadata_field"
        )
    for field in fields:
        if field != SIGNATURES:
            raise status.invalid_argument(f"Metadata field {field} is not supported")


def _unimplemented(call: str) -> status.StatusError:
    return status.StatusError(
        grpc.StatusCode.UNIMPLEMENTED, f"{call} is not served here; use Predict."
    )


def _message(version: Version) -> get_model_status_pb2.ModelVersionStatus:
    message = get_model_status_pb2.ModelVersionStatus(
        version=version.number, state=version.state
    )
    message.status.SetInParent()
    if version.error is not None:
        message.status.error_code = version.error.code.value[0]
        message.status.error_message = version.error.message
    return message
