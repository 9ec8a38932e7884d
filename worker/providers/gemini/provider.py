"""Omni through the SDK's Interactions API; its clips come by way of the Files API."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any, Final

import httpx2
from google import genai
from google.genai import types

from worker.providers.base import AmbiguousError, Detail, RejectedError, Running, Succeeded, UnavailableError
from worker.providers.gemini.check import check_gemini
from worker.providers.gemini.classify import create_failure, interaction_outcome, poll_failure
from worker.providers.gemini.files import GeminiFiles, file_id

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from google.genai.interactions import Interaction

    from worker.providers.base import Check, PollOutcome, ResultStream, Submission

POLL_TIMEOUT_SECONDS: Final = 20.0
POLL_ATTEMPTS: Final = 2
# Over the SDK's own timeouts, which are per read: a peer that drips bytes must not hold a slot for ever.
GRACE_SECONDS: Final = 5.0


class GeminiProvider:
    """Satisfies ``base.Provider``. What this class leans on, or does without:

    * The SDK sends a create call up to five times unless it is told not to, so one attempt per call, no
      redirects, and no connection reused, as in the Vertex provider.
    * An interaction names no place for its clip, carries no mark of ours, and cannot be listed. A clip whose
      create call lost its answer is lost: ``find_output`` says None, and the credits go back at the deadline.
    * There is no folder to delete either; what an attempt left is found by its operation.
    """

    def __init__(self, *, api_key: str, base_url: str | None, create_timeout_seconds: float) -> None:
        self._create_timeout = create_timeout_seconds
        self._files = GeminiFiles(api_key, base_url)
        self._create_http = httpx2.AsyncClient(
            limits=httpx2.Limits(max_keepalive_connections=0), follow_redirects=False
        )
        self._ask_http = httpx2.AsyncClient(follow_redirects=False)

        def client(http: httpx2.AsyncClient, timeout_seconds: float, attempts: int) -> genai.Client:
            return genai.Client(
                vertexai=False,
                api_key=api_key,
                http_options=types.HttpOptions(
                    base_url=base_url,
                    timeout=int(timeout_seconds * 1000),
                    retry_options=types.HttpRetryOptions(attempts=attempts),
                    httpx_async_client=http,
                ),
            )

        self._create = client(self._create_http, create_timeout_seconds, 1)
        self._ask = client(self._ask_http, POLL_TIMEOUT_SECONDS, POLL_ATTEMPTS)

    async def prepare(self) -> None:
        """Nothing can fail before the call: the key does not expire."""

    async def submit(self, submission: Submission) -> str:
        if submission.negative_prompt:
            # Left out it would be a clip that was not asked for, and paid.
            raise RejectedError(
                "invalid_request", Detail("negative_prompt", "Gemini Omni takes no negative prompt.")
            )
        try:
            async with asyncio.timeout(self._create_timeout + GRACE_SECONDS):
                interaction = await self._create.aio.interactions.create(**_request(submission))
        except Exception as error:
            # Everything: whatever went wrong after the request left, the call may be billed.
            raise create_failure(error) from error
        operation_id = getattr(interaction, "id", None)
        if not operation_id:
            raise AmbiguousError(Detail("empty_reply", "The create call was answered without an id."))
        return str(operation_id)

    async def poll(self, operation_id: str) -> PollOutcome:
        outcome = interaction_outcome(await self._interaction(operation_id))
        if isinstance(outcome, Succeeded):
            name = file_id(outcome.video_url)
            if name is not None and await self._files.is_processing(name):
                return Running()
        return outcome

    async def find_output(self, output_prefix: str) -> str | None:
        return None

    def open_result(self, video_url: str) -> AbstractAsyncContextManager[ResultStream]:
        return self._files.open(video_url)

    def owns(self, url: str) -> bool:
        return file_id(url) is not None

    async def delete(self, url: str, operation_id: str | None = None) -> None:
        if not url.strip("/"):
            raise ValueError("refuses to delete what has no name")
        name = file_id(url)
        if name is not None:
            await self._files.delete(name)
        elif operation_id is not None:
            await self._delete_interaction(operation_id)
        # Else the call's answer was lost, and with it the way to its file, which Google keeps for two days.

    async def check(self, models: Sequence[str], submit_per_minute: int) -> list[Check]:
        return await check_gemini(self._ask, models, submit_per_minute)

    async def close(self) -> None:
        await self._files.close()
        await self._create_http.aclose()
        await self._ask_http.aclose()

    async def _interaction(self, operation_id: str) -> Interaction:
        try:
            async with asyncio.timeout(POLL_TIMEOUT_SECONDS * POLL_ATTEMPTS + GRACE_SECONDS):
                return await self._ask.aio.interactions.get(operation_id)
        except Exception as error:
            raise poll_failure(error) from error

    async def _delete_interaction(self, operation_id: str) -> None:
        """Its file, then itself: it holds the prompt and the reference image."""
        try:
            outcome = interaction_outcome(await self._interaction(operation_id))
        except RejectedError:
            return  # gone already
        name = file_id(outcome.video_url) if isinstance(outcome, Succeeded) else None
        if name is not None:
            await self._files.delete(name)
        try:
            async with asyncio.timeout(POLL_TIMEOUT_SECONDS * POLL_ATTEMPTS + GRACE_SECONDS):
                await self._ask.aio.interactions.delete(operation_id)
        except Exception as error:
            failure = poll_failure(error)
            if isinstance(failure, UnavailableError):
                raise failure from error


def _request(submission: Submission) -> dict[str, Any]:
    content: list[dict[str, str]] = [{"type": "text", "text": submission.prompt}]
    if submission.image is not None:
        data = base64.b64encode(submission.image.content).decode()
        content.append({"type": "image", "mime_type": submission.image.mime_type, "data": data})
    return {
        "model": submission.model,
        "background": True,
        "generation_config": {
            "video_config": {"task": "image_to_video" if submission.image else "text_to_video"}
        },
        "input": [{"type": "user_input", "content": content}],
        "response_format": {
            "type": "video",
            "aspect_ratio": submission.aspect_ratio,
            "duration": f"{submission.duration_seconds}s",
            "resolution": submission.resolution,
            # Inline would be the whole clip, in memory, in the answer to every poll.
            "delivery": "uri",
        },
    }
