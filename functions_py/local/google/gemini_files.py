"""The Gemini Files API, where a finished Omni clip waits for two days."""

from __future__ import annotations

import re
import secrets
import string
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions_py.local.google.buckets import LIFETIME_DAYS, Buckets, StoredObject
from functions_py.local.google.errors import GoogleError
from functions_py.local.google.markers import MarkerUses, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from functions_py.local.google.delivery import Delivery
    from functions_py.local.google.gate import Check, Gate
    from functions_py.local.google.journal import Entry
    from functions_py.local.google.operations import Operation

BUCKET = "_gemini_files"
"""No bucket of Cloud Storage can have this name, so these files are reached by the Files API only."""

_ALPHABET = string.ascii_lowercase + string.digits


class GeminiFiles:
    """Metadata, download and deletion of generated files."""

    def __init__(self, buckets: Buckets, delivery: Delivery, markers: MarkerUses, url: str) -> None:
        self._buckets = buckets
        self._delivery = delivery
        self._markers = markers
        self._url = url

    def routes(self, gate: Gate, check: Check) -> list[Route]:
        return [
            route
            for version in ("v1", "v1beta")
            for route in (
                Route(
                    f"/{version}/files/{{id}}:download",
                    gate("gemini", "download", self.download, check),
                    methods=["GET"],
                ),
                Route(
                    f"/{version}/files/{{id}}",
                    gate("gemini", "metadata", self.metadata, check),
                    methods=["GET"],
                ),
                Route(
                    f"/{version}/files/{{id}}",
                    gate("gemini", "delete", self.delete, check),
                    methods=["DELETE"],
                ),
            )
        ]

    def new_id(self) -> str:
        """Twelve letters and digits: the SDK finds the id in an address by this alphabet."""
        return "".join(secrets.choice(_ALPHABET) for _ in range(12))

    def uri(self, identifier: str) -> str:
        """Where a client downloads the file, with its key."""
        return f"{self._url}/v1beta/files/{identifier}:download?alt=media"

    async def keep(self, clip: Path, operation: Operation) -> str:
        """Stores a clip, returns its address."""
        identifier = self.new_id()
        await self._buckets.put_file(BUCKET, identifier, clip, "video/mp4", operation.name)
        return self.uri(identifier)

    async def metadata(self, request: Request, entry: Entry) -> Response:
        stored = self._find(request, entry)
        entry.marker = self._markers.take(self._delivery.prompt(stored), Stage.FILE, _scope(stored))
        return JSONResponse(self._described(stored, ready=entry.marker is None))

    async def download(self, request: Request, entry: Entry) -> Response:
        stored = self._find(request, entry)
        if self._markers.acting(self._delivery.prompt(stored), Stage.FILE, _scope(stored)):
            entry.marker = "not_active"
            raise GoogleError(400, f"The File {stored.name} is not in an ACTIVE state.")
        response = self._delivery.send(stored, entry, lambda _: {})
        if response is None:
            raise _no_such_file(stored.name)
        return response

    async def delete(self, request: Request, entry: Entry) -> Response:
        self._buckets.delete(self._find(request, entry))
        return JSONResponse({})

    def _find(self, request: Request, entry: Entry) -> StoredObject:
        identifier: str = request.path_params["id"]
        entry.object = f"files/{identifier}"
        stored = self._buckets.get(BUCKET, identifier) if re.fullmatch(r"[a-z0-9]+", identifier) else None
        if stored is None or (entry.kind != "download" and self._delivery.seen(stored) is None):
            raise _no_such_file(identifier)
        entry.operation, entry.prompt = stored.operation, self._delivery.prompt(stored)
        return stored

    def _described(self, stored: StoredObject, *, ready: bool) -> dict[str, Any]:
        created = datetime.fromtimestamp(stored.created_at, UTC)
        return {
            "name": f"files/{stored.name}",
            "mimeType": stored.content_type,
            "sizeBytes": str(stored.size),
            "createTime": created.isoformat().replace("+00:00", "Z"),
            "updateTime": created.isoformat().replace("+00:00", "Z"),
            "expirationTime": (created + timedelta(days=LIFETIME_DAYS)).isoformat().replace("+00:00", "Z"),
            "uri": f"{self._url}/v1beta/files/{stored.name}",
            "downloadUri": self.uri(stored.name),
            "state": "ACTIVE" if ready else "PROCESSING",
            "source": "GENERATED",
        }


def _scope(stored: StoredObject) -> str:
    return f"file:{stored.name}"


def _no_such_file(identifier: str) -> GoogleError:
    return GoogleError(
        403, f"You do not have permission to access the File {identifier} or it may not exist."
    )
