"""The worker's small HTTP face: the poke, and what an operator's machinery asks."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
from typing import TYPE_CHECKING

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from starlette.requests import Request

    from worker.clock import Alarm
    from worker.metrics import Metrics


class CannotListenError(Exception):
    """The address of WORKER_HOST and WORKER_PORT cannot be had."""


def create_app(
    *, token: str, alarm: Alarm, metrics: Metrics, problems: Callable[[], Awaitable[list[str]]]
) -> Starlette:
    """``problems`` names what keeps the worker from being ready; an empty list is ready."""
    expected = f"Bearer {token}".encode()

    async def tick(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, expected):
            return JSONResponse(
                {"error": "unauthorized"}, status_code=401, headers={"www-authenticate": "Bearer"}
            )
        alarm.ring()
        return JSONResponse({"accepted": True}, status_code=202)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"alive": True})

    async def readyz(_request: Request) -> Response:
        found = await problems()
        return JSONResponse({"ready": not found, "problems": found}, status_code=503 if found else 200)

    async def render_metrics(_request: Request) -> Response:
        return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/tick", tick, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", render_metrics),
        ]
    )


class HttpServer:
    """uvicorn in the worker's own event loop; the worker, not uvicorn, owns the signals."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2
        )
        self._server = _Server(config)
        self._address = (host, port)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Binds and serves in the background. Raises CannotListenError."""
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(self._address)
        except OSError as error:
            listener.close()
            raise CannotListenError(f"{self._address[0]}:{self._address[1]}: {error.strerror}") from error
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
