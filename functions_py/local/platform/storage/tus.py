"""The TUS protocol 1.0.0 at `/upload/resumable`, and with a signed link's token at `/upload/resumable/sign`.

Unlike the rest of Storage it answers errors with their true status and a plain sentence.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from functions_py.local.platform.storage.caller import Caller
from functions_py.local.platform.storage.errors import StorageError
from functions_py.local.platform.storage.objects import REHEARSED_VERSION, ObjectDraft, find_bucket
from functions_py.local.platform.storage.service import Storage, check_key, is_upsert
from functions_py.local.platform.storage.tus_uploads import ResumableUpload, ResumableUploads, UploadId
from functions_py.local.platform.storage.uploads import check_mime_type, rehearse, stored_metadata
from functions_py.local.platform.storage.wire import now

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH = "/upload/resumable"
_VERSION = "1.0.0"
_CONTENT_TYPE = "application/offset+octet-stream"
_DEFAULT_TYPE = "application/octet-stream"
_DIGITS = re.compile(r"-?\d+")
# As the original writes it, its last comma included: what a browser's script may read of the answers.
_EXPOSED = (
    "Authorization, Content-Type, Location, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, "
    "Upload-Concat, Upload-Defer-Length, Upload-Length, Upload-Metadata, Upload-Offset, "
    "X-HTTP-Method-Override, X-Requested-With, X-Forwarded-Host, X-Forwarded-Proto, Forwarded,"
)
_HEADERS = {
    "tus-resumable": _VERSION,
    "access-control-allow-origin": "*",
    "access-control-expose-headers": _EXPOSED,
}
_TEXT = {"content-type": "text/plain;charset=UTF-8"}

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


def create_routes(storage: Storage) -> list[BaseRoute]:
    """The protocol's routes, relative to `/storage/v1`."""
    tus = Tus(storage, ResumableUploads(storage.files.resumable))
    routes: list[BaseRoute] = []
    for path in (f"{_PATH}/sign", _PATH):
        routes += [
            Route(path, _endpoint(tus.create), methods=["POST"]),
            Route(path, _endpoint(tus.options), methods=["OPTIONS"]),
            Route(f"{path}/{{upload_id}}", _endpoint(tus.head), methods=["HEAD"]),
            Route(f"{path}/{{upload_id}}", _endpoint(tus.patch), methods=["PATCH"]),
            Route(f"{path}/{{upload_id}}", _endpoint(tus.delete), methods=["DELETE"]),
        ]
    return routes


@dataclass(frozen=True, slots=True)
class _Sender:
    """Who uploads, and what he may overwrite: by his token, or by the one of a signed link."""

    caller: Caller
    owner: str | None
    upsert: bool


