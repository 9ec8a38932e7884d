"""Cloud Storage's JSON API, as much of it as moves a clip: buckets, objects, listings, simple uploads."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions_py.local.google.buckets import (
    LIFETIME_DAYS,
    Buckets,
    StoredObject,
    check_bucket,
    check_writable,
)
from functions_py.local.google.errors import GoogleError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from functions_py.local.google.delivery import Delivery
    from functions_py.local.google.gate import Check, Gate, Handler
    from functions_py.local.google.journal import Entry

_OBJECT = re.compile(rb"/o/([^/]+)$")


class Storage:
    """The endpoints."""

    def __init__(self, buckets: Buckets, delivery: Delivery, url: str) -> None:
        self._buckets = buckets
        self._delivery = delivery
        self._url = url

    def routes(self, gate: Gate, check: Check) -> list[Route]:
        """Every path under `/storage/v1`, `/download/storage/v1` and `/upload/storage/v1`."""

        def route(method: str, path: str, kind: str, handler: Handler) -> Route:
            return Route(path, gate("storage", kind, handler, check), methods=[method])

        return [
            route("GET", "/storage/v1/b/{bucket}", "bucket", self.bucket),
            route("GET", "/storage/v1/b/{bucket}/iam/testPermissions", "bucket", self.permissions),
            route("GET", "/storage/v1/b/{bucket}/o", "list", self.list_objects),
            route("GET", "/storage/v1/b/{bucket}/o/{name:path}", "metadata", self.read),
            route("GET", "/download/storage/v1/b/{bucket}/o/{name:path}", "download", self.read),
            route("DELETE", "/storage/v1/b/{bucket}/o/{name:path}", "delete", self.delete),
            route("POST", "/upload/storage/v1/b/{bucket}/o", "upload", self.upload),
        ]

    async def bucket(self, request: Request, entry: Entry) -> Response:
        name = _bucket(request)
        return JSONResponse(
            {
                "kind": "storage#bucket",
                "id": name,
                "name": name,
                "selfLink": f"{self._url}/storage/v1/b/{name}",
                "location": "US-CENTRAL1",
                "locationType": "region",
                "storageClass": "STANDARD",
                "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}},
                "lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": LIFETIME_DAYS}}]},
                "softDeletePolicy": {"retentionDurationSeconds": "0"},
            }
        )

    async def permissions(self, request: Request, entry: Entry) -> Response:
        _bucket(request)
        return JSONResponse(
            {
                "kind": "storage#testIamPermissionsResponse",
                "permissions": request.query_params.getlist("permissions"),
            }
        )

    async def list_objects(self, request: Request, entry: Entry) -> Response:
        bucket, query = _bucket(request), request.query_params
        prefix = query.get("prefix", "")
        entry.object = f"gs://{bucket}/{prefix}"
        size = _number(query.get("maxResults", "1000"))
        token = query.get("pageToken")
        page, last = self._buckets.page(
            bucket,
            prefix,
            _page_start(token),
            min(size, 1000),
            lambda stored: self._delivery.seen(stored) is not None,
        )
        body: dict[str, Any] = {"kind": "storage#objects"}
        if last is not None:
            body["nextPageToken"] = base64.urlsafe_b64encode(last.encode()).decode()
        if page:  # Google leaves the key out rather than answer an empty list
            body["items"] = [self._metadata(seen) for stored in page if (seen := self._delivery.seen(stored))]
        return JSONResponse(body)

    async def read(self, request: Request, entry: Entry) -> Response:
        media = request.query_params.get("alt") == "media" or request.url.path.startswith("/download/")
        entry.kind = "download" if media else "metadata"
        stored = self._find(request, entry)
        if not media:
            seen = self._delivery.seen(stored)
            if seen is None:
                raise _no_such_object(stored.bucket, stored.name)
            return JSONResponse(self._metadata(seen))
        response = self._delivery.send(stored, entry, _media_headers)
        if response is None:
            raise _no_such_object(stored.bucket, stored.name)
        return response

    async def delete(self, request: Request, entry: Entry) -> Response:
        stored = self._find(request, entry)
        if self._delivery.seen(stored) is None:
            raise _no_such_object(stored.bucket, stored.name)
        self._buckets.delete(stored)
        return Response(status_code=204)

    async def upload(self, request: Request, entry: Entry) -> Response:
        """A simple upload: the body is the object."""
        bucket, query = _bucket(request), request.query_params
        check_writable(bucket)
        name = query.get("name", "")
        if query.get("uploadType") != "media" or not name:
            raise GoogleError(400, "The emulator takes uploadType=media with the object's name in the query.")
        entry.object = f"gs://{bucket}/{name}"
        if query.get("ifGenerationMatch") == "0" and self._buckets.get(bucket, name):
            raise GoogleError(412, "At least one of the pre-conditions you specified did not hold.")
        stored = await self._buckets.put_stream(
            bucket, name, _body(request), request.headers.get("content-type", "application/octet-stream")
        )
        return JSONResponse(self._metadata(stored))

    def _find(self, request: Request, entry: Entry) -> StoredObject:
        bucket = _bucket(request)
        found = _OBJECT.search(request.scope["raw_path"])
        if not found:  # the client forgot to encode the slashes of the name
            raise GoogleError(404, "Not Found")
        name = unquote(found[1].decode())
        entry.object = f"gs://{bucket}/{name}"
        stored = self._buckets.get(bucket, name)
        wanted = request.query_params.get("generation")
        if stored is None or (wanted and wanted != str(stored.generation)):
            raise _no_such_object(bucket, name)
        entry.operation = stored.operation
        entry.prompt = self._delivery.prompt(stored) or None
        return stored

    def _metadata(self, stored: StoredObject) -> dict[str, Any]:
        created = datetime.fromtimestamp(stored.created_at, UTC).isoformat(timespec="milliseconds")
        created = created.replace("+00:00", "Z")
        address = f"{self._url}/storage/v1/b/{stored.bucket}/o/{quote(stored.name, safe='')}"
        return {
            "kind": "storage#object",
            "id": f"{stored.bucket}/{stored.name}/{stored.generation}",
            "selfLink": address,
            "mediaLink": f"{address}?generation={stored.generation}&alt=media",
            "name": stored.name,
            "bucket": stored.bucket,
            "generation": str(stored.generation),
            "metageneration": "1",
            "contentType": stored.content_type,
            "storageClass": "STANDARD",
            "size": str(stored.size),
            "md5Hash": stored.md5,
            "crc32c": stored.crc32c,
            "etag": _etag(stored),
            "timeCreated": created,
            "updated": created,
        }


def _bucket(request: Request) -> str:
    bucket: str = request.path_params["bucket"]
    check_bucket(bucket)
    return bucket


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk


def _no_such_object(bucket: str, name: str) -> GoogleError:
    return GoogleError(404, f"No such object: {bucket}/{name}")


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise GoogleError(400, f"Invalid value for maxResults: '{text}'")
    return int(text)


def _page_start(token: str | None) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode() if token else ""
    except ValueError:
        raise GoogleError(400, "Invalid page token.") from None


def _etag(stored: StoredObject) -> str:
    return base64.b64encode(stored.generation.to_bytes(8, "big") + b"\x10\x01").decode()


def _media_headers(stored: StoredObject) -> dict[str, str]:
    return {
        "etag": f'"{_etag(stored)}"',
        "last-modified": formatdate(stored.created_at, usegmt=True),
        "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
        "x-goog-generation": str(stored.generation),
        "x-goog-metageneration": "1",
        "x-goog-hash": f"crc32c={stored.crc32c},md5={stored.md5}",
        "x-goog-stored-content-encoding": "identity",
        "x-goog-stored-content-length": str(stored.size),
        "x-goog-storage-class": "STANDARD",
    }
