"""Gemini Omni: video through the Interactions API, the one that an API key opens."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions_py.local.google.errors import ConnectionDropped, GoogleError
from functions_py.local.google.films import PALETTES, Films, FilmSpec
from functions_py.local.google.markers import MarkerUses, Stage, strip_markers
from functions_py.local.google.operations import Operation, Operations
from functions_py.local.google.pictures import checked_picture
from functions_py.local.google.refusals import refuse

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.local.google.gate import Check, Gate
    from functions_py.local.google.gemini_files import GeminiFiles
    from functions_py.local.google.journal import Entry

LONGEST_SECONDS = {"gemini-omni-1.2-flash": 15, "gemini-omni-1.1-flash": 10}
SHORTEST_SECONDS = 3

HEIGHTS = {"360p": 360, "720p": 720, "1080p": 1080}

# Outcome markers that end an interaction as failed, with the error in it.
FAILURES = {
    "safety": ("content_filtered", "The video was blocked by the safety filters. You have not been charged."),
    "opsafety": ("invalid_argument", "The input image was blocked by the safety filters."),
    "operror": ("internal", "An internal error has occurred. Please try again later."),
    "overloaded": ("resource_exhausted", "The model is overloaded. Please try again later."),
}
_WITHOUT_CLIP = {*FAILURES, "noresult", "nofile"}

_DURATION = re.compile(r"(\d{1,3})s")


class _Part(BaseModel):
    """Open: Google's types have more fields than we look at."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Content(_Part):
    """A piece of what the user gives."""

    type: str
    text: str = ""
    mime_type: str = ""
    data: str = ""


class Step(_Part):
    """A turn of the conversation."""

    type: Literal["user_input"]
    content: list[Content] = []


class VideoFormat(_Part):
    """What to make."""

    type: Literal["video"]
    aspect_ratio: Literal["16:9", "9:16"] = "16:9"
    duration: Annotated[str, Field(pattern=_DURATION)] = "8s"
    resolution: Literal["360p", "720p", "1080p"] = "720p"
    delivery: Literal["inline", "uri"] = "inline"


class InteractionRequest(_Part):
    """The body of `POST /v1/interactions`, for a video."""

    model: str
    input: str | list[Step] | list[Content] | Content
    response_format: VideoFormat | list[VideoFormat]
    background: bool = False
    labels: dict[str, str] = {}

    @property
    def video(self) -> VideoFormat:
        formats = self.response_format
        return formats[0] if isinstance(formats, list) else formats

    @property
    def contents(self) -> list[Content]:
        if isinstance(self.input, str):
            return [Content(type="text", text=self.input)]
        parts = self.input if isinstance(self.input, list) else [self.input]
        return [content for part in parts for content in (part.content if isinstance(part, Step) else [part])]

    @property
    def prompt(self) -> str:
        return " ".join(content.text for content in self.contents if content.type == "text").strip()


