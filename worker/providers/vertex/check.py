"""``worker check`` for Google: a token, each model on sale, the bucket, the quota. Nothing here is billed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

import httpx

from worker import mends
from worker.providers.base import Check, ProviderError, RejectedError, UnavailableError
from worker.providers.vertex.cloud_storage import split_url
from worker.providers.vertex.grants import MODEL_PERMISSION, Grants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.auth.credentials import Credentials

    from worker.providers.vertex.cloud_storage import CloudStorage
    from worker.providers.vertex.credentials import GoogleCredentials
    from worker.providers.vertex.provider import VertexProvider

# Asked for where none of this provider's models is on sale.
PROBE_MODEL: Final = "veo-3.1-generate-001"
# Requests a minute for each base model and region that Google gives a new project.
DEFAULT_QUOTA: Final = 50
TIMEOUT: Final = httpx.Timeout(20, connect=10)
# Names no clip and asks for none: Google looks at the account, at the model, and refuses the request.
EMPTY_REQUEST: Final[dict[str, Any]] = {"instances": [], "parameters": {"sampleCount": 0}}


class VertexCheck:
    """The checks in the order in which one depends on another; stops at a missing token."""

    def __init__(
        self,
        provider: VertexProvider,
        credentials: GoogleCredentials,
        storage: CloudStorage,
        *,
        project: str,
        location: str,
        output_uri: str,
        base_url: str | None,
    ) -> None:
        self._provider = provider
        self._credentials = credentials
        self._storage = storage
        self._project = project
        self._location = location
        self._output_uri = output_uri
        self._base_url = base_url or f"https://{location}-aiplatform.googleapis.com"

    async def run(self, models: Sequence[str], submit_per_minute: int) -> list[Check]:
        try:
            credentials = await self._credentials.fresh()
        except ProviderError as error:
            return [Check("Google token", False, error.detail.message or "", self._grants(None).create_key)]
        grants = self._grants(credentials)
        async with httpx.AsyncClient(timeout=TIMEOUT) as client:
            return [
                Check("Google token", True, f"issued for {grants.member} in project {self._project}"),
                *[await self._model(client, grants, model) for model in models or [PROBE_MODEL]],
                await self._bucket(grants),
                self._quota(grants, submit_per_minute),
            ]

    async def _model(self, client: httpx.AsyncClient, grants: Grants, model: str) -> Check:
        """Whether this account may create and poll: by an empty request and an unknown operation."""
        name = f"Model {model}"
        path = f"projects/{self._project}/locations/{self._location}/publishers/google/models/{model}"
        try:
            answer = await client.post(
                f"{self._base_url}/v1beta1/{path}:predictLongRunning",
                json=EMPTY_REQUEST,
                headers=await self._credentials.headers(),
            )
        except (httpx.HTTPError, UnavailableError) as error:
            mend = f"let this machine reach {self._base_url}"
            return Check(name, False, f"{type(error).__name__} {error}".strip(), mend)
        message = _message(answer)
        if answer.status_code != 400:
            return self._unusable(name, model, grants, answer.status_code, message)
        try:
            await self._provider.poll(self._provider.operation_name(model, str(uuid.uuid4())))
        except RejectedError:
            pass
        except ProviderError as error:
            seen = f"creates, but does not poll: {error.detail.code}: {error.detail.message}"
            return Check(name, False, seen, grants.use_models)
        return Check(name, True, "lets this account create and poll (an empty request is refused as empty)")

    def _unusable(self, name: str, model: str, grants: Grants, status: int, message: str) -> Check:
        seen = f"{status}: {message}"
        if status == 200:
            return Check(name, None, "accepted an empty request; look whether it shows on the bill")
        if status == 403 and ("has not been used" in message or "disabled" in message):
            return Check(name, False, seen, grants.enable_api)
        if status == 403:
            return Check(name, False, f"{seen} [needs {MODEL_PERMISSION}]", grants.use_models)
        if status == 404:
            return Check(name, False, f"{seen} [in {self._location}]", mends.replace(model))
        if status == 401:
            return Check(name, False, seen, grants.create_key)
        return Check(name, False, seen, f"try again later; 429 is the quota: {grants.show_quota}")

    async def _bucket(self, grants: Grants) -> Check:
        """Writes, lists, reads and deletes a file where clips go, each right by its use."""
        name, folder = "Output bucket", f"{self._output_uri}/worker-check/"
        url, needed = f"{folder}{uuid.uuid4()}.txt", "storage.objects.create"
        try:
            await self._storage.write_object(url, b"worker check\n")
            needed = "storage.objects.list"
            await self._storage.list_objects(folder, limit=1)
            needed = "storage.objects.get"
            async with self._storage.open_object(url) as stream:
                _ = [chunk async for chunk in stream.chunks]
            needed = "storage.objects.delete"
            await self._storage.delete_object(url)
        except ProviderError as error:
            code = error.detail.code
            mend = grants.create_bucket if code == "404" else grants.use_bucket
            return Check(name, False, f"{code}: {error.detail.message} [needs {needed}]", mend)
        return Check(name, True, f"{self._output_uri} takes, lists, gives and deletes a file")

    def _quota(self, grants: Grants, submit_per_minute: int) -> Check:
        name = "Google quota"
        seen = f"video_submit_per_minute is {submit_per_minute}"
        if submit_per_minute > DEFAULT_QUOTA:
            seen += (
                f", above the {DEFAULT_QUOTA} that Google gives a new project; what yours has cannot be seen"
            )
            return Check(name, None, seen, grants.show_quota)
        return Check(name, True, f"{seen}, within the {DEFAULT_QUOTA} that Google gives a new project")

    def _grants(self, credentials: Credentials | None) -> Grants:
        email = getattr(credentials, "service_account_email", None)
        account = (
            email if email and "@" in email else f"reelbase-worker@{self._project}.iam.gserviceaccount.com"
        )
        bucket, _ = split_url(self._output_uri)
        return Grants(self._project, f"serviceAccount:{account}", bucket, self._location)


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:300]
