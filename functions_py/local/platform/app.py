"""The platform's application: the gateway, and behind it Auth, Storage, PostgREST and pg_net's delivery."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import psycopg
import structlog
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from functions_py.local.platform import auth, net, storage
from functions_py.local.platform.context import Context
from functions_py.local.platform.gateway import Gateway
from functions_py.local.platform.proxy import RestProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from functions_py.local.platform.context import Settings

_DELIVERY_GRACE_SECONDS = 3

_log = structlog.get_logger(__name__)


def create_app(settings: Settings) -> ASGIApp:
    """The whole platform as one ASGI application. Needs the database; PostgREST may still be starting."""
    context = Context.create(settings)
    rest = RestProxy(settings.postgrest_url)

    async def health(_: Request) -> JSONResponse:
        """For the supervisor: 200 once both services of this process can reach their tables."""
        try:
            for pool in (context.pool_auth, context.pool_storage):
                async with pool.connection(timeout=2) as connection:
                    await connection.execute("select 1")
        except psycopg.Error as error:
            return JSONResponse({"status": "unavailable", "reason": str(error)}, status_code=503)
        return JSONResponse({"status": "ok"})

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with context.pool_auth, context.pool_storage, _delivery(settings):
            yield
        await rest.aclose()

    application = Starlette(
        routes=[
            Mount("/rest/v1", app=rest),
            Mount("/auth/v1", routes=auth.create_routes(context)),
            Mount("/storage/v1", routes=storage.create_routes(context)),
            Route("/healthz", health),
            Route("/{path:path}", _no_route, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
        ],
        lifespan=lifespan,
    )
    return Gateway(application, context.keys)


async def _no_route(_: Request) -> JSONResponse:
    return JSONResponse({"message": "no Route matched with those values"}, status_code=404)


@contextlib.asynccontextmanager
async def _delivery(settings: Settings) -> AsyncIterator[None]:
    """Runs pg_net's delivery beside the server; it finds the database again by itself after a restart."""

    def report(ended: asyncio.Task[None]) -> None:
        if not ended.cancelled() and (error := ended.exception()) is not None:
            _log.critical("pg_net_delivery_ended", exc_info=error)

    stop = asyncio.Event()
    task = asyncio.create_task(net.deliver(settings.conninfo("postgres"), stop))
    task.add_done_callback(report)
    try:
        yield
    finally:
        stop.set()
        # A batch under way may wait for a slow receiver; its requests stay queued if it is cut off.
        _, pending = await asyncio.wait((task,), timeout=_DELIVERY_GRACE_SECONDS)
        for unfinished in pending:
            unfinished.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
