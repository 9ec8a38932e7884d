"""Veo at the emulator, as the real SDK shows it: every marker is seen from the client's side."""

from __future__ import annotations

import base64
import io
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from google.genai import errors, types
from PIL import Image

from tests.contract.google_client import (
    BUCKET,
    MODEL,
    address,
    by_name,
    client,
    create,
    object_url,
    requests,
    storage,
    token,
    wait,
)
from tests.contract.google_emulator import Emulator, google_emulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google import genai


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with google_emulator(tmp_path_factory.mktemp("google"), generation_seconds=0.2) as running:
        yield running


@pytest.fixture(scope="module")
def sdk(emulator: Emulator) -> Iterator[genai.Client]:
    with client(emulator) as made:
        yield made


def prompt(markers: str = "") -> str:
    """A prompt that no other test uses, so that counts are its own."""
    return f"a fox in the snow {uuid.uuid4()} {markers}".strip()


def png(width: int = 1280, height: int = 720) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (20, 120, 160)).save(buffer, "PNG")
    return buffer.getvalue()


def objects(emulator: Emulator, prefix: str) -> list[dict[str, Any]]:
    with storage(emulator) as http:
        listing = http.get(f"/storage/v1/b/{BUCKET}/o", params={"prefix": prefix}).json()
    found: list[dict[str, Any]] = listing.get("items", [])
    return found


def test_an_operation_is_running_and_then_done_with_the_address_of_its_clip(
    emulator: Emulator, sdk: genai.Client
) -> None:
    operation = create(sdk, prompt(), output_gcs_uri=f"gs://{BUCKET}/task/1/")
    assert operation.name is not None
    place = "projects/reelbase-test/locations/us-central1/publishers/google/models"
    assert operation.name.startswith(f"{place}/{MODEL}/operations/")
    assert sdk.operations.get(operation).done is None
    done = wait(sdk, by_name(operation.name))
    assert done.error is None
    assert address(done).startswith(f"gs://{BUCKET}/task/1/")
    assert address(done).endswith("/sample_0.mp4")
    with storage(emulator) as http:
        assert http.get(object_url(address(done)), params={"alt": "media"}).content[4:8] == b"ftyp"


async def test_the_async_client_gets_the_same(emulator: Emulator) -> None:
    async with client(emulator).aio as sdk:

        async def ask(markers: str) -> types.GenerateVideosOperation:
            return await sdk.models.generate_videos(
                model=MODEL,
                source=types.GenerateVideosSource(prompt=prompt(markers)),
                config=types.GenerateVideosConfig(output_gcs_uri=f"gs://{BUCKET}/"),
            )

        operation = await ask("[slow]")
        assert operation.name
        assert (await sdk.operations.get(operation)).done is None
        with pytest.raises(errors.ClientError, match="RESOURCE_EXHAUSTED"):
            await ask("[429]")
        with pytest.raises(errors.ServerError, match="Bad Gateway"):
            await ask("[html502]")
        with pytest.raises(httpx2.RemoteProtocolError):
            await ask("[drop]")
        assert (await ask("[empty200]")).name is None


def test_without_an_address_the_clip_is_in_the_answer(sdk: genai.Client) -> None:
    done = wait(sdk, create(sdk, prompt(), output_gcs_uri=None))
    assert done.response is not None
    assert done.response.generated_videos is not None
    video = done.response.generated_videos[0].video
    assert video is not None
    assert video.video_bytes is not None
    assert video.video_bytes[4:8] == b"ftyp"


def test_several_samples_are_several_objects(emulator: Emulator, sdk: genai.Client) -> None:
    folder = str(uuid.uuid4())
    wait(sdk, create(sdk, prompt(), number_of_videos=2, output_gcs_uri=f"gs://{BUCKET}/{folder}"))
    names = [found["name"].rpartition("/")[2] for found in objects(emulator, f"{folder}/")]
    assert names == ["sample_0.mp4", "sample_1.mp4"]


