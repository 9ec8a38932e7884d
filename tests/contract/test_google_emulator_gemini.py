"""The text model and Gemini Omni at the emulator, as the real SDK shows them."""

from __future__ import annotations

import base64
import io
import time
import uuid
from typing import TYPE_CHECKING, Any

import av
import httpx
import httpx2
import pytest
from google import genai
from google.genai import errors, types
from PIL import Image
from pydantic import BaseModel

from tests.contract.google_client import client, requests
from tests.contract.google_emulator import Emulator, google_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT_MODEL = "gemini-3.5-flash-lite"
OMNI = "gemini-omni-1.2-flash"


class Better(BaseModel):
    """What a prompt optimizer might ask for."""

    prompt: str
    negative_prompt: str | None
    is_unsafe: bool
    styles: list[str]


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with google_emulator(tmp_path_factory.mktemp("google"), generation_seconds=0.2) as running:
        yield running


@pytest.fixture(scope="module")
def key(emulator: Emulator) -> str:
    return emulator.credentials.with_name("google-api-key").read_text().strip()


@pytest.fixture(scope="module")
def gemini(emulator: Emulator, key: str) -> Iterator[genai.Client]:
    with gemini_client(emulator, key) as made:
        yield made


def gemini_client(emulator: Emulator, key: str, timeout_seconds: float = 20) -> genai.Client:
    return genai.Client(
        api_key=key,
        http_options=types.HttpOptions(
            base_url=emulator.url,
            timeout=int(timeout_seconds * 1000),
            retry_options=types.HttpRetryOptions(attempts=1),
        ),
    )


def improve(sdk: genai.Client, prompt: str, **config: Any) -> types.GenerateContentResponse:
    return sdk.models.generate_content(
        model=TEXT_MODEL,
        contents=prompt,
        config=types.GenerateContentConfig(
            system_instruction="You write prompts for a video model.",
            response_mime_type="application/json",
            response_schema=Better,
            **config,
        ),
    )


def omni(sdk: genai.Client, prompt: str, *, image: bytes | None = None, **video: str) -> Any:
    content: list[dict[str, str]] = [{"type": "text", "text": prompt}]
    if image:
        content.append({"type": "image", "mime_type": "image/png", "data": base64.b64encode(image).decode()})
    asked: dict[str, Any] = {
        "model": OMNI,
        "background": True,
        "input": [{"type": "user_input", "content": content}],
        "response_format": {"type": "video", "duration": "4s", "delivery": "uri"} | video,
    }
    return sdk.interactions.create(**asked)


def ended(sdk: genai.Client, interaction: Any) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        interaction = sdk.interactions.get(interaction.id)
        if interaction.status != "in_progress":
            return interaction
        time.sleep(0.1)
    raise AssertionError("the interaction does not end")


def prompt(markers: str = "") -> str:
    return f"a heron at dawn {uuid.uuid4()} {markers}".strip()


def test_the_text_model_answers_in_the_schema_that_was_asked_for(
    emulator: Emulator, gemini: genai.Client
) -> None:
    asked = prompt()
    with client(emulator) as vertex:
        for sdk in (gemini, vertex):
            better = improve(sdk, asked).parsed
            assert isinstance(better, Better)
            assert better.prompt.startswith(asked)
            assert len(better.prompt) > len(asked)
            assert better.negative_prompt
            assert not better.is_unsafe
    assert requests(emulator, prompt=asked)["counts"] == {"text": 2}


def test_the_text_model_takes_a_json_schema_or_none(gemini: genai.Client) -> None:
    config = types.GenerateContentConfig(
        response_mime_type="application/json", response_json_schema=Better.model_json_schema()
    )
    answer = gemini.models.generate_content(model=TEXT_MODEL, contents=prompt(), config=config)
    assert isinstance(answer.parsed, dict)
    Better.model_validate(answer.parsed)
    plain = gemini.models.generate_content(model=TEXT_MODEL, contents=prompt())
    assert plain.text is not None
    assert plain.text.startswith("a heron")


@pytest.mark.parametrize("marker", ["text_truncated", "text_badjson", "text_blocked", "text_empty"])
def test_an_unusable_answer_is_parsed_as_none_without_an_exception(gemini: genai.Client, marker: str) -> None:
    answer = improve(gemini, prompt(f"[{marker}]"))
    assert answer.parsed is None
    if marker == "text_blocked":
        assert answer.candidates is None
        assert answer.prompt_feedback is not None
        assert answer.prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT


def test_a_limit_on_the_answer_truncates_it(gemini: genai.Client) -> None:
    answer = improve(gemini, prompt(), max_output_tokens=10)
    assert answer.candidates is not None
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert answer.parsed is None


def test_the_text_model_can_call_a_prompt_unfit(gemini: genai.Client) -> None:
    better = improve(gemini, prompt("[text_flagged]")).parsed
    assert isinstance(better, Better)
    assert better.is_unsafe


