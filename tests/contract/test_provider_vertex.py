"""The Vertex provider with the real google-genai SDK, against the Google emulator."""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image

from tests.contract.google_emulator import google_emulator
from tests.contract.provider_suite import FarEnd, ProviderSuite, Situation, submission
from worker.providers.base import Provider, ReferenceImage, RefusedError, UnavailableError
from worker.providers.vertex import VertexProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.contract.google_emulator import Emulator

MARKERS = {
    Situation.MAKES_A_CLIP: "",
    Situation.QUOTA_EXCEEDED: "[429]",
    Situation.OVERLOADED: "[503]",
    Situation.INVALID: "[400]",
    Situation.FORBIDDEN: "[403]",
    Situation.MODEL_RETIRED: "[404]",
    Situation.INTERNAL_ERROR: "[500]",
    Situation.BAD_GATEWAY: "[html502]",
    Situation.NEVER_ANSWERS: "[hang]",
    Situation.EMPTY_ANSWER: "[empty200]",
    Situation.DROPS_AND_MAKES_NOTHING: "[drop_lost]",
    Situation.DROPS_BUT_MAKES_A_CLIP: "[drop]",
    Situation.FILTERS: "[safety]",
    Situation.FINDS_THE_IMAGE_UNSAFE: "[opsafety]",
    Situation.FAILS_INSIDE: "[operror]",
    Situation.TOO_BUSY_INSIDE: "[overloaded]",
    Situation.ENDS_WITHOUT_A_CLIP: "[noresult]",
    Situation.NEVER_FINISHES: "[slow]",
    # More often than the provider asks again by itself within one poll.
    Situation.POLLS_FAIL: "[poll_503:3]",
    Situation.FILE_IS_MISSING: "[expired]",
    Situation.FILE_IS_CUT: "[cut]",
}


def vertex(emulator: Emulator, *, url: str | None = None, bucket: str = "reelbase-test") -> VertexProvider:
    return VertexProvider(
        project="reelbase-test",
        location="us-central1",
        output_uri=f"gs://{bucket}/clips",
        base_url=url or emulator.url,
        storage_base_url=url or emulator.url,
        create_timeout_seconds=2,
    )


class VertexFarEnd:
    """The emulator, told what to do by markers in the prompt."""

    model = "veo-3.1-generate-001"
    polls_per_second = 5.0

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def prompt(self, situation: Situation) -> str:
        return f"a fox in the snow {uuid.uuid4()} {MARKERS[situation]}".strip()

    async def creates(self, prompt: str) -> int:
        async with httpx.AsyncClient(base_url=self._emulator.url) as client:
            answer = await client.get("/_emulator/requests", params={"prompt": prompt, "kind": "create"})
        return int(answer.json()["counts"].get("create", 0))

    async def another_process(self) -> Provider:
        return vertex(self._emulator)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with (
        google_emulator(tmp_path_factory.mktemp("google"), generation_seconds=0.2) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(running.credentials))
        yield running


class TestVertex(ProviderSuite):
    @pytest.fixture
    async def provider(self, emulator: Emulator) -> AsyncIterator[Provider]:
        provider = vertex(emulator)
        yield provider
        await provider.close()

    @pytest.fixture
    def far_end(self, emulator: Emulator) -> FarEnd:
        return VertexFarEnd(emulator)

    @pytest.fixture
    def reference_image(self) -> ReferenceImage:
        buffer = io.BytesIO()
        Image.new("RGB", (1280, 720), "teal").save(buffer, "PNG")
        return ReferenceImage(buffer.getvalue(), "image/png")


async def test_a_create_call_that_found_nobody_listening_is_refused(emulator: Emulator) -> None:
    provider = vertex(emulator, url="http://127.0.0.1:9")
    far_end = VertexFarEnd(emulator)
    with pytest.raises(RefusedError):
        await provider.submit(submission(far_end, Situation.MAKES_A_CLIP))
    with pytest.raises(UnavailableError):
        await provider.find_output("task/1/")
    await provider.close()


async def test_a_request_says_all_that_was_asked_and_whose_it_is(emulator: Emulator) -> None:
    provider, far_end = vertex(emulator), VertexFarEnd(emulator)
    asked = submission(far_end, Situation.MAKES_A_CLIP)
    await provider.submit(asked)
    async with httpx.AsyncClient(base_url=emulator.url) as client:
        answer = await client.get("/_emulator/requests", params={"prompt": asked.prompt, "kind": "create"})
    (recorded,) = answer.json()["requests"]
    assert recorded["model"] == far_end.model
    assert recorded["storage_uri"] == f"gs://reelbase-test/clips/{asked.output_prefix}"
    await provider.close()


async def test_the_check_names_a_bucket_that_is_closed_to_us(emulator: Emulator) -> None:
    provider = vertex(emulator, bucket="forbidden-bucket")
    failed = [check for check in await provider.check() if check.passed is False]
    assert {check.name for check in failed} == {"Output bucket", "Bucket rights"}
    assert all(check.mend for check in failed)
    await provider.close()


async def test_nothing_outside_the_output_folder_is_deleted(emulator: Emulator) -> None:
    provider = vertex(emulator)
    for url in (
        "gs://reelbase-test/other/clip.mp4",
        "gs://reelbase-test/clips2/",
        "gs://another-bucket/clips/x/",
    ):
        with pytest.raises(ValueError, match="refuses"):
            await provider.delete(url)
    await provider.close()