class Omni:
    """Create, get and delete; the finished clip is in the answer or in the Files API."""

    service = "gemini"

    def __init__(self, operations: Operations, markers: MarkerUses, films: Films, files: GeminiFiles) -> None:
        self._operations = operations
        self._markers = markers
        self._films = films
        self._files = files
        operations.register(self.service, self._settle)

    def routes(self, gate: Gate, check: Check) -> list[Route]:
        create = gate(self.service, "create", self.create, check)
        poll = gate(self.service, "poll", self.get, check)
        delete = gate(self.service, "delete", self.delete, check)
        model = gate(self.service, "model", self.model, check)
        return [
            route
            for version in ("v1", "v1beta")
            for route in (
                Route(f"/{version}/interactions", create, methods=["POST"]),
                Route(f"/{version}/interactions/{{id}}", poll, methods=["GET"]),
                Route(f"/{version}/interactions/{{id}}", delete, methods=["DELETE"]),
                Route(f"/{version}/models/{{model}}", model, methods=["GET"]),
            )
        ]

    async def create(self, request: Request, entry: Entry) -> Response:
        asked = _parse(await request.body())
        entry.model, entry.prompt = asked.model, asked.prompt
        first_frame = await _first_frame(asked)
        scope = f"prompt:{asked.labels.get('task', '')}:{asked.prompt}"
        entry.marker = self._markers.take(asked.prompt, Stage.CREATE, scope)
        refuse(entry.marker, asked.model, f"models/{asked.model}", _retired(asked.model))
        operation = self._accept(asked, first_frame, scope)
        entry.operation = operation.id
        if entry.marker == "drop":
            raise ConnectionDropped
        if entry.marker == "empty200":
            return Response(status_code=200, media_type="application/json")
        if not asked.background:
            await self._operations.ended(operation)
        return await self._answer(operation.id)

    async def get(self, request: Request, entry: Entry) -> Response:
        operation = self._find(request, entry)
        entry.marker = self._markers.take(operation.prompt, Stage.POLL, f"operation:{operation.id}")
        if entry.marker == "poll_503":
            raise GoogleError(503, "The service is currently unavailable.")
        if entry.marker == "poll_drop":
            raise ConnectionDropped
        return await self._answer(operation.id)

    async def delete(self, request: Request, entry: Entry) -> Response:
        """Forgets an interaction; its file stays."""
        operation = self._find(request, entry)
        entry.object = f"interactions/{operation.id}"
        self._operations.forget(operation)
        return JSONResponse({})

    async def model(self, request: Request, entry: Entry) -> Response:
        """What a model is; a key that may ask is a good one."""
        entry.model = request.path_params["model"]
        if entry.model not in LONGEST_SECONDS:
            raise _retired(entry.model)
        return JSONResponse({"name": f"models/{entry.model}", "displayName": "Gemini Omni", "version": "001"})

    def _find(self, request: Request, entry: Entry) -> Operation:
        operation = self._operations.find(request.path_params["id"])
        if operation is None or operation.service != self.service:
            raise GoogleError(404, "Requested entity was not found.")
        entry.operation, entry.model, entry.prompt = operation.id, operation.model, operation.prompt
        return operation

    def _accept(self, asked: InteractionRequest, first_frame: bytes | None, scope: str) -> Operation:
        outcome = self._markers.take(asked.prompt, Stage.OUTCOME, scope)
        identifier = f"v1_{secrets.token_urlsafe(24)}"
        operation = Operation(
            id=identifier,
            name=identifier,
            service=self.service,
            model=asked.model,
            prompt=asked.prompt,
            films=() if outcome in _WITHOUT_CLIP else (self._wanted(asked, first_frame, outcome),),
            storage_uri="files/" if asked.video.delivery == "uri" else None,
            outcome=outcome,
        )
        never_ends = self._markers.take(asked.prompt, Stage.PACE, scope) == "slow"
        self._operations.start(operation, never_ends=never_ends)
        return operation

    def _wanted(self, asked: InteractionRequest, first_frame: bytes | None, outcome: str | None) -> FilmSpec:
        short = HEIGHTS[asked.video.resolution]
        long = short * 16 // 9
        wide = asked.video.aspect_ratio == "16:9"
        seconds = _seconds(asked)
        return FilmSpec(
            seconds=seconds + 2 if outcome == "wronglength" else seconds,
            width=long if wide else short,
            height=short if wide else long,
            palette=0 if first_frame else zlib.crc32(strip_markers(asked.prompt).encode()) % PALETTES,
            image=self._films.keep_image(first_frame) if first_frame else None,
            fit="crop",
        )

    async def _settle(self, operation: Operation, clips: list[Path]) -> dict[str, Any]:
        if operation.outcome in FAILURES:
            code, message = FAILURES[operation.outcome]
            return {"status": "failed", "errors": [{"code": code, "message": message}]}
        if operation.outcome == "noresult":
            return {"status": "completed"}
        if operation.outcome == "nofile":
            return {"status": "completed", "video": {"uri": self._files.uri(self._files.new_id())}}
        if operation.storage_uri:
            return {"status": "completed", "video": {"uri": await self._files.keep(clips[0], operation)}}
        return {"status": "completed", "file": str(clips[0])}

    async def _answer(self, identifier: str) -> Response:
        operation = self._operations.find(identifier)
        assert operation is not None
        created = datetime.fromtimestamp(operation.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        result = operation.result or {"status": "in_progress"}
        body: dict[str, Any] = {
            "id": operation.id,
            "object": "interaction",
            "model": operation.model,
            "status": result["status"],
            "created": created,
            "updated": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if "errors" in result:
            body["errors"] = result["errors"]
        if video := await asyncio.to_thread(_video, result):
            content = {"type": "video", "mime_type": "video/mp4", **video}
            body["steps"] = [{"type": "model_output", "content": [content]}]
        return JSONResponse(body)


def _parse(body: bytes) -> InteractionRequest:
    try:
        asked = InteractionRequest.model_validate_json(body)
    except ValidationError as invalid:
        problem = invalid.errors(include_url=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise GoogleError(400, f"Invalid value at '{where}': {problem['msg']}.") from None
    if asked.model not in LONGEST_SECONDS:
        raise _retired(asked.model)
    longest = LONGEST_SECONDS[asked.model]
    if not SHORTEST_SECONDS <= _seconds(asked) <= longest:
        raise GoogleError(400, f"The duration must be between {SHORTEST_SECONDS}s and {longest}s.")
    if not asked.prompt:
        raise GoogleError(400, "The input needs a text.")
    return asked


def _retired(model: str) -> GoogleError:
    return GoogleError(
        404,
        f"This model models/{model} is no longer available. Please update your code to use "
        "models/gemini-omni-1.2-flash.",
    )


def _seconds(asked: InteractionRequest) -> int:
    return int(asked.video.duration.removesuffix("s"))


async def _first_frame(asked: InteractionRequest) -> bytes | None:
    images = [content.data for content in asked.contents if content.type == "image"]
    return await asyncio.to_thread(checked_picture, images[0]) if images else None


def _video(result: dict[str, Any]) -> dict[str, Any] | None:
    if "file" in result:
        return {"data": base64.b64encode(Path(result["file"]).read_bytes()).decode()}
    video: dict[str, Any] | None = result.get("video")
    return video
