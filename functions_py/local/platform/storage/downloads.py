"""Reading objects: with a token, from a public bucket, by a signed link; and what is known about them."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from functions_py.local.platform.storage.caller import Caller
from functions_py.local.platform.storage.errors import invalid_range, invalid_request, no_such_bucket
from functions_py.local.platform.storage.files import read_range
from functions_py.local.platform.storage.objects import find_bucket, find_object
from functions_py.local.platform.storage.service import Storage, object_name
from functions_py.local.platform.storage.wire import (
    StorageJSON,
    encode_component,
    http_date,
    iso,
    parse_http_date,
)

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from functions_py.local.platform.storage.database import Row

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def get_authenticated(storage: Storage, request: Request) -> Response:
    """`GET|HEAD /object/authenticated/{bucket}/{key}` and `/object/{bucket}/{key}`."""
    row = await _find(storage, request, storage.caller(request, "storage.object.get_authenticated"))
    return await _render(storage, request, row)


async def get_public(storage: Storage, request: Request) -> Response:
    """`GET|HEAD /object/public/{bucket}/{key}`: no token, and no policy."""
    row = await _find_public(storage, request, "storage.object.get_public")
    return await _render(storage, request, row)


async def get_signed(storage: Storage, request: Request) -> Response:
    """`GET|HEAD /object/sign/{bucket}/{key}?token=…`: the link is the right, and ends with the object."""
    bucket, key = object_name(request)
    token = request.query_params.get("token")
    if token is None:
        raise invalid_request("querystring must have required property 'token'")
    grant = storage.signer.verify(token, f"{bucket}/{key}", "download")
    row = await _find(storage, request, Caller.service(request, "storage.object.get_signed"))
    return await _render(storage, request, row, expires_at=grant.expires_at)


async def info_authenticated(storage: Storage, request: Request) -> Response:
    """`GET /object/info/{bucket}/{key}`, also below `/object/info/authenticated`."""
    caller = storage.caller(request, "storage.object.info_authenticated")
    return _info(await _find(storage, request, caller))


async def info_public(storage: Storage, request: Request) -> Response:
    """`GET /object/info/public/{bucket}/{key}`."""
    return _info(await _find_public(storage, request, "storage.object.info_public"))


async def _find(storage: Storage, request: Request, caller: Caller) -> Row:
    bucket, key = object_name(request)
    async with storage.database.transaction(caller) as connection:
        return await find_object(connection, bucket, key)


async def _find_public(storage: Storage, request: Request, operation: str) -> Row:
    bucket, key = object_name(request)
    async with storage.database.transaction(Caller.service(request, operation)) as connection:
        if not (await find_bucket(connection, bucket))["public"]:
            raise no_such_bucket()
        return await find_object(connection, bucket, key)


def _info(row: Row) -> Response:
    metadata = row["metadata"] or {}
    headers = {"last-modified": http_date(row["updated_at"])}
    if "eTag" in metadata:
        headers["etag"] = metadata["eTag"]
    if "cacheControl" in metadata:
        headers["cache-control"] = metadata["cacheControl"]
    return StorageJSON(
        {
            "id": str(row["id"]),
            "name": row["name"],
            "version": row["version"],
            "bucket_id": row["bucket_id"],
            "size": metadata.get("size"),
            "content_type": metadata.get("mimetype"),
            "cache_control": metadata.get("cacheControl"),
            "etag": metadata.get("eTag"),
            "metadata": row["user_metadata"] or {},
            "last_modified": iso(row["updated_at"]),
            "created_at": iso(row["created_at"]),
        },
        headers=headers,
    )


async def _render(
    storage: Storage, request: Request, row: Row, *, expires_at: datetime | None = None
) -> Response:
    """The object's content, or the part a Range asks for. Raises StorageError invalid_range.

    A signed link's answer expires with the link, instead of being cached as the object says.
    """
    metadata: dict[str, Any] = row["metadata"] or {}
    file = await storage.files.open(row["version"])
    size = os.fstat(file.fileno()).st_size
    modified_at = row["updated_at"]
    headers = {
        "accept-ranges": "bytes",
        "content-type": metadata.get("mimetype") or "application/octet-stream",
        "etag": metadata.get("eTag") or f'"{row["version"]}"',
        "x-robots-tag": "none",
        "last-modified": http_date(modified_at),
    }
    if expires_at is not None:
        headers["expires"] = http_date(expires_at)
    else:
        headers["cache-control"] = metadata.get("cacheControl") or "no-cache"
    if _is_unchanged(request, headers["etag"], modified_at):
        file.close()
        return Response(status_code=304, headers=headers | {"content-length": "0"})
    headers |= _disposition(request)
    if request.method == "HEAD":
        file.close()
        return Response(headers=headers | {"content-length": str(size)})
    start, length, status = 0, size, 200
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is not None and asked[0] != "bytes=-":
        try:
            start, length = _resolve_range(asked, size)
        except ValueError:
            file.close()
            raise invalid_range() from None
        headers["content-range"] = f"bytes {start}-{start + length - 1}/{size}"
        status = 206
    headers["content-length"] = str(length)
    return StreamingResponse(read_range(file, start, length), status_code=status, headers=headers)


def _resolve_range(asked: re.Match[str], size: int) -> tuple[int, int]:
    """Start and length. Raises ValueError if nothing of the object lies inside."""
    first, last = asked.groups()
    if not first:
        start, end = max(size - int(last), 0), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
    if start > end:
        raise ValueError
    return start, end - start + 1


def _is_unchanged(request: Request, etag: str, modified_at: datetime) -> bool:
    """Whether the client has this content already. The etag decides if the client sent one."""
    if known := request.headers.get("if-none-match"):
        return known.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in known.split(","))
    since = parse_http_date(request.headers.get("if-modified-since", ""))
    return since is not None and modified_at.replace(microsecond=0) <= since


def _disposition(request: Request) -> dict[str, str]:
    """`?download` asks a browser to save, `?download=name` under that name."""
    name = request.query_params.get("download")
    if name is None:
        return {}
    if not name:
        return {"content-disposition": "attachment;"}
    encoded = encode_component(name)
    return {"content-disposition": f"attachment; filename={encoded}; filename*=UTF-8''{encoded}"}
