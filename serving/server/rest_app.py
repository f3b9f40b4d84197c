"""The REST API of TensorFlow Serving, and a route of our own for audio files."""

import asyncio
import http
import re
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

import grpc
from absl import logging
from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from serving.server import (
    examples,
    http_encoding,
    json_request,
    json_response,
    json_text,
    recording,
    rest_target,
    status,
)
from serving.server.answers import SIGNATURES, Answers
from serving.server.caller import Caller
from serving.server.limits import Limits
from serving.server.metrics import Metrics
from serving.server.workers import Workers

_JSON = "application/json"
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_API = re.compile(r"(?i)/v1/.*")

_CROSS_ORIGIN = Middleware(
    CORSMiddleware,
    allow_origins=["*"],
    allow_methods=["POST", "GET"],
    allow_headers=["Content-Type"],
)

_HTTP_CODES = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}

# No number needs more characters, with what stands between it and the next.
_CHARACTERS_OF_A_NUMBER = 32
_OTHER_CHARACTERS = 1 << 20
# As much as a message of gRPC may have.
_MOST_AUDIO_BYTES = 2**31 - 1

# How often it is looked whether a client still waits.
_LOOK_SECONDS = 0.5

_T = TypeVar("_T")
_Examples = TypeVar(
    "_Examples",
    classification_pb2.ClassificationRequest,
    regression_pb2.RegressionRequest,
)


