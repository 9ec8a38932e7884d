"""What an operator's machinery asks: `/healthz`, the process answers; `/readyz`, it can do its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from functions_py.errors import ApiError, UpstreamError
from functions_py.supabase_rpc import Supabase

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.services import Services


def routes(services: Services) -> list[BaseRoute]:
    """Both probes, for anybody."""

    async def healthz(_request: Request) -> JSONResponse:
        return JSONResponse({"alive": True})

    async def readyz(_request: Request) -> JSONResponse:
        problems = []
        try:
            await Supabase.as_anybody(services.settings, services.http).rpc("list_video_prices", {})
        except (ApiError, UpstreamError) as error:
            problems.append(f"Supabase does not answer: {error}")
        return JSONResponse(
            {"ready": not problems, "problems": problems}, status_code=503 if problems else 200
        )

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
