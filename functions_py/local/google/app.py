"""Puts the emulator together: one application with every service of Google's that Reelbase calls."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route

from functions_py.local.google.admin import Admin
from functions_py.local.google.api_key import ApiKey
from functions_py.local.google.buckets import Buckets
from functions_py.local.google.database import open_database
from functions_py.local.google.delivery import Delivery
from functions_py.local.google.errors import GoogleError
from functions_py.local.google.films import Films
from functions_py.local.google.gate import Gate
from functions_py.local.google.gemini_files import GeminiFiles
from functions_py.local.google.journal import Entry, Journal
from functions_py.local.google.markers import MarkerUses
from functions_py.local.google.omni import Omni
from functions_py.local.google.operations import Operations
from functions_py.local.google.storage import Storage
from functions_py.local.google.text import TextModel
from functions_py.local.google.tokens import ServiceAccount, Tokens
from functions_py.local.google.veo import Veo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from functions_py.local.google.settings import Settings


def create_app(settings: Settings) -> Starlette:
    """Writes the service-account file, opens what an earlier process left, and returns the application."""
    account = ServiceAccount.prepare(settings.state_dir / "google-service-account.json", settings.url)
    database = open_database(settings.home / "google.sqlite3")
    journal, markers = Journal(database), MarkerUses(database)
    buckets = Buckets(database, settings.home / "objects")
    films = Films(settings.film_cache or settings.home / "films")
    operations = Operations(database, films, settings.seconds)
    tokens, gate = Tokens(account, settings.token_seconds), Gate(journal)
    veo = Veo(operations, buckets, markers, films)
    delivery = Delivery(operations, markers, settings.home)
    storage = Storage(buckets, delivery, settings.url)

    text = TextModel(markers)
    key = ApiKey.prepare(settings.state_dir / "google-api-key")
    files = GeminiFiles(buckets, delivery, markers, settings.url)
    omni = Omni(operations, markers, films, files)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        operations.resume()
        yield
        await operations.close()
        database.close()

    async def unknown(request: Request, entry: Entry) -> Response:
        raise GoogleError(404, f"Method not found: {request.method} {request.url.path}")

    anything = gate("unknown", "unknown", unknown, None)
    return Starlette(
        routes=[
            *Admin(journal, markers, operations, gate).routes(),
            Route("/token", gate("token", "token", tokens.exchange, None), methods=["POST"]),
            *veo.routes(gate, tokens.check),
            *storage.routes(gate, tokens.check),
            *text.routes(gate, tokens.check, key.check),
            *omni.routes(gate, key.check),
            *files.routes(gate, key.check),
            Route("/{path:path}", anything, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ],
        lifespan=lifespan,
    )
