"""Veo on Vertex: `:predictLongRunning` accepts a request, `:fetchPredictOperation` tells how it went.

The clip starts from `image`. `lastFrame` and `referenceImages` are checked as Google would and not shown.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import uuid
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions_py.local.google.buckets import Buckets, check_bucket
from functions_py.local.google.errors import ConnectionDropped, GoogleError
from functions_py.local.google.films import PALETTES, Films, FilmSpec
from functions_py.local.google.markers import MarkerUses, Stage, strip_markers
from functions_py.local.google.operations import Operation, Operations, new_id
from functions_py.local.google.refusals import refuse
from functions_py.local.google.veo_request import (
    Place,
    VeoRequest,
    check_model,
    check_project,
    no_longer_available,
    parse,
    read_images,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from functions_py.local.google.gate import Check, Gate
    from functions_py.local.google.journal import Entry

RESPONSE_TYPE = "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse"

FILTERED = (
    "Veo could not generate videos because the input prompt violates Vertex AI's usage guidelines. "
    "If you think this was an error, send feedback. Support codes: 58061214"
)
"""58061214 is the support code for content about children."""

# Outcome markers that end an operation with a google.rpc error instead of a response.
OPERATION_ERRORS = {
    "opsafety": {
        "code": 3,
        "message": "The input image violates Vertex AI's usage guidelines. Support codes: 15236754",
    },
    "operror": {"code": 13, "message": "An internal error has occurred. Please try again later."},
    "overloaded": {
        "code": 8,
        "message": "The service is currently experiencing high load. Please try again later.",
    },
}

_MODEL = "/projects/{project}/locations/{location}/publishers/google/models/{model}"
_OPERATION_NAME = re.compile(
    r"projects/[^/]+/locations/[^/]+/publishers/google/models/([^/]+)/operations/[^/]+"
)


class Veo:
    """The two endpoints and what happens between them."""

    service = "vertex"

    def __init__(self, operations: Operations, buckets: Buckets, markers: MarkerUses, films: Films) -> None:
        self._operations = operations
        self._buckets = buckets
        self._markers = markers
        self._films = films
        operations.register(self.service, self._settle)

    def routes(self, gate: Gate, check: Check) -> list[Route]:
        """Under both versions of the API; the SDK uses v1beta1."""
        create = gate(self.service, "create", self.create, check)
        poll = gate(self.service, "poll", self.poll, check)
        return [
            route
            for version in ("v1", "v1beta1")
            for route in (
                Route(f"/{version}{_MODEL}:predictLongRunning", create, methods=["POST"]),
                Route(f"/{version}{_MODEL}:fetchPredictOperation", poll, methods=["POST"]),
            )
        ]

    async def create(self, request: Request, entry: Entry) -> Response:
        place = Place(**request.path_params)
        entry.model = place.model
        check_project(place)
        model = check_model(place)
        veo = parse(await request.body(), model)
        entry.prompt, entry.storage_uri = veo.instance.prompt, veo.parameters.storage_uri
        first_frame = await read_images(veo.instance, self._from_storage)
        scope = _scope(veo)
        entry.marker = self._markers.take(veo.instance.prompt, Stage.CREATE, scope)
        refuse(entry.marker, place.model, f"//aiplatform.googleapis.com/{place}", no_longer_available(place))
        operation = self._accept(place, veo, first_frame, scope)
        entry.operation = operation.name
        if entry.marker == "drop":
            raise ConnectionDropped
        if entry.marker == "empty200":
            return Response(status_code=200, media_type="application/json")
        return JSONResponse({"name": operation.name})

    async def poll(self, request: Request, entry: Entry) -> Response:
        place = Place(**request.path_params)
        entry.model = place.model
        check_project(place)
        name = _operation_name(await request.body(), place.model)
        entry.operation = name
        operation = self._operations.find(name)
        if operation is None or operation.name != name:
            raise GoogleError(404, f"Operation {name} not found.")
        entry.prompt, entry.storage_uri = operation.prompt, operation.storage_uri
        entry.marker = self._markers.take(operation.prompt, Stage.POLL, f"operation:{operation.id}")
        if entry.marker == "poll_503":
            raise GoogleError(503, "The service is currently unavailable.")
        if entry.marker == "poll_drop":
            raise ConnectionDropped
        if operation.result is None:
            return JSONResponse({"name": name})
        body = await asyncio.to_thread(_with_bytes, operation.result)
        return JSONResponse({"name": name, "done": True, **body})

    def _accept(self, place: Place, veo: VeoRequest, first_frame: bytes | None, scope: str) -> Operation:
        prompt = veo.instance.prompt
        outcome = self._markers.take(prompt, Stage.OUTCOME, scope)
        identifier = str(uuid.uuid4())
        operation = Operation(
            id=identifier,
            name=f"{place}/operations/{identifier}",
            service=self.service,
            model=place.model,
            prompt=prompt,
            films=() if outcome in _WITHOUT_CLIP else self._wanted(veo, first_frame, outcome),
            storage_uri=veo.parameters.storage_uri,
            outcome=outcome,
        )
        never_ends = self._markers.take(prompt, Stage.PACE, scope) == "slow"
        self._operations.start(operation, never_ends=never_ends)
        return operation

    def _wanted(
        self, veo: VeoRequest, first_frame: bytes | None, outcome: str | None
    ) -> tuple[FilmSpec, ...]:
        parameters = veo.parameters
        seconds = int(parameters.duration_seconds)
        if outcome == "wronglength":
            seconds = 6 if seconds == 8 else seconds + 2
        width, height = veo.size
        words = strip_markers(veo.instance.prompt)
        look = zlib.crc32(words.encode()) if parameters.seed is None else parameters.seed
        return tuple(
            FilmSpec(
                seconds=seconds,
                width=width,
                height=height,
                # A clip that starts from an image has no palette: one cached file serves every prompt.
                palette=0 if first_frame else (look + sample) % PALETTES,
                image=self._films.keep_image(first_frame) if first_frame else None,
                fit=veo.fit,
                audio=parameters.generate_audio,
            )
            for sample in range(parameters.sample_count)
        )

    def _from_storage(self, uri: str) -> Path:
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        check_bucket(bucket)
        stored = self._buckets.get(bucket, name)
        if stored is None:
            raise GoogleError(404, f"The image {uri} was not found.")
        return stored.path

    async def _settle(self, operation: Operation, clips: Sequence[Path]) -> dict[str, Any]:
        outcome = operation.outcome
        if outcome in OPERATION_ERRORS:
            return {"error": OPERATION_ERRORS[outcome]}
        if outcome == "safety":
            return _response(raiMediaFilteredCount=1, raiMediaFilteredReasons=[FILTERED])
        if outcome == "noresult":
            return _response()
        if operation.storage_uri is None:
            return _response(videos=[{"file": str(clip), "mimeType": "video/mp4"} for clip in clips])
        bucket, _, folder = operation.storage_uri.removeprefix("gs://").partition("/")
        try:
            check_bucket(bucket)
        except GoogleError as refused:
            return {
                "error": {"code": 7, "message": f"Cannot write to {operation.storage_uri}: {refused.message}"}
            }
        run = "/".join(part for part in (folder.strip("/"), new_id()) if part)
        names = [f"{run}/sample_{number}.mp4" for number in range(max(len(clips), 1))]
        for name, clip in zip(names, clips, strict=False):  # no clips: `nofile` names what is not there
            await self._buckets.put_file(bucket, name, clip, "video/mp4", operation.name)
        videos = [{"gcsUri": f"gs://{bucket}/{name}", "mimeType": "video/mp4"} for name in names]
        return _response(raiMediaFilteredCount=0, videos=videos)


_WITHOUT_CLIP = {*OPERATION_ERRORS, "safety", "noresult", "nofile"}


def _scope(veo: VeoRequest) -> str:
    """Two tasks with the same prompt fail apart from each other when they carry a `task` label."""
    return f"prompt:{veo.labels.get('task', '')}:{veo.instance.prompt}"


def _operation_name(body: bytes, model: str) -> str:
    try:
        name = json.loads(body)["operationName"]
    except (ValueError, KeyError, TypeError):
        raise GoogleError(400, "Invalid JSON payload received: operationName is required.") from None
    found = _OPERATION_NAME.fullmatch(str(name))
    if not found:
        raise GoogleError(400, f"Invalid operation name: {name}")
    if found[1] != model:
        raise GoogleError(400, f"The operation {name} does not belong to model {model}.")
    return str(name)


def _response(**fields: Any) -> dict[str, Any]:  # noqa: ANN401  (JSON)
    return {"response": {"@type": RESPONSE_TYPE, **fields}}


def _with_bytes(result: dict[str, Any]) -> dict[str, Any]:
    """Without a storageUri the clip itself is in the answer, again in every poll of a finished operation."""
    response = result.get("response", {})
    videos = [
        {
            "bytesBase64Encoded": base64.b64encode(Path(video["file"]).read_bytes()).decode(),
            "mimeType": video["mimeType"],
        }
        if "file" in video
        else video
        for video in response.get("videos", [])
    ]
    return {"response": response | {"videos": videos}} if videos else result