@pytest.mark.parametrize(
    ("marker", "kind", "code", "status"),
    [
        ("[429]", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
        ("[503]", errors.ServerError, 503, "UNAVAILABLE"),
        ("[500]", errors.ServerError, 500, "INTERNAL"),
        ("[400]", errors.ClientError, 400, "INVALID_ARGUMENT"),
        ("[403]", errors.ClientError, 403, "PERMISSION_DENIED"),
        ("[404]", errors.ClientError, 404, "NOT_FOUND"),
        ("[html502]", errors.ServerError, 502, "Bad Gateway"),
    ],
)
def test_a_refused_create_starts_nothing(
    emulator: Emulator, sdk: genai.Client, marker: str, kind: type[errors.APIError], code: int, status: str
) -> None:
    asked = prompt(marker)
    with pytest.raises(kind) as refused:
        create(sdk, asked)
    assert (refused.value.code, refused.value.status) == (code, status)
    seen = requests(emulator, prompt=asked)
    assert seen["counts"] == {"create": 1}
    assert seen["operations"] == {}


def test_a_retired_model_says_so(sdk: genai.Client) -> None:
    for model, text in ((MODEL, prompt("[404]")), ("veo-3.0-generate-001", prompt())):
        with pytest.raises(errors.ClientError, match="no longer available") as refused:
            create(sdk, text, model=model)
        assert refused.value.code == 404


def test_hang_never_answers(emulator: Emulator) -> None:
    asked = prompt("[hang]")
    with client(emulator, timeout_seconds=0.5) as impatient, pytest.raises(httpx2.ReadTimeout):
        create(impatient, asked)
    (seen,) = requests(emulator, prompt=asked)["requests"]
    assert (seen["status"], seen["operation"]) == (None, None)


@pytest.mark.parametrize(("marker", "operations"), [("[drop]", 1), ("[drop_lost]", 0)])
def test_drop_closes_the_connection_after_or_before_the_operation_began(
    emulator: Emulator, sdk: genai.Client, marker: str, operations: int
) -> None:
    asked, folder = prompt(marker), str(uuid.uuid4())
    with pytest.raises(httpx2.RemoteProtocolError):
        create(sdk, asked, output_gcs_uri=f"gs://{BUCKET}/{folder}/")
    httpx.post(f"{emulator.url}/_emulator/finish", json={"prompt": asked}).raise_for_status()
    assert len(objects(emulator, f"{folder}/")) == operations
    assert requests(emulator, prompt=asked)["operations"].get(asked, 0) == operations


def test_empty200_has_no_name_but_a_clip(emulator: Emulator, sdk: genai.Client) -> None:
    asked, folder = prompt("[empty200]"), str(uuid.uuid4())
    assert create(sdk, asked, output_gcs_uri=f"gs://{BUCKET}/{folder}/").name is None
    httpx.post(f"{emulator.url}/_emulator/finish", json={"prompt": asked}).raise_for_status()
    assert len(objects(emulator, f"{folder}/")) == 1


def test_safety_is_a_response_without_videos_and_with_a_support_code(sdk: genai.Client) -> None:
    done = wait(sdk, create(sdk, prompt("[safety]")))
    assert done.error is None
    assert done.response is not None
    assert done.response.generated_videos is None
    assert done.response.rai_media_filtered_count == 1
    assert "58061214" in str(done.response.rai_media_filtered_reasons)


@pytest.mark.parametrize(("marker", "code"), [("[opsafety]", 3), ("[operror]", 13), ("[overloaded]", 8)])
def test_a_failed_operation_has_an_error_and_no_response(sdk: genai.Client, marker: str, code: int) -> None:
    done = wait(sdk, create(sdk, prompt(marker)))
    assert done.response is None
    assert done.error is not None
    assert done.error["code"] == code
    assert done.error["message"]


def test_noresult_is_done_with_nothing_in_it(sdk: genai.Client) -> None:
    done = wait(sdk, create(sdk, prompt("[noresult]")))
    assert done.error is None
    assert done.response is not None
    assert done.response.generated_videos is None
    assert done.response.rai_media_filtered_count is None


def test_slow_ends_only_when_told(emulator: Emulator, sdk: genai.Client) -> None:
    operation = create(sdk, prompt("[slow]"))
    other = create(sdk, prompt("[slow]"))
    wait(sdk, create(sdk, prompt()))
    assert sdk.operations.get(operation).done is None
    answer = httpx.post(f"{emulator.url}/_emulator/finish", json={"operation": operation.name}, timeout=30)
    assert answer.json() == {"finished": [operation.name]}
    assert address(sdk.operations.get(operation))
    assert sdk.operations.get(other).done is None


def test_nofile_names_an_object_that_is_not_there(emulator: Emulator, sdk: genai.Client) -> None:
    uri = address(wait(sdk, create(sdk, prompt("[nofile]"))))
    with storage(emulator) as http:
        assert http.get(object_url(uri), params={"alt": "media"}).status_code == 404


def test_polls_fail_three_times_and_then_work(sdk: genai.Client) -> None:
    unavailable, dropped = create(sdk, prompt("[poll_503]")), create(sdk, prompt("[poll_drop]"))
    for _ in range(3):
        with pytest.raises(errors.ServerError, match="UNAVAILABLE"):
            sdk.operations.get(unavailable)
        with pytest.raises(httpx2.RemoteProtocolError):
            sdk.operations.get(dropped)
    assert address(wait(sdk, unavailable))
    assert address(wait(sdk, dropped))


def test_a_counted_marker_fails_so_often_and_then_no_more(emulator: Emulator, sdk: genai.Client) -> None:
    asked = prompt("[429:2] [503:1] [operror:1]")
    codes = []
    for _ in range(3):
        with pytest.raises(errors.APIError) as refused:
            create(sdk, asked)
        codes.append(refused.value.code)
    assert codes == [429, 429, 503]
    assert wait(sdk, create(sdk, asked)).error is not None
    assert address(wait(sdk, create(sdk, asked)))
    assert requests(emulator, prompt=asked)["prompts"][asked]["create"] == 5


def test_tasks_with_the_same_prompt_fail_apart(sdk: genai.Client) -> None:
    asked = prompt("[429:1]")
    for task in ("one", "two"):
        with pytest.raises(errors.ClientError):
            create(sdk, asked, labels={"task": task, "attempt": "1"})
        assert create(sdk, asked, labels={"task": task, "attempt": "2"}).name


@pytest.mark.parametrize(
    "config",
    [
        {"duration_seconds": 5},
        {"resolution": "480p"},
        {"resolution": "4k"},
        {"aspect_ratio": "1:1"},
        {"number_of_videos": 5},
        {"output_gcs_uri": "https://example.com/clips"},
        {"fps": 30},
        {"person_generation": "everybody"},
        {"labels": {"Task": "1"}},
        {"last_frame": types.Image(image_bytes=png(), mime_type="image/png")},
    ],
    ids=lambda config: next(iter(config)),
)
def test_what_veo_cannot_do_is_an_invalid_argument(sdk: genai.Client, config: dict[str, Any]) -> None:
    with pytest.raises(errors.ClientError) as refused:
        create(sdk, prompt(), **config)
    assert (refused.value.code, refused.value.status) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("data", "mime_type"),
    [(b"not a picture", "image/png"), (png()[:200], "image/png"), (png(), "image/webp")],
    ids=["no picture", "half a picture", "another type"],
)
def test_a_reference_image_must_be_a_whole_png_or_jpeg(
    sdk: genai.Client, data: bytes, mime_type: str
) -> None:
    with pytest.raises(errors.ClientError) as refused:
        create(sdk, prompt(), image=types.Image(image_bytes=data, mime_type=mime_type))
    assert refused.value.code == 400