class RestApp:
    """Answers HTTP requests with what `Answers` knows.

    Attributes:
        asgi: The application, for a server of ASGI.
    """

    def __init__(
        self,
        answers: Answers,
        workers: Workers,
        metrics: Metrics,
        limits: Limits,
        timeout_seconds: float,
        metrics_path: str | None,
        cross_origin: bool,
    ):
        """Joins the parts.

        Args:
            answers: What knows the models.
            workers: The threads that run them.
            metrics: What counts requests.
            limits: What a request may have.
            timeout_seconds: How long a request, or a window of a file, may take.
            metrics_path: Where the metrics can be read; None for nowhere.
            cross_origin: Whether pages of any site may ask.
        """
        self._answers = answers
        self._workers = workers
        self._metrics = metrics
        self._timeout_seconds = timeout_seconds
        self._most_json_bytes = (
            _CHARACTERS_OF_A_NUMBER * limits.max_request_samples + _OTHER_CHARACTERS
        )
        self._actions: Mapping[
            str, Callable[[Request, model_pb2.ModelSpec], Awaitable[Response]]
        ] = {
            rest_target.STATUS: self._status,
            rest_target.METADATA: self._metadata,
            rest_target.PREDICT: self._predict,
            rest_target.CLASSIFY: self._classify,
            rest_target.REGRESS: self._regress,
            rest_target.TRANSLATE: self._translate,
        }
        routes = [Route("/{path:path}", self._respond, methods=_METHODS)]
        if metrics_path is not None:
            routes.insert(0, Route(metrics_path, self._page, methods=["GET"]))
        self.asgi = Starlette(
            routes=routes, middleware=[_CROSS_ORIGIN] if cross_origin else []
        )

    async def _respond(self, request: Request) -> Response:
        path = request.scope["raw_path"].decode("latin-1")
        if not _API.fullmatch(path):
            body = json_text.of_error(f"path={path!r} is none; see /v1/models/NAME.")
            return Response(body, http.HTTPStatus.NOT_FOUND, media_type=_JSON)
        try:
            target = rest_target.parse(request.method, path)
        except status.StatusError as error:
            self._metrics.count("", error.code)
            return _error(error)
        try:
            with self._metrics.request(target.spec.name, target.api, "REST"):
                return await self._act(request, target)
        except status.StatusError as error:
            return _error(error)

    async def _act(self, request: Request, target: rest_target.Target) -> Response:
        try:
            return await self._actions[target.action](request, target.spec)
        except status.StatusError:
            raise
        except Exception as error:
            # Whatever it is, the client is to be told in the form that it knows.
            logging.exception("A request for %r failed", target.spec.name)
            raise status.from_error(error) from error

    async def _page(self, request: Request) -> Response:
        page = self._metrics.page()
        content, headers = http_encoding.compress(_accepted(request), page)
        return Response(content, headers=headers, media_type="text/plain")

    async def _status(self, request: Request, spec: model_pb2.ModelSpec) -> Response:
        asked = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
        told = await run_in_threadpool(self._answers.model_status, asked)
        text = json_format.MessageToJson(
            told, always_print_fields_with_no_presence=True, indent=1
        )
        return Response(text, media_type=_JSON)

    async def _metadata(self, request: Request, spec: model_pb2.ModelSpec) -> Response:
        asked = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=spec, metadata_field=[SIGNATURES]
        )
        told = await run_in_threadpool(self._answers.metadata, asked)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        told.metadata[SIGNATURES].Unpack(signatures)
        model_spec, signature_map = (
            json_format.MessageToJson(
                message,
                always_print_fields_with_no_presence=True,
                preserving_proto_field_name=True,
                indent=1,
            )
            for message in (told.model_spec, signatures)
        )
        text = (
            f'{{\n"model_spec":{model_spec},\n'
            f'"metadata": {{"{SIGNATURES}": {signature_map}}}\n}}\n'
        )
        content, headers = http_encoding.compress(_accepted(request), text.encode())
        return Response(content, headers=headers, media_type=_JSON)

    async def _predict(self, request: Request, spec: model_pb2.ModelSpec) -> Response:
        self._check_room()
        body = await _body(request, self._most_json_bytes)
        deadline = time.monotonic() + self._timeout_seconds

        def answer(unwanted: threading.Event) -> tuple[bytes, dict[str, str]]:
            document = json_text.parse(body)
            with self._answers.lease(spec) as version:
                asked = json_request.predict_request(
                    document, version.loaded.signatures
                )
                asked.model_spec.name = spec.name
                caller = Caller(deadline - time.monotonic(), unwanted.is_set)
                told = self._answers.run(version, asked, caller)
            content = json_response.of_outputs(
                told.outputs, json_request.has_rows(document)
            )
            return http_encoding.compress(_accepted(request), content)

        content, headers = await self._work(request, answer, self._timeout_seconds)
        return Response(content, headers=headers, media_type=_JSON)

    async def _classify(self, request: Request, spec: model_pb2.ModelSpec) -> Response:
        asked = classification_pb2.ClassificationRequest(model_spec=spec)
        return await self._of_examples(request, asked, self._answers.classify)

    async def _regress(self, request: Request, spec: model_pb2.ModelSpec) -> Response:
        asked = regression_pb2.RegressionRequest(model_spec=spec)
        return await self._of_examples(request, asked, self._answers.regress)

    async def _of_examples(
        self,
        request: Request,
        asked: _Examples,
        refuse: Callable[[_Examples], NoReturn],
    ) -> NoReturn:
        self._check_room()
        body = await _body(request, self._most_json_bytes)

        def answer(_: threading.Event) -> NoReturn:
            document = json_text.parse(body)
            asked.model_spec.signature_name = json_request.signature_name(document)
            examples.check_json(document)
            refuse(asked)

        await self._work(request, answer, self._timeout_seconds)

    async def _translate(self, request: Request, spec: model_pb2.ModelSpec) -> Response:
        self._check_room()
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        source, target = Path(folder.name, "body.wav"), Path(folder.name, "answer.wav")
        domain = request.query_params.get("domain")

        def translate(unwanted: threading.Event) -> None:
            with self._answers.lease(spec) as version:

                def run(
                    asked: predict_pb2.PredictRequest,
                ) -> predict_pb2.PredictResponse:
                    if unwanted.is_set():
                        raise status.left()
                    asked.model_spec.name = spec.name
                    caller = Caller(self._timeout_seconds, unwanted.is_set)
                    return self._answers.run(version, asked, caller)

                recording.translate(run, source, target, domain)

        try:
            with source.open("wb") as file:
                await _receive(request, file.write, _MOST_AUDIO_BYTES)
            await self._work(request, translate, None)
        except BaseException:
            folder.cleanup()
            raise
        return FileResponse(
            target, media_type="audio/wav", background=BackgroundTask(folder.cleanup)
        )

    def _check_room(self) -> None:
        if self._workers.full:
            raise self._workers.refusal()

    async def _work(
        self,
        request: Request,
        function: Callable[[threading.Event], _T],
        timeout_seconds: float | None,
    ) -> _T:
        """Calls a function in a worker's thread, while the client waits for it.

        Args:
            request: The request of that client.
            function: Is given an event, which is set when nobody waits any more.
            timeout_seconds: How long to wait; None for as long as it takes.
        """
        self._check_room()
        unwanted = threading.Event()
        deadline = time.monotonic() + (timeout_seconds or float("inf"))
        result = asyncio.wrap_future(self._workers.submit(function, unwanted))
        try:
            while not result.done():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise status.StatusError(
                        grpc.StatusCode.DEADLINE_EXCEEDED,
                        f"rest_api_timeout_in_ms={1000 * self._timeout_seconds:g} have "
                        "passed; send a shorter piece, or allow the server more.",
                    )
                await asyncio.wait([result], timeout=min(_LOOK_SECONDS, remaining))
                if not result.done() and await request.is_disconnected():
                    raise status.left()
            return result.result()
        finally:
            unwanted.set()
            result.cancel()


async def _body(request: Request, most_bytes: int) -> bytes:
    body = bytearray()
    await _receive(request, body.extend, most_bytes)
    return bytes(body)


async def _receive(
    request: Request, take: Callable[[bytes], object], most_bytes: int
) -> None:
    encoding = request.headers.get("Content-Encoding", "")
    inflater = http_encoding.Inflater(encoding, take, most_bytes)
    try:
        async for chunk in request.stream():
            inflater.feed(chunk)
        inflater.end()
    except ClientDisconnect as error:
        raise status.left() from error


def _accepted(request: Request) -> str:
    return request.headers.get("Accept-Encoding", "")


def _error(error: status.StatusError) -> Response:
    code = _HTTP_CODES.get(error.code, http.HTTPStatus.INTERNAL_SERVER_ERROR)
    return Response(json_text.of_error(error.message), code, media_type=_JSON)
