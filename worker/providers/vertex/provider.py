"""Veo through google-genai, with a bucket as the place where every attempt leaves its clip."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx2
from google import genai
from google.genai import types

from worker.providers.base import AmbiguousError, Detail, RefusedError, UnavailableError
from worker.providers.vertex.check import VertexCheck
from worker.providers.vertex.classify import create_failure, operation_outcome, poll_failure
from worker.providers.vertex.cloud_storage import CloudStorage, split_url
from worker.providers.vertex.credentials import GoogleCredentials

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from google.auth.credentials import Credentials

    from worker.providers.base import Check, PollOutcome, ResultStream, Submission

POLL_TIMEOUT_SECONDS: Final = 20.0
POLL_ATTEMPTS: Final = 2
# Over the SDK's own timeouts, which are per read: a peer that drips bytes must not hold a slot for ever.
GRACE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Clients:
    """Two SDK clients, because what is right for polling is wrong for paying."""

    create: genai.Client
    poll: genai.Client


class VertexProvider:
    """Satisfies ``base.Provider``. Facts about the SDK that this class leans on:

    * A create call must never be sent twice, and no idempotency key exists. So one attempt per call, no
      redirects followed, and no connection reused (a kept-alive one that the far end has just closed would
      turn a call that was never read into an ambiguous one).
    * Both HTTP clients are our own httpx2 clients: with aiohttp installed the SDK would otherwise use that,
      and silently send a dropped create again.
    * The SDK has no default time limit; every client here sets one.
    """

    def __init__(
        self,
        *,
        project: str,
        location: str,
        output_uri: str,
        base_url: str | None,
        storage_base_url: str | None,
        create_timeout_seconds: float,
    ) -> None:
        self._project = project
        self._location = location
        self._output_uri = output_uri
        self._base_url = base_url
        self._create_timeout = create_timeout_seconds
        self._credentials = GoogleCredentials()
        self._storage = CloudStorage(self._credentials, storage_base_url)
        self._create_http = httpx2.AsyncClient(
            limits=httpx2.Limits(max_keepalive_connections=0), follow_redirects=False
        )
        self._poll_http = httpx2.AsyncClient(follow_redirects=False)
        self._clients: _Clients | None = None

    async def prepare(self) -> None:
        await self._fresh_clients()

    async def submit(self, submission: Submission) -> str:
        try:
            clients = await self._fresh_clients()
        except UnavailableError as error:
            raise RefusedError(error.detail) from error
        source = types.GenerateVideosSource(prompt=submission.prompt, image=_image(submission))
        config = self._config(submission)
        try:
            async with asyncio.timeout(self._create_timeout + GRACE_SECONDS):
                operation = await clients.create.aio.models.generate_videos(
                    model=submission.model, source=source, config=config
                )
        except Exception as error:
            # Everything: whatever went wrong after the request left, the call may be billed.
            raise create_failure(error) from error
        if not operation.name:
            raise AmbiguousError(
                Detail("empty_reply", "The create call was answered without an operation name.")
            )
        return operation.name

    async def poll(self, operation_id: str) -> PollOutcome:
        clients = await self._fresh_clients()
        try:
            async with asyncio.timeout(POLL_TIMEOUT_SECONDS * POLL_ATTEMPTS + GRACE_SECONDS):
                operation = await clients.poll.aio.operations.get(
                    types.GenerateVideosOperation.model_validate({"name": operation_id})
                )
        except Exception as error:
            raise poll_failure(error) from error
        return operation_outcome(operation)

    async def find_output(self, output_prefix: str) -> str | None:
        prefix_url = self._absolute(output_prefix)
        bucket, _ = split_url(prefix_url)
        for item in await self._storage.list_objects(prefix_url):
            # Cloud Storage shows an object only once it is whole.
            if str(item.get("name", "")).endswith(".mp4") and int(item.get("size", 0)) > 0:
                return f"gs://{bucket}/{item['name']}"
        return None

    def open_result(self, video_url: str) -> AbstractAsyncContextManager[ResultStream]:
        return self._storage.open_object(video_url)

    def owns(self, url: str) -> bool:
        return url.startswith("gs://") or "://" not in url

    async def delete(self, url: str, operation_id: str | None = None) -> None:
        url = url if "://" in url else self._absolute(url)
        # A mistake in a path must not empty the bucket, or somebody else's.
        folder = self._output_uri + "/"
        if not url.startswith(folder) or not url.removeprefix(folder).strip("/"):
            raise ValueError("refuses to delete outside the folders of VIDEO_OUTPUT_GCS_URI")
        bucket, name = split_url(url)
        if not name.endswith("/"):
            await self._storage.delete_object(url)
            return
        for item in await self._storage.list_objects(url):
            await self._storage.delete_object(f"gs://{bucket}/{item['name']}")

    async def check(self, models: Sequence[str], submit_per_minute: int) -> list[Check]:
        check = VertexCheck(
            self,
            self._credentials,
            self._storage,
            project=self._project,
            location=self._location,
            output_uri=self._output_uri,
            base_url=self._base_url,
        )
        return await check.run(models, submit_per_minute)

    async def close(self) -> None:
        await self._storage.close()
        await self._create_http.aclose()
        await self._poll_http.aclose()

    def operation_name(self, model: str, operation: str) -> str:
        """The full name of an operation in this project and location."""
        return (
            f"projects/{self._project}/locations/{self._location}"
            f"/publishers/google/models/{model}/operations/{operation}"
        )

    def _absolute(self, output_prefix: str) -> str:
        return f"{self._output_uri}/{output_prefix.strip('/')}/"

    def _config(self, submission: Submission) -> types.GenerateVideosConfig:
        return types.GenerateVideosConfig(
            number_of_videos=1,
            duration_seconds=submission.duration_seconds,
            resolution=submission.resolution,
            aspect_ratio=submission.aspect_ratio,
            negative_prompt=submission.negative_prompt,
            generate_audio=True,
            person_generation="allow_adult",
            output_gcs_uri=self._absolute(submission.output_prefix),
            # For finding the bill of a task in Google's cost export.
            labels={"task": str(submission.task_id), "attempt": str(submission.attempt)},
        )

    async def _fresh_clients(self) -> _Clients:
        """The SDK's clients, with a token that is good now. Raises UnavailableError."""
        credentials = await self._credentials.fresh()
        if self._clients is None:
            self._clients = _Clients(
                create=self._client(credentials, self._create_http, self._create_timeout, attempts=1),
                poll=self._client(credentials, self._poll_http, POLL_TIMEOUT_SECONDS, attempts=POLL_ATTEMPTS),
            )
        return self._clients

    def _client(
        self, credentials: Credentials, http: httpx2.AsyncClient, timeout_seconds: float, *, attempts: int
    ) -> genai.Client:
        return genai.Client(
            vertexai=True,
            project=self._project,
            location=self._location,
            credentials=credentials,
            http_options=types.HttpOptions(
                base_url=self._base_url,
                timeout=int(timeout_seconds * 1000),
                retry_options=types.HttpRetryOptions(attempts=attempts),
                httpx_async_client=http,
            ),
        )


def _image(submission: Submission) -> types.Image | None:
    if submission.image is None:
        return None
    return types.Image(image_bytes=submission.image.content, mime_type=submission.image.mime_type)
