"""The endpoints of the facade, and the OpenAPI document that describes them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID  # noqa: TC003  pydantic reads the annotation

import structlog
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from functions_py.bodies import Body, invalid_parameter, read_body
from functions_py.errors import ApiError, UpstreamError

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.services import Services
    from functions_py.supabase_rpc import Supabase

log = structlog.get_logger()

POLL_SECONDS: Final = 5
"""How soon it is worth asking again while a video is being made."""
LINK_SECONDS: Final = 3600
NO_STORE: Final = {"cache-control": "no-store"}
IN_PROGRESS: Final = frozenset({"pending", "processing", "downloading"})
DOCUMENT: Final = (Path(__file__).parent / "openapi.json").read_bytes()


class Order(Body):
    """The arguments of the RPC generate_video, which says what their values may be."""

    prompt: str
    duration: int | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None
    negative_prompt: str | None = None
    reference_image_path: str | None = None
    reference_image_id: UUID | None = None
    model: str | None = None
    idempotency_key: str | None = None


def routes(services: Services) -> list[BaseRoute]:
    """The facade, and its OpenAPI document."""

    async def generate(request: Request) -> Response:
        supabase = await services.as_caller(request)
        order = await read_body(request, Order)
        arguments = order.model_dump(mode="json", exclude_none=True)
        arguments |= {"idempotency_key": _idempotency_key(request, order)}
        task = await supabase.rpc("generate_video", arguments)
        location = request.url_for("video_status", task_id=task["task_id"]).path
        headers = {"location": location, "retry-after": str(POLL_SECONDS)}
        return JSONResponse(task, status_code=202, headers=headers | NO_STORE)

    async def status(request: Request) -> Response:
        supabase = await services.as_caller(request)
        task = await supabase.rpc("get_video_status", {"task_id": request.path_params["task_id"]})
        if task["video"] is not None:
            task["video"] |= await _links(supabase, task["video"])
        headers = {"retry-after": str(POLL_SECONDS)} if task["status"] in IN_PROGRESS else {}
        return JSONResponse(task, headers=headers | NO_STORE)

    async def document(_request: Request) -> Response:
        return Response(DOCUMENT, media_type="application/json", headers={"cache-control": "max-age=300"})

    return [
        Route("/api/v1/video/generate", generate, methods=["POST"]),
        Route("/api/generate-video", generate, methods=["POST"]),
        Route("/api/v1/video/status/{task_id}", status, name="video_status"),
        Route("/api/openapi.json", document),
    ]


def _idempotency_key(request: Request, order: Order) -> str | None:
    """The key of the header or of the body. Raises ApiError if there are two different ones."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return order.idempotency_key
    # As a structured header it comes in quotes.
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if order.idempotency_key not in (None, key):
        raise invalid_parameter(
            "idempotency_key",
            "the value of the header Idempotency-Key",
            "Header and body hold different keys.",
        )
    return key


async def _links(supabase: Supabase, video: dict[str, Any]) -> dict[str, Any]:
    """Links that need no token; nulls while Storage does not answer: the status counts all the same."""
    expires_at = datetime.fromtimestamp(int(time.time()) + LINK_SECONDS, UTC).isoformat()
    paths = [path for path in (video["path"], video["thumbnail_path"]) if path is not None]
    try:
        links = await supabase.sign_urls(video["bucket"], paths, LINK_SECONDS)
    except (ApiError, UpstreamError) as error:
        log.warning("links_not_signed", error=str(error))
        links = {}
    url = links.get(video["path"])
    return {
        "url": url,
        "thumbnail_url": links.get(video["thumbnail_path"]),
        "url_expires_at": expires_at if url else None,
    }
