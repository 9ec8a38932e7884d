"""How the tests of the Google emulator talk to it: google-auth, google-genai, plain HTTP for files."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
from google import genai
from google.auth.transport.requests import Request
from google.genai import types
from google.oauth2.service_account import Credentials

if TYPE_CHECKING:
    from tests.contract.google_emulator import Emulator

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
MODEL = "veo-3.1-generate-001"
BUCKET = "reelbase-test"


def credentials(emulator: Emulator, scope: str = SCOPE) -> Credentials:
    """Credentials of the emulator's service account, without a token yet."""
    loaded: Credentials = Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
        str(emulator.credentials), scopes=[scope]
    )
    return loaded


def token(emulator: Emulator, scope: str = SCOPE) -> str:
    """An access token, asked for with a signed assertion."""
    wanted = credentials(emulator, scope)
    wanted.refresh(Request())  # type: ignore[no-untyped-call]
    return str(wanted.token)


def client(emulator: Emulator, timeout_seconds: float = 20, attempts: int = 1) -> genai.Client:
    """The SDK in Vertex mode."""
    return genai.Client(
        vertexai=True,
        project="reelbase-test",
        location="us-central1",
        credentials=credentials(emulator),
        http_options=types.HttpOptions(
            base_url=emulator.url,
            timeout=int(timeout_seconds * 1000),
            retry_options=types.HttpRetryOptions(attempts=attempts),
        ),
    )


def create(
    sdk: genai.Client,
    prompt: str,
    *,
    image: types.Image | None = None,
    model: str = MODEL,
    **config: Any,
) -> types.GenerateVideosOperation:
    """Asks for the shortest clip, into a folder of its own, unless told otherwise."""
    config = {"duration_seconds": 4, "output_gcs_uri": f"gs://{BUCKET}/{abs(hash(prompt))}/"} | config
    return sdk.models.generate_videos(
        model=model,
        source=types.GenerateVideosSource(prompt=prompt, image=image),
        config=types.GenerateVideosConfig(**config),
    )


def by_name(name: str) -> types.GenerateVideosOperation:
    """An operation as a restarted client knows it."""
    return types.GenerateVideosOperation.model_validate({"name": name})


def wait(
    sdk: genai.Client, operation: types.GenerateVideosOperation, seconds: float = 60
) -> types.GenerateVideosOperation:
    """Polls until the operation is done."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        operation = sdk.operations.get(operation)
        if operation.done:
            return operation
        time.sleep(0.1)
    raise AssertionError(f"{operation.name} is not done after {seconds} s")


def address(operation: types.GenerateVideosOperation) -> str:
    """The `gs://` address of a finished operation's only clip."""
    assert operation.response is not None
    assert operation.response.generated_videos is not None
    (clip,) = operation.response.generated_videos
    assert clip.video is not None
    assert clip.video.uri is not None
    return clip.video.uri


def object_url(uri: str) -> str:
    """The path of the JSON API for a `gs://` address."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return f"/storage/v1/b/{bucket}/o/{name.replace('/', '%2F')}"


def storage(emulator: Emulator) -> httpx.Client:
    """Cloud Storage with a good token."""
    return httpx.Client(
        base_url=emulator.url, headers={"authorization": f"Bearer {token(emulator)}"}, timeout=20
    )


def requests(emulator: Emulator, **query: str) -> dict[str, Any]:
    """What the emulator says it was asked."""
    answer: dict[str, Any] = httpx.get(f"{emulator.url}/_emulator/requests", params=query).json()
    return answer