def test_the_text_model_fails_as_asked(emulator: Emulator, gemini: genai.Client, key: str) -> None:
    for marker, code in (("text_429", 429), ("text_500", 500), ("text_503", 503)):
        asked = prompt(f"[{marker}:1]")
        with pytest.raises(errors.APIError) as failed:
            improve(gemini, asked)
        assert failed.value.code == code
        assert improve(gemini, asked).parsed
    with pytest.raises(httpx2.RemoteProtocolError):
        improve(gemini, prompt("[text_drop]"))
    with gemini_client(emulator, key, timeout_seconds=0.3) as hasty, pytest.raises(httpx2.ReadTimeout):
        improve(hasty, prompt("[text_hang]"))


def test_a_wrong_key_and_a_retired_model_are_refused(emulator: Emulator, gemini: genai.Client) -> None:
    with gemini_client(emulator, "AIzaWrong") as stranger:
        with pytest.raises(errors.ClientError, match="API key not valid") as refused:
            improve(stranger, prompt())
        assert refused.value.code == 400
    with pytest.raises(errors.ClientError, match="no longer available"):
        gemini.models.generate_content(model="gemini-2.5-flash", contents=prompt())
    assert httpx.post(f"{emulator.url}/v1/models/{TEXT_MODEL}:generateContent", json={}).status_code == 403


def test_omni_makes_a_clip_that_the_key_downloads(emulator: Emulator, gemini: genai.Client, key: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (640, 360), "teal").save(buffer, "PNG")
    started = omni(gemini, prompt(), image=buffer.getvalue(), aspect_ratio="9:16", duration="5s")
    assert started.status == "in_progress"
    video = ended(gemini, started).output_video
    file_id = video.uri.rpartition("/")[2].partition(":")[0]
    assert gemini.files.get(name=f"files/{file_id}").state == types.FileState.ACTIVE
    assert httpx.get(video.uri).status_code == 403
    data = httpx.get(video.uri, headers={"x-goog-api-key": key}).raise_for_status().content
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames) == (720, 1280, 5 * 24)
    gemini.files.delete(name=f"files/{file_id}")
    assert httpx.get(video.uri, headers={"x-goog-api-key": key}).status_code == 403


def test_omni_can_put_the_clip_into_the_answer(gemini: genai.Client) -> None:
    video = ended(gemini, omni(gemini, prompt(), delivery="inline", duration="3s")).output_video
    assert base64.b64decode(video.data)[4:8] == b"ftyp"


def test_omni_without_background_answers_when_the_clip_is_there(gemini: genai.Client) -> None:
    asked: dict[str, Any] = {
        "model": OMNI,
        "input": prompt(),
        "response_format": {"type": "video", "duration": "3s", "delivery": "uri"},
    }
    interaction: Any = gemini.interactions.create(**asked)
    assert interaction.status == "completed"
    assert interaction.output_video.uri


@pytest.mark.parametrize("marker", ["safety", "opsafety", "operror", "overloaded"])
def test_omni_says_in_the_interaction_why_it_failed(gemini: genai.Client, marker: str) -> None:
    failed = ended(gemini, omni(gemini, prompt(f"[{marker}]")))
    assert failed.status == "failed"
    assert failed.errors[0].message
    assert failed.output_video is None


@pytest.mark.parametrize(
    ("marker", "status"), [("429", 429), ("503", 503), ("500", 500), ("400", 400), ("403", 403), ("404", 404)]
)
def test_omni_refuses_as_asked(emulator: Emulator, gemini: genai.Client, marker: str, status: int) -> None:
    asked = prompt(f"[{marker}]")
    with pytest.raises(Exception) as refused:  # noqa: PT011  (its classes are private to the SDK)
        omni(gemini, asked)
    assert getattr(refused.value, "status_code", None) == status
    assert requests(emulator, prompt=asked)["counts"] == {"create": 1}


@pytest.mark.parametrize(
    "video", [{"duration": "16s"}, {"duration": "2s"}, {"resolution": "144p"}, {"aspect_ratio": "1:1"}]
)
def test_omni_refuses_what_it_cannot_make(gemini: genai.Client, video: dict[str, Any]) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011  (its classes are private to the SDK)
        omni(gemini, prompt(), **video)
    assert getattr(refused.value, "status_code", None) == 400


def test_a_file_may_be_processing_after_its_interaction_completed(gemini: genai.Client, key: str) -> None:
    video = ended(gemini, omni(gemini, prompt("[not_active:2]"))).output_video
    name = "files/" + video.uri.rpartition("/")[2].partition(":")[0]
    assert httpx.get(video.uri, headers={"x-goog-api-key": key}).status_code == 400
    states = [gemini.files.get(name=name).state for _ in range(3)]
    assert states == [types.FileState.PROCESSING, types.FileState.PROCESSING, types.FileState.ACTIVE]
    assert httpx.get(video.uri, headers={"x-goog-api-key": key}).status_code == 200
