"""What the worker does in Cloud Storage: list, read as a stream, delete; and write, to see whether it may.

Plain JSON API over httpx: the official client library is synchronous and reads whole objects.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import httpx

from worker.providers.base import Detail, RejectedError, ResultStream, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from worker.providers.vertex.credentials import GoogleCredentials

DEFAULT_BASE_URL: Final = "https://storage.googleapis.com"
CHUNK_BYTES: Final = 1024 * 1024
TIMEOUT: Final = httpx.Timeout(30, connect=10)
# A prefix holds one attempt: a clip, perhaps a few samples. More than a page of it is not ours to delete.
LIST_LIMIT: Final = 100


class CloudStorage:
    """Objects are named by ``gs://bucket/object``. Honours STORAGE_EMULATOR_HOST through ``base_url``."""

    def __init__(self, credentials: GoogleCredentials, base_url: str | None) -> None:
        self._credentials = credentials
        self._client = httpx.AsyncClient(base_url=base_url or DEFAULT_BASE_URL, timeout=TIMEOUT)

    async def close(self) -> None:
        await self._client.aclose()

    async def list_objects(self, prefix_url: str, limit: int = LIST_LIMIT) -> list[dict[str, Any]]:
        """Resources (``name``, ``size`` as text) of the objects under a prefix. Raises UnavailableError."""
        bucket, prefix = split_url(prefix_url)
        response = await self._request(
            "GET",
            f"/storage/v1/b/{quote(bucket, safe='')}/o",
            {"prefix": prefix, "maxResults": str(limit), "fields": "items(name,size,contentType)"},
        )
        if response.status_code != 200:
            raise UnavailableError(_detail(response))
        items = response.json().get("items", [])
        return [item for item in items if isinstance(item, dict)]

    async def delete_object(self, url: str) -> None:
        """Deletes one object; one that is not there is deleted. Raises UnavailableError."""
        response = await self._request("DELETE", _object_path(url), {})
        if response.status_code not in {200, 204, 404}:
            raise UnavailableError(_detail(response))

    async def write_object(self, url: str, content: bytes) -> None:
        """Writes a small object. Raises UnavailableError."""
        bucket, name = split_url(url)
        path = f"/upload/storage/v1/b/{quote(bucket, safe='')}/o"
        response = await self._request("POST", path, {"uploadType": "media", "name": name}, content)
        if response.status_code != 200:
            raise UnavailableError(_detail(response))

    @asynccontextmanager
    async def open_object(self, url: str) -> AsyncIterator[ResultStream]:
        """Streams one object. Raises RejectedError(video_expired) for 404 and 410, else UnavailableError."""
        headers = await self._credentials.headers()
        # "identity": a length and a checksum are of the stored bytes, so they must arrive as stored.
        request = self._client.build_request(
            "GET",
            _object_path(url),
            params={"alt": "media"},
            headers=headers | {"accept-encoding": "identity"},
        )
        try:
            response = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        try:
            if response.status_code in {404, 410}:
                raise RejectedError(
                    "video_expired", Detail(str(response.status_code), "The file is not there.")
                )
            if response.status_code != 200:
                raise UnavailableError(Detail(str(response.status_code), "The file could not be opened."))
            length = response.headers.get("content-length", "")
            hashes = _hashes(response.headers.get_list("x-goog-hash", split_commas=True))
            yield ResultStream(
                size=int(length) if length.isdigit() else None,
                content_type=response.headers.get("content-type"),
                chunks=_chunks(response),
                md5=hashes.get("md5"),
                crc32c=hashes.get("crc32c"),
            )
        finally:
            await response.aclose()

    async def _request(
        self, method: str, path: str, params: dict[str, Any], content: bytes | None = None
    ) -> httpx.Response:
        headers = await self._credentials.headers()
        try:
            return await self._client.request(method, path, params=params, headers=headers, content=content)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error


def split_url(url: str) -> tuple[str, str]:
    """``gs://bucket/some/object`` as (bucket, object). Raises ValueError for anything else."""
    scheme, _, rest = url.partition("://")
    bucket, _, name = rest.partition("/")
    if scheme != "gs" or not bucket:
        raise ValueError(f"not a gs:// URL: {url}")
    return bucket, name


def _object_path(url: str) -> str:
    bucket, name = split_url(url)
    if not name:
        raise ValueError(f"names no object: {url}")
    return f"/storage/v1/b/{quote(bucket, safe='')}/o/{quote(name, safe='')}"


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw(CHUNK_BYTES):
            yield chunk
    except httpx.HTTPError as error:
        raise _unreachable(error) from error


def _hashes(values: list[str]) -> dict[str, bytes]:
    """``crc32c=AAAAAA==`` and ``md5=…`` pairs; one that is not base64 is left out."""
    hashes = {}
    for value in values:
        name, _, encoded = value.strip().partition("=")
        try:
            hashes[name] = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
    return hashes


def _detail(response: httpx.Response) -> Detail:
    try:
        message = str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = response.text[:500]
    return Detail(str(response.status_code), message)


def _unreachable(error: httpx.HTTPError) -> UnavailableError:
    return UnavailableError(Detail(type(error).__name__, str(error)))