class Tus:
    """The protocol's verbs."""

    def __init__(self, storage: Storage, uploads: ResumableUploads) -> None:
        self._storage = storage
        self._uploads = uploads

    async def options(self, _: Request) -> Response:
        """What this server can do."""
        return _answer(
            204, {"tus-version": _VERSION, "tus-extension": "creation,creation-with-upload,termination"}
        )

    async def create(self, request: Request) -> Response:
        """Announce an upload, and send its beginning where the request has a body."""
        _require_version(request)
        length = _upload_length(request)
        metadata = _parse_metadata(request.headers.get("upload-metadata"))
        upload_id = UploadId(metadata.get("bucketName", ""), metadata.get("objectName", ""), str(uuid4()))
        check_key(upload_id.name)
        sender = self._sender(request, upload_id, "storage.tus.upload.create")
        await self._judge(sender, upload_id, length, metadata)
        upload = self._uploads.create(
            upload_id, length, metadata | {"cacheControl": _cache_control(metadata)}
        )
        location = f"{request.url.scheme}://{request.url.netloc}{request.url.path}/{upload_id}"
        headers = {"location": location}
        if request.headers.get("content-type") == _CONTENT_TYPE or length == 0:
            with self._uploads.exclusive(upload_id):
                headers |= await self._receive(request, sender, upload)
        return _answer(201, headers | _TEXT)

    async def head(self, request: Request) -> Response:
        """How much has arrived."""
        upload_id = UploadId.parse(request.path_params["upload_id"])
        self._sender(request, upload_id, "storage.tus.upload.get")
        upload = self._uploads.find(upload_id)
        headers = {
            "cache-control": "no-store",
            "upload-length": str(upload.length),
            "upload-offset": str(upload.offset),
            "upload-metadata": _format_metadata(upload.metadata),
        }
        return _answer(200, headers | _TEXT)

    async def patch(self, request: Request) -> Response:
        """Send the next part; the last one makes the object."""
        _require_version(request)
        if request.headers.get("content-type") != _CONTENT_TYPE:
            raise StorageError(403, "TusError", "Content-Type header required")
        upload_id = UploadId.parse(request.path_params["upload_id"])
        sender = self._sender(request, upload_id, "storage.tus.upload.part")
        with self._uploads.exclusive(upload_id):
            upload = self._uploads.find(upload_id)
            if request.headers.get("upload-offset") != str(upload.offset):
                raise StorageError(409, "TusError", "Upload-Offset conflict")
            if upload.is_complete:
                return _answer(204, {"upload-offset": str(upload.offset), "tus-complete": "1"})
            await self._judge(sender, upload_id, upload.length, upload.metadata)
            return _answer(204, await self._receive(request, sender, upload))

    async def delete(self, request: Request) -> Response:
        """Give up an upload."""
        _require_version(request)
        upload_id = UploadId.parse(request.path_params["upload_id"])
        sender = self._sender(request, upload_id, "storage.tus.upload.delete")
        with self._uploads.exclusive(upload_id):
            upload = self._uploads.find(upload_id)
            await self._judge(sender, upload_id, upload.length, upload.metadata)
            self._uploads.delete(upload)
        return _answer(204, {})

    def _sender(self, request: Request, upload_id: UploadId, operation: str) -> _Sender:
        if f"{_PATH}/sign" not in request.url.path:
            caller = self._storage.caller(request, operation)
            return _Sender(caller, caller.owner, is_upsert(request))
        token = request.headers.get("x-signature")
        if token is None:
            raise StorageError(400, "InvalidSignature", "Missing x-signature header")
        grant = self._storage.signer.verify(token, f"{upload_id.bucket}/{upload_id.name}", "upload")
        return _Sender(Caller.service(request, operation), grant.owner, grant.upsert)

    async def _judge(
        self, sender: _Sender, upload_id: UploadId, length: int, metadata: Mapping[str, str]
    ) -> None:
        """Whether this upload is allowed now: asked again with every part."""
        async with self._storage.database.transaction(sender.caller.as_service()) as connection:
            bucket = await find_bucket(connection, upload_id.bucket)
        if bucket["file_size_limit"] is not None and length > bucket["file_size_limit"]:
            raise StorageError(413, "TusError", "Maximum size exceeded")
        if "contentType" in metadata:
            check_mime_type(metadata["contentType"], bucket["allowed_mime_types"])
        rehearsed = {"mimetype": metadata.get("contentType", _DEFAULT_TYPE), "contentLength": length}
        draft = ObjectDraft(
            upload_id.bucket,
            upload_id.name,
            REHEARSED_VERSION,
            sender.owner,
            rehearsed,
            _user_metadata(metadata),
        )
        await rehearse(self._storage, sender.caller, draft, upsert=sender.upsert)

    async def _receive(self, request: Request, sender: _Sender, upload: ResumableUpload) -> dict[str, str]:
        offset = await self._uploads.append(upload, request.stream())
        if offset < upload.length:
            return {"upload-offset": str(offset)}
        stored = await self._storage.files.adopt(self._uploads.content_file(upload), upload.version)
        metadata = stored_metadata(
            stored, upload.metadata.get("contentType", _DEFAULT_TYPE), upload.metadata["cacheControl"], now()
        )
        draft = ObjectDraft(
            upload.bucket,
            upload.name,
            upload.version,
            sender.owner,
            metadata,
            _user_metadata(upload.metadata),
        )
        await self._storage.write_row(sender.caller, draft)
        self._uploads.finish(upload)
        return {"upload-offset": str(offset), "tus-complete": "1"}


def _endpoint(handler: Handler) -> Handler:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(request)
        except StorageError as error:
            return Response(error.message, status_code=error.status, headers=_HEADERS | _TEXT)
        except ClientDisconnect:
            return Response(status_code=400)

    return endpoint


def _answer(status: int, headers: dict[str, str]) -> Response:
    return Response(status_code=status, headers=_HEADERS | headers)


def _require_version(request: Request) -> None:
    if request.headers.get("tus-resumable") != _VERSION:
        raise StorageError(412, "TusError", "Tus-Resumable Required")


def _upload_length(request: Request) -> int:
    length = request.headers.get("upload-length", "")
    if not length.isdigit():
        raise StorageError(400, "TusError", "Upload-Length or Upload-Defer-Length header required")
    return int(length)


def _cache_control(metadata: Mapping[str, str]) -> str:
    """A number of seconds is all that is taken."""
    lifetime = metadata.get("cacheControl", "")
    return f"max-age={lifetime}" if _DIGITS.fullmatch(lifetime) else "no-cache"


def _user_metadata(metadata: Mapping[str, str]) -> dict[str, Any] | None:
    try:
        parsed = json.loads(metadata.get("metadata", ""))
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _parse_metadata(header: str | None) -> dict[str, str]:
    """Pairs of a key and a base64 value. Raises StorageError."""
    if not header:
        raise StorageError(400, "InvalidRequest", "Metadata header is required")
    try:
        pairs = [pair.strip().partition(" ") for pair in header.split(",")]
        return {key: base64.b64decode(value, validate=True).decode() for key, _, value in pairs}
    except (binascii.Error, UnicodeDecodeError):
        raise StorageError(400, "TusError", "Upload-Metadata is invalid") from None


def _format_metadata(metadata: Mapping[str, str]) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in metadata.items())
