"""What a REST request is about: a model, a version of it, and what to do."""

import dataclasses
import re
import urllib.parse

from tensorflow_serving.apis import model_pb2

from serving.server import status

PREDICT, CLASSIFY, REGRESS = "predict", "classify", "regress"
STATUS, METADATA, TRANSLATE = "status", "metadata", "translate"

_MODEL = r"/([^/:]+)"
_VERSION = r"(?:/versions/([0-9]+)|/labels/([^/:]+))?"
_POST = re.compile(
    rf"(?i:/v1/models{_MODEL}{_VERSION})"
    rf"(?::({PREDICT}|{CLASSIFY}|{REGRESS})|/({TRANSLATE}))"
)
_GET = re.compile(rf"(?i)/v1/models(?:{_MODEL})?{_VERSION}(?:/({METADATA}))?")

_MAX_VERSION = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Target:
    """What a request is about.

    Attributes:
        spec: The model.
        action: What to do with it.
    """

    spec: model_pb2.ModelSpec
    action: str

    @property
    def api(self) -> str:
        """What metrics call the action; TensorFlow Serving has no name for some."""
        return "" if self.action in (STATUS, METADATA) else self.action


def parse(method: str, path: str) -> Target:
    """Reads the first line of a request.

    Args:
        method: The method of HTTP.
        path: The path, as it was sent.

    Raises:
        StatusError: It is none of the API's.
    """
    if method == "POST" and (match := _POST.fullmatch(path)):
        model, version, label, action, own = match.groups()
        return Target(_spec(model, version, label), action or own)
    if method == "GET" and (match := _GET.fullmatch(path)):
        model, version, label, metadata = match.groups()
        if not model:
            raise status.invalid_argument("Missing model name in request.")
        return Target(_spec(model, version, label), METADATA if metadata else STATUS)
    raise status.invalid_argument(f"Malformed request: {method} {path}")


def _spec(model: str, version: str | None, label: str | None) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=_unquoted("model name", model))
    if version is not None:
        if int(version[:20]) > _MAX_VERSION or len(version) > 20:
            raise status.invalid_argument(
                f"Failed to convert version: {version} to numeric."
            )
        spec.version.value = int(version)
    if label is not None:
        spec.version_label = _unquoted("model version label", label)
    return spec


def _unquoted(kind: str, text: str) -> str:
    try:
        return urllib.parse.unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise status.invalid_argument(f"Failed to decode {kind}:{text}") from error