def test_a_reference_image_may_lie_in_the_bucket(emulator: Emulator, sdk: genai.Client) -> None:
    with storage(emulator) as http:
        http.post(
            f"/upload/storage/v1/b/{BUCKET}/o",
            params={"uploadType": "media", "name": "references/one.png"},
            content=png(),
            headers={"content-type": "image/png"},
        ).raise_for_status()
    image = types.Image(gcs_uri=f"gs://{BUCKET}/references/one.png", mime_type="image/png")
    assert address(wait(sdk, create(sdk, prompt(), image=image)))
    missing = types.Image(gcs_uri=f"gs://{BUCKET}/references/two.png", mime_type="image/png")
    with pytest.raises(errors.ClientError) as refused:
        create(sdk, prompt(), image=missing)
    assert refused.value.code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"instances": [{"prompt": "x"}], "parameters": {"durationSeconds": "4"}},
        {"instances": [{"prompt": "x"}, {"prompt": "y"}]},
        {"instances": [{"prompt": " "}]},
        {"instances": [{"image": {"bytesBase64Encoded": "%%%", "mimeType": "image/png"}}]},
        {"instances": [{"prompt": "x"}], "idempotencyKey": "1"},
        {"parameters": {}},
    ],
    ids=["text for a number", "two instances", "no prompt", "no base64", "unknown name", "no instance"],
)
def test_a_malformed_body_is_an_invalid_argument(emulator: Emulator, body: dict[str, Any]) -> None:
    place = f"/v1beta1/projects/p/locations/us-central1/publishers/google/models/{MODEL}"
    headers = {"authorization": f"Bearer {token(emulator)}"}
    answer = httpx.post(f"{emulator.url}{place}:predictLongRunning", json=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


def test_an_image_of_more_than_20_mb_is_refused(emulator: Emulator, sdk: genai.Client) -> None:
    data = base64.b64decode("iVBORw0KGgo=") + bytes(20 * 1024 * 1024)
    with pytest.raises(errors.ClientError, match="20 MB"):
        create(sdk, prompt(), image=types.Image(image_bytes=data, mime_type="image/png"))


def test_an_unknown_operation_or_region_is_not_found(emulator: Emulator, sdk: genai.Client) -> None:
    place = f"projects/reelbase-test/locations/us-central1/publishers/google/models/{MODEL}"
    with pytest.raises(errors.ClientError) as refused:
        sdk.operations.get(by_name(f"{place}/operations/{uuid.uuid4()}"))
    assert refused.value.code == 404
    headers = {"authorization": f"Bearer {token(emulator)}"}
    elsewhere = place.replace("us-central1", "europe-west1")
    answer = httpx.post(
        f"{emulator.url}/v1beta1/{elsewhere}:predictLongRunning",
        json={"instances": [{"prompt": "x"}]},
        headers=headers,
    )
    assert answer.status_code == 404


def test_a_bucket_that_is_not_there_fails_the_operation(sdk: genai.Client) -> None:
    done = wait(sdk, create(sdk, prompt(), output_gcs_uri="gs://missing-bucket/clips/"))
    assert done.error is not None
    assert done.error["code"] == 7
