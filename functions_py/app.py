"""Puts the HTTP functions together. Each room brings its routes; what all share is in `services.py`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from functions_py import health
from functions_py.api import routes as api
from functions_py.errors import HANDLERS
from functions_py.manual import site as manual
from functions_py.middleware import BodyLimit, Mistakes, RequestLog
from functions_py.optimizer import routes as optimizer
from functions_py.optimizer.model import TextModel
from functions_py.payments import routes as payments
from functions_py.payments.timer import reconcile_for_ever
from functions_py.services import Services

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.settings import Settings


def create_app(settings: Settings) -> Starlette:
    """The whole application. Starts without Supabase: `/readyz` says when it answers."""
    services = Services.create(settings)
    text_model = TextModel(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with services.http, contextlib.aclosing(text_model):
            reconciling = asyncio.create_task(reconcile_for_ever(services))
            yield
            reconciling.cancel()
            await asyncio.wait([reconciling])

    return Starlette(
        routes=[
            *health.routes(services),
            *manual.routes(),
            *api.routes(services),
            *payments.routes(services),
            *optimizer.routes(services, text_model),
        ],
        middleware=[
            Middleware(RequestLog),
            Middleware(
                CORSMiddleware,
                # Rights come from tokens, never from the origin, and no cookie is read.
                allow_origins=settings.functions_cors_origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "apikey", "x-client-info"],
                expose_headers=["Location", "Retry-After", "X-Request-Id"],
                max_age=3600,
            ),
            Middleware(Mistakes),
            Middleware(BodyLimit, limit=settings.functions_max_body_bytes),
        ],
        exception_handlers=HANDLERS,
        lifespan=lifespan,
    )
