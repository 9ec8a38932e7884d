"""Google's Files API, where a finished clip waits for two days: its state, its bytes, its deletion.

Plain HTTP, because the SDK takes a whole file into memory or blocks. The key goes to ``base_url`` and nowhere
else: not to the host that a result names, and not where a redirect leads.
"""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import httpx

from worker.providers.base import Detail, RejectedError, ResultStream, UnavailableError
from worker.providers.gemini.classify import answer_detail

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

DEFAULT_BASE_URL: Final = "https://generativelanguage.googleapis.com"
CHUNK_BYTES: Final = 1024 * 1024
TIMEOUT: Final = httpx.Timeout(30, connect=10)
REDIRECTS: Final = 5

_FILE: Final = re.compile(r"^https?://[^?#]*/files/([A-Za-z0-9_-]+)(?::download)?/?(?:\?|$)")


def file_id(url: str) -> str | None:
    """The name of the file behind an address of the Files API; None for anything else."""
    found = _FILE.match(url)
    return found[1] if found else None


class GeminiFiles:
    """Every method raises UnavailableError."""

    def __init__(
        self, api_key: str, base_url: str | None, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._base_url = httpx.URL(base_url or DEFAULT_BASE_URL)
        self._client = httpx.AsyncClient(
            base_url=self._base_url, timeout=TIMEOUT, follow_redirects=False, transport=transport
        )
        self._key = {"x-goog-api-key": api_key}

    async def close(self) -> None:
        await self._client.aclose()

    async def is_processing(self, name: str) -> bool:
        """A clip may be reported before its file is whole; one that is not there is not processing."""
        response = await self._request("GET", f"/v1beta/files/{name}")
        if _is_missing(response):
            return False
        if response.status_code != 200:
            raise UnavailableError(_detail(response))
        return bool(response.json().get("state") == "PROCESSING")

    async def delete(self, name: str) -> None:
        """Deletes a file; one that is not there is deleted."""
        response = await self._request("DELETE", f"/v1beta/files/{name}")
        if response.status_code not in {200, 204} and not _is_missing(response):
            raise UnavailableError(_detail(response))

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[ResultStream]:
        """Streams a file. Raises RejectedError(video_expired) where there is none, else UnavailableError."""
        name = file_id(url)
        if name is None:
            raise UnavailableError(Detail("unknown_address", f"This is no file of the Files API: {url}"))
        response = await self._send_download(name)
        try:
            if response.status_code != 200:
                await _read(response)
                if _is_missing(response):
                    raise RejectedError("video_expired", _detail(response))
                raise UnavailableError(_detail(response))
            length = response.headers.get("content-length", "")
            yield ResultStream(
                size=int(length) if length.isdigit() else None,
                content_type=response.headers.get("content-type"),
                chunks=_chunks(response),
            )
        finally:
            await response.aclose()

    async def _send_download(self, name: str) -> httpx.Response:
        url = self._base_url.join(f"/v1beta/files/{name}:download?alt=media")
        for _ in range(REDIRECTS):
            same_host = (url.scheme, url.host, url.port) == (
                self._base_url.scheme,
                self._base_url.host,
                self._base_url.port,
            )
            # "identity": a length is of the stored bytes, so they must arrive as stored.
            headers = (self._key if same_host else {}) | {"accept-encoding": "identity"}
            try:
                response = await self._client.send(
                    self._client.build_request("GET", url, headers=headers), stream=True
                )
            except httpx.HTTPError as error:
                raise _unreachable(error) from error
            if not response.is_redirect:
                return response
            await response.aclose()
            url = url.join(response.headers.get("location", ""))
        raise UnavailableError(answer_detail(302, "The download leads from one redirect to the next."))

    async def _request(self, method: str, path: str) -> httpx.Response:
        try:
            return await self._client.request(method, path, headers=self._key)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error


def _is_missing(response: httpx.Response) -> bool:
    """403 is what this API says of a file that is not there: "or it may not exist"."""
    return response.status_code in {404, 410} or (
        response.status_code == 403 and "may not exist" in (_detail(response).message or "")
    )


def _detail(response: httpx.Response) -> Detail:
    try:
        body: object = response.json()
    except ValueError:
        body = response.text[:500]
    return answer_detail(response.status_code, body)


async def _read(response: httpx.Response) -> None:
    try:
        await response.aread()
    except httpx.HTTPError as error:
        raise _unreachable(error) from error


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_raw(CHUNK_BYTES):
            yield chunk
    except httpx.HTTPError as error:
        raise _unreachable(error) from error


def _unreachable(error: httpx.HTTPError) -> UnavailableError:
    return UnavailableError(Detail(type(error).__name__, str(error)))
