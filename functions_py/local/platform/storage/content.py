"""The file inside an upload request, raw or as a form, as a stream: nothing of it is held in memory.

A form's fields are used only as far as they precede the file, because the file is judged before it is read.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header

from functions_py.local.platform.storage.errors import no_content, too_large

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

_DEFAULT_TYPE = "application/octet-stream"
_MAX_FIELD_BYTES = 1024 * 1024
_MAX_DISCARDED_BYTES = 1024 * 1024 * 1024


@dataclass(slots=True)
class Upload:
    """An upload whose content has not been read yet."""

    mime_type: str
    cache_control: str
    user_metadata: dict[str, Any] | None
    content_length: int | None
    """As declared for the whole request: for a form a little more than the file."""
    content: AsyncIterator[bytes]

    def rehearsed_metadata(self) -> dict[str, Any]:
        """What a policy may know of the file before it is there."""
        metadata: dict[str, Any] = {"mimetype": self.mime_type}
        return metadata if self.content_length is None else metadata | {"contentLength": self.content_length}


class RequestContent:
    """The body of an upload request. Read it by `open`, then `Upload.content`; `discard` takes the rest."""

    def __init__(self, request: Request) -> None:
        self._headers = request.headers
        self._pieces = request.stream()

    async def open(self) -> Upload:
        """Read as far as the file begins. Raises StorageError for a form without a file."""
        content_type, options = parse_options_header(self._headers.get("content-type"))
        length = self._headers.get("content-length", "")
        content_length = int(length) if length.isdigit() else None
        if content_type != b"multipart/form-data":
            return Upload(
                mime_type=self._headers.get("content-type", _DEFAULT_TYPE),
                cache_control=self._headers.get("cache-control", "no-cache"),
                user_metadata=_decode_metadata(self._headers.get("x-metadata")),
                content_length=content_length,
                content=self._pieces,
            )
        form = _Form(options.get(b"boundary", b""), self._pieces)
        await form.read_fields()
        lifetime = form.field("cacheControl")
        return Upload(
            mime_type=form.field("contentType") or form.file_type,
            cache_control=f"max-age={lifetime}" if lifetime else "no-cache",
            user_metadata=_parse_metadata(form.field("metadata") or form.field("userMetadata")),
            content_length=content_length,
            content=form.read_file(),
        )

    async def discard(self) -> None:
        """Hear the client out, within bounds: one that is still sending would not read a refusal."""
        discarded = 0
        async for piece in self._pieces:
            discarded += len(piece)
            if discarded > _MAX_DISCARDED_BYTES:
                return


@dataclass(slots=True)
class _Part:
    headers: dict[str, bytes] = field(default_factory=dict)
    is_file: bool = False
    name: str = ""
    value: bytearray = field(default_factory=bytearray)


class _Form:
    """A multipart form read up to its first file, then that file."""

    def __init__(self, boundary: bytes, pieces: AsyncIterator[bytes]) -> None:
        if not boundary:
            raise no_content()
        self._pieces = pieces
        self._fields: dict[str, str] = {}
        self._part = _Part()
        self._header_name = b""
        self._header_value = b""
        self._file: _Part | None = None
        self._file_ended = False
        self._received = bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._take_header_name,
                "on_header_value": self._take_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
            },
        )

    @property
    def file_type(self) -> str:
        """The declared type of the file."""
        declared = self._file.headers.get("content-type", b"") if self._file is not None else b""
        return declared.decode("latin-1") or _DEFAULT_TYPE

    def field(self, name: str) -> str | None:
        """A field that came before the file."""
        return self._fields.get(name)

    async def read_fields(self) -> None:
        """Raises StorageError if the form ends, or breaks off, without a file."""
        async for piece in self._pieces:
            self._feed(piece)
            if self._file is not None:
                return
        raise no_content()

    async def read_file(self) -> AsyncIterator[bytes]:
        """The file's content. Raises StorageError if the form breaks off inside of it."""
        if self._received:
            yield self._take_received()
        async for piece in self._pieces:
            self._feed(piece)
            if self._received:
                yield self._take_received()
        if not self._file_ended:
            raise no_content()

    def _feed(self, piece: bytes) -> None:
        try:
            self._parser.write(piece)
        except MultipartParseError:
            raise no_content() from None

    def _take_received(self) -> bytes:
        received, self._received = self._received, bytearray()
        return bytes(received)

    def _begin_part(self) -> None:
        self._part = _Part()

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._part.headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._part.headers.get("content-disposition"))
        self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        self._part.is_file = b"filename" in options
        if self._part.is_file and self._file is None:
            self._file = self._part

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._part is self._file:
            self._received += data[start:end]
        elif self._file is None:
            self._part.value += data[start:end]
            if len(self._part.value) > _MAX_FIELD_BYTES:
                raise too_large()

    def _end_part(self) -> None:
        if self._part is self._file:
            self._file_ended = True
        elif self._file is None:
            self._fields[self._part.name] = self._part.value.decode("utf-8", "replace")


def _decode_metadata(encoded: str | None) -> dict[str, Any] | None:
    try:
        return _parse_metadata(base64.b64decode(encoded or "").decode())
    except (binascii.Error, UnicodeDecodeError):
        return None


def _parse_metadata(text: str | None) -> dict[str, Any] | None:
    """A client's own metadata; what is not a JSON object is ignored."""
    try:
        metadata = json.loads(text or "")
    except ValueError:
        return None
    return metadata if isinstance(metadata, dict) else None
