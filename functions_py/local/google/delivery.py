"""Handing out stored files, with what may be wrong with them: the markers of stage DOWNLOAD."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, Response

from functions_py.local.google.buckets import StoredObject, digest_of
from functions_py.local.google.connections import HalfFile
from functions_py.local.google.markers import MarkerUses, Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from functions_py.local.google.journal import Entry
    from functions_py.local.google.operations import Operations

NOT_A_VIDEO = (
    b"<!DOCTYPE html>\n<title>Sign in - Google Accounts</title>\n<p>Sign in to continue to Cloud Storage\n"
)


class Delivery:
    """Shows and sends objects as the prompt that made them wants it."""

    def __init__(self, operations: Operations, markers: MarkerUses, home: Path) -> None:
        self._operations = operations
        self._markers = markers
        self._not_a_video = home / "not-a-video.html"
        self._not_a_video.write_bytes(NOT_A_VIDEO)

    def prompt(self, stored: StoredObject) -> str:
        """What the object was made from, empty for an upload."""
        operation = self._operations.find(stored.operation) if stored.operation else None
        return operation.prompt if operation else ""

    def seen(self, stored: StoredObject) -> StoredObject | None:
        """The object as it looks before it is downloaded: None where it has expired."""
        acting = self._markers.acting(self.prompt(stored), Stage.DOWNLOAD, _scope(stored))
        if acting == "expired":
            return None
        return self._html_instead(stored) if acting == "notvideo" else stored

    def send(
        self, stored: StoredObject, entry: Entry, headers: Callable[[StoredObject], dict[str, str]]
    ) -> Response | None:
        """The bytes, with ranges; None where the object has expired."""
        entry.marker = self._markers.take(self.prompt(stored), Stage.DOWNLOAD, _scope(stored))
        if entry.marker == "expired":
            return None
        if entry.marker == "cut":
            return HalfFile(stored.path, stored.size, headers(stored), stored.content_type)
        if entry.marker == "notvideo":
            stored = self._html_instead(stored)
        return FileResponse(stored.path, headers=headers(stored), media_type=stored.content_type)

    def _html_instead(self, stored: StoredObject) -> StoredObject:
        digest = digest_of(self._not_a_video)
        return replace(
            stored, **vars(digest), content_type="text/html; charset=utf-8", path=self._not_a_video
        )


def _scope(stored: StoredObject) -> str:
    return f"object:{stored.bucket}/{stored.name}"
