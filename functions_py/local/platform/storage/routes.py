"""The HTTP routes of Storage, relative to `/storage/v1`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from functions_py.local.platform.storage import buckets, changes, downloads, links, listing, tus, uploads
from functions_py.local.platform.storage.database import Database
from functions_py.local.platform.storage.errors import StorageError
from functions_py.local.platform.storage.files import Files
from functions_py.local.platform.storage.service import Storage
from functions_py.local.platform.storage.signing import UrlSigner
from functions_py.local.platform.storage.wire import StorageJSON

if TYPE_CHECKING:
    from functions_py.local.platform.context import Context

Handler: TypeAlias = Callable[[Storage, Request], Awaitable[Response]]

_OBJECT = "{bucket}/{key:path}"

_log = structlog.get_logger(__name__)


def create_routes(context: Context) -> list[BaseRoute]:
    """All of Storage's routes. Makes its directory and its signing key where they do not exist yet."""
    directory = context.settings.state_dir / "storage"
    storage = Storage(
        keys=context.keys,
        database=Database(context.pool_storage),
        files=Files(directory),
        signer=UrlSigner(directory),
    )
    # Fixed words before `{bucket}`: the first route that fits is taken.
    table: list[tuple[str, str, Handler]] = [
        ("POST", "/bucket", buckets.create),
        ("GET", "/bucket", buckets.list_all),
        ("GET", "/bucket/{bucket}", buckets.get),
        ("PUT", "/bucket/{bucket}", buckets.update),
        ("DELETE", "/bucket/{bucket}", buckets.delete),
        ("POST", "/bucket/{bucket}/empty", buckets.empty),
        ("POST", "/object/list/{bucket}", listing.list_folder),
        ("POST", "/object/list-v2/{bucket}", listing.list_pages),
        ("POST", "/object/move", changes.move),
        ("POST", "/object/copy", changes.copy),
        ("POST", f"/object/upload/sign/{_OBJECT}", links.sign_upload),
        ("PUT", f"/object/upload/sign/{_OBJECT}", uploads.create_by_link),
        ("POST", "/object/sign/{bucket}", links.sign_many),
        ("POST", f"/object/sign/{_OBJECT}", links.sign),
        ("GET", f"/object/sign/{_OBJECT}", downloads.get_signed),
        ("GET", f"/object/public/{_OBJECT}", downloads.get_public),
        ("GET", f"/object/authenticated/{_OBJECT}", downloads.get_authenticated),
        ("GET", f"/object/info/public/{_OBJECT}", downloads.info_public),
        ("GET", f"/object/info/authenticated/{_OBJECT}", downloads.info_authenticated),
        ("GET", f"/object/info/{_OBJECT}", downloads.info_authenticated),
        ("GET", f"/object/{_OBJECT}", downloads.get_authenticated),
        ("POST", f"/object/{_OBJECT}", uploads.create),
        ("PUT", f"/object/{_OBJECT}", uploads.update),
        ("DELETE", f"/object/{_OBJECT}", changes.delete),
        ("DELETE", "/object/{bucket}", changes.delete_many),
    ]
    return [
        *(Route(path, _endpoint(storage, handler), methods=[method]) for method, path, handler in table),
        *tus.create_routes(storage),
        Route("/{path:path}", _not_found, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


def _endpoint(storage: Storage, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(storage, request)
        except StorageError as error:
            if error.status >= 500:
                _log.error("storage_failed", path=request.url.path, code=error.code, exc_info=error)
            return error.response()
        except ClientDisconnect:
            # Nobody is left to read it; the framework wants an answer all the same.
            return Response(status_code=400)

    return endpoint


async def _not_found(request: Request) -> Response:
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return StorageJSON(
        {"message": f"Route {request.method}:{path} not found", "error": "Not Found", "statusCode": 404},
        status_code=404,
    )
