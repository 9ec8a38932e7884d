"""The Gemini provider with the real google-genai SDK, against the Google emulator."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.contract.google_emulator import google_emulator
from tests.contract.google_far_end import GoogleFarEnd, picture
from tests.contract.provider_suite import (
    LosesLostClips,
    Situation,
    clip_of,
    finished,
    submission,
)
from worker.providers.base import (
    Provider,
    ReferenceImage,
    RefusedError,
    RejectedError,
    Running,
    Succeeded,
    UnavailableError,
)
from worker.providers.gemini import GeminiProvider
from worker.providers.gemini.files import GeminiFiles

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.contract.google_emulator import Emulator

MODEL = "gemini-omni-1.2-flash"


def gemini(emulator: Emulator, *, url: str | None = None, key: str | None = None) -> GeminiProvider:
    return GeminiProvider(
        api_key=key or emulator.credentials.with_name("google-api-key").read_text().strip(),
        base_url=url or emulator.url,
        create_timeout_seconds=2,
    )


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with google_emulator(tmp_path_factory.mktemp("google"), generation_seconds=0.2) as running:
        yield running


@pytest.fixture
def far_end(emulator: Emulator) -> GoogleFarEnd:
    return GoogleFarEnd(emulator, MODEL, lambda: gemini(emulator))


@pytest.fixture
async def provider(emulator: Emulator) -> AsyncIterator[Provider]:
    provider = gemini(emulator)
    yield provider
    await provider.close()


class TestGemini(LosesLostClips):
    @pytest.fixture
    def reference_image(self) -> ReferenceImage:
        return picture()


async def test_a_create_call_that_found_nobody_listening_is_refused(
    emulator: Emulator, far_end: GoogleFarEnd
) -> None:
    provider = gemini(emulator, url="http://127.0.0.1:9")
    with pytest.raises(RefusedError):
        await provider.submit(submission(far_end, Situation.MAKES_A_CLIP))
    with pytest.raises(UnavailableError):
        await provider.poll("v1_somebody")
    await provider.close()


async def test_a_negative_prompt_is_refused_before_anything_is_sent(
    provider: Provider, far_end: GoogleFarEnd
) -> None:
    asked = replace(submission(far_end, Situation.MAKES_A_CLIP), negative_prompt="fog")
    with pytest.raises(RejectedError) as caught:
        await provider.submit(asked)
    assert caught.value.error_code == "invalid_request"
    assert await far_end.creates(asked.prompt) == 0


async def test_a_wrong_key_fails_no_clip_that_is_being_made(
    emulator: Emulator, provider: Provider, far_end: GoogleFarEnd
) -> None:
    asked = submission(far_end, Situation.MAKES_A_CLIP)
    operation_id = await provider.submit(asked)
    stranger = gemini(emulator, key="AIzaWrong")
    with pytest.raises(UnavailableError):
        await stranger.poll(operation_id)
    with pytest.raises(RejectedError) as caught:
        await stranger.submit(submission(far_end, Situation.MAKES_A_CLIP))
    assert caught.value.error_code == "provider_error"
    await stranger.close()
    assert isinstance(await finished(provider, far_end, operation_id), Succeeded)


async def test_a_clip_is_running_until_its_file_is_whole(provider: Provider, far_end: GoogleFarEnd) -> None:
    asked = submission(far_end, Situation.MAKES_A_CLIP)
    asked = replace(asked, prompt=f"{asked.prompt} [not_active:2]")
    operation_id = await provider.submit(asked)
    assert isinstance(await finished(provider, far_end, operation_id), Succeeded)
    states = (await far_end.journal(prompt=asked.prompt, kind="metadata"))["requests"]
    assert [entry["marker"] for entry in states] == ["not_active", "not_active", None]


async def test_prompt_and_picture_are_deleted_with_the_clip(
    provider: Provider, far_end: GoogleFarEnd
) -> None:
    asked = submission(far_end, Situation.MAKES_A_CLIP, picture())
    operation_id = await provider.submit(asked)
    await finished(provider, far_end, operation_id)
    await provider.delete(asked.output_prefix, operation_id)
    deleted = (await far_end.journal(prompt=asked.prompt, kind="delete"))["requests"]
    assert [entry["object"].partition("/")[0] for entry in deleted] == ["files", "interactions"]
    with pytest.raises(RejectedError):
        await provider.poll(operation_id)


async def test_an_unfinished_clip_is_asked_for_in_the_words_of_the_order(
    provider: Provider, far_end: GoogleFarEnd
) -> None:
    asked = replace(submission(far_end, Situation.NEVER_FINISHES), aspect_ratio="9:16", resolution="1080p")
    assert await provider.poll(await provider.submit(asked)) == Running()
    (recorded,) = (await far_end.journal(prompt=asked.prompt, kind="create"))["requests"]
    assert recorded["model"] == MODEL


async def test_the_key_follows_no_redirect_to_another_host() -> None:
    """Google's download redirects; whoever stands there is given the request without the key."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.host == "google.test":
            return httpx.Response(302, headers={"location": "https://elsewhere.test/clip.mp4"})
        return httpx.Response(200, stream=httpx.ByteStream(b"clip"))

    files = GeminiFiles("AIzaSecret", "https://google.test", transport=httpx.MockTransport(answer))
    async with files.open("https://google.test/v1beta/files/abc:download?alt=media") as stream:
        assert [chunk async for chunk in stream.chunks] == [b"clip"]
    assert [request.headers.get("x-goog-api-key") for request in seen] == ["AIzaSecret", None]
    await files.close()


