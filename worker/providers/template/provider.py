"""A provider to copy: clips from a plain HTTP API, which keeps each in the folder that its order named.

What the API is called and how it answers is invented; what each answer means for money is not.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import httpx

from worker.providers.base import (
    AmbiguousError,
    Check,
    Detail,
    Failed,
    RefusedError,
    RejectedError,
    ResultStream,
    Retryable,
    Running,
    Succeeded,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from worker.providers.base import PollOutcome, Submission

SCHEME: Final = "template:"
ASK_SECONDS: Final = 20.0
FINAL: Final = {400: "invalid_request", 401: "provider_error", 403: "provider_error", 410: "model_retired"}


class TemplateProvider:
    """Satisfies ``base.Provider``."""

    def __init__(self, *, base_url: str, api_key: str, create_timeout_seconds: float) -> None:
        self._create_seconds = create_timeout_seconds
        # Orders use no connection twice: on a kept-alive one that was just closed, an order that was never
        # read would end as an ambiguous one.
        headers = {"authorization": f"Bearer {api_key}"}
        self._create = httpx.AsyncClient(
            base_url=base_url,
            headers=headers,
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=create_timeout_seconds,
        )
        self._ask = httpx.AsyncClient(base_url=base_url, headers=headers, timeout=ASK_SECONDS)

    async def prepare(self) -> None:
        """Nothing can fail before the order: the key does not expire."""

    async def submit(self, submission: Submission) -> str:
        image = submission.image
        order = {
            "model": submission.model,
            "folder": submission.output_prefix,
            "prompt": submission.prompt,
            "negative_prompt": submission.negative_prompt,
            "seconds": submission.duration_seconds,
            "resolution": submission.resolution,
            "aspect_ratio": submission.aspect_ratio,
            "first_frame": base64.b64encode(image.content).decode() if image else None,
        }
        try:
            # Over the client's own limits, which are for each read: bytes that drip must not hold a slot.
            async with asyncio.timeout(self._create_seconds):
                answer = await self._create.post("/clips", json=order)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise RefusedError(Detail("not_sent", str(error))) from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise AmbiguousError(Detail(type(error).__name__, str(error))) from error
        if answer.status_code in {429, 503}:
            raise RefusedError(_detail(answer), _retry_after(answer))
        if answer.status_code in FINAL:
            raise RejectedError(FINAL[answer.status_code], _detail(answer))
        operation_id = _json(answer).get("id") if answer.status_code == 201 else None
        if not operation_id:
            raise AmbiguousError(_detail(answer))
        return str(operation_id)

    async def poll(self, operation_id: str) -> PollOutcome:
        answer = await self._get(f"/clips/{operation_id}")
        if answer.status_code == 404:
            raise RejectedError("provider_error", _detail(answer))
        clip = _json(answer)
        detail = Detail(clip.get("code"), clip.get("message"), tuple(clip.get("filters", ())))
        match clip.get("state"):
            case "working":
                return Running()
            case "ready":
                return Succeeded(SCHEME + clip["file"])
            case "blocked":
                return Failed("safety_filter", detail)
            case "overloaded" | "broken":
                return Retryable(detail)
            case "failed":
                return Failed("provider_error", detail)
            case _:
                raise UnavailableError(_detail(answer))

    async def find_output(self, output_prefix: str) -> str | None:
        files = await self._files(output_prefix)
        return SCHEME + files[0] if files else None

    @asynccontextmanager
    async def open_result(self, video_url: str) -> AsyncIterator[ResultStream]:
        try:
            async with self._ask.stream("GET", f"/files/{video_url.removeprefix(SCHEME)}") as answer:
                code = str(answer.status_code)
                if answer.status_code in {404, 410}:
                    raise RejectedError("video_expired", Detail(code, "The file is not there."))
                if answer.status_code != 200:
                    raise UnavailableError(Detail(code, "The file could not be opened."))
                size = answer.headers.get("content-length")
                content_type = answer.headers.get("content-type")
                yield ResultStream(int(size) if size else None, content_type, _chunks(answer))
        except httpx.HTTPError as error:
            raise UnavailableError(Detail(type(error).__name__, str(error))) from error

    def owns(self, url: str) -> bool:
        return url.startswith(SCHEME) or ":" not in url

    async def delete(self, url: str, operation_id: str | None = None) -> None:
        name = url.removeprefix(SCHEME)
        # Without a folder it would be everything we ever ordered.
        if not name.strip("/"):
            raise ValueError("refuses to delete outside the folder of a task")
        for path in await self._files(name) if name.endswith("/") else [name]:
            answer = await self._send("DELETE", f"/files/{path}")
            if answer.status_code not in {204, 404, 410}:
                raise UnavailableError(_detail(answer))

    async def check(self, models: Sequence[str], submit_per_minute: int) -> list[Check]:
        name = f"Template: {', '.join(models)}"
        try:
            await self._files("worker-check/")
        except UnavailableError as error:
            mend = "correct TEMPLATE_BASE_URL and TEMPLATE_API_KEY"
            return [Check(name, False, str(error.detail.message), mend)]
        quota = f"{submit_per_minute} orders a minute; what is allowed cannot be seen"
        return [Check(name, True, "answers this key"), Check("Template quota", None, quota)]

    async def close(self) -> None:
        await self._create.aclose()
        await self._ask.aclose()

    async def _files(self, folder: str) -> list[str]:
        answer = await self._get("/files", folder=folder)
        return [str(file) for file in _json(answer).get("files", [])]

    async def _get(self, path: str, **params: str) -> httpx.Response:
        """An answer that means something: 200 or 404. Raises UnavailableError."""
        answer = await self._send("GET", path, **params)
        if answer.status_code not in {200, 404}:
            raise UnavailableError(_detail(answer))
        return answer

    async def _send(self, method: str, path: str, **params: str) -> httpx.Response:
        try:
            return await self._ask.request(method, path, params=params)
        except httpx.HTTPError as error:
            raise UnavailableError(Detail(type(error).__name__, str(error))) from error


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _detail(answer: httpx.Response) -> Detail:
    return Detail(str(answer.status_code), str(_json(answer).get("message") or answer.text[:500]))


def _retry_after(answer: httpx.Response) -> float | None:
    seconds = answer.headers.get("retry-after", "")
    return float(seconds) if seconds.isdigit() else None


async def _chunks(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw(64 * 1024):
            yield chunk
    except httpx.HTTPError as error:
        raise UnavailableError(Detail(type(error).__name__, str(error))) from error