async def test_a_clip_is_read_no_faster_than_it_is_taken() -> None:
    """A gigabyte would otherwise be in memory before the first byte is on disk."""
    sent = 0

    async def gigabyte() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1024):
            sent += 1
            yield bytes(1024 * 1024)

    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=gigabyte()))
    files = GeminiFiles("AIzaSecret", "https://google.test", transport=transport)
    async with files.open("https://google.test/v1beta/files/abc:download?alt=media") as stream:
        assert len(await anext(stream.chunks)) == 1024 * 1024
    assert sent <= 2
    await files.close()


async def test_a_result_from_another_host_is_asked_of_google_only(
    emulator: Emulator, provider: Provider, far_end: GoogleFarEnd
) -> None:
    url = await clip_of(provider, far_end, submission(far_end, Situation.MAKES_A_CLIP))
    elsewhere = url.replace(emulator.url, "https://elsewhere.test")
    async with provider.open_result(elsewhere) as stream:
        assert [chunk async for chunk in stream.chunks]
    with pytest.raises(UnavailableError):
        async with provider.open_result("https://elsewhere.test/clip.mp4"):
            pytest.fail("opened")


@pytest.mark.parametrize(
    ("key", "model", "said", "mend"),
    [
        ("AIzaWrong", MODEL, "API key not valid", "gcloud services api-keys create"),
        (
            None,
            "gemini-omni-1.0-flash",
            "no longer available",
            "where provider_model = 'gemini-omni-1.0-flash'",
        ),
    ],
)
async def test_the_check_names_a_wrong_key_and_a_model_that_is_gone(
    emulator: Emulator, key: str | None, model: str, said: str, mend: str
) -> None:
    provider = gemini(emulator, key=key)
    (failed,) = [check for check in await provider.check([model], 50) if check.passed is False]
    assert failed.name == f"Model {model}"
    assert said in failed.seen
    assert mend in failed.mend
    await provider.close()


async def test_the_check_is_not_billed(provider: Provider, far_end: GoogleFarEnd) -> None:
    before = (await far_end.journal())["operations"]
    await provider.check([MODEL], 50)
    assert (await far_end.journal())["operations"] == before
