"""The main job, end to end on the real parts: ordered through supabase-py, made by the worker, played."""

from __future__ import annotations

import asyncio
import io
import json
import time
from typing import TYPE_CHECKING, Any, cast

import av
import pytest
from PIL import Image
from postgrest import APIError

from tests.support.database import connect
from tests.support.people import service_client, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack
    from tests.support.people import Person

CREDITS = 1000
_PATIENCE_SECONDS = 60.0


@pytest.fixture
async def person(stack: Stack) -> AsyncIterator[Person]:
    """Somebody with credits, while the worker polls every second."""
    service = await service_client(stack)
    await (
        service.table("system_configs")
        .update({"value": 1})
        .eq("key", "video_poll_interval_seconds")
        .execute()
    )
    somebody = await sign_up(stack)
    grant = {"user_id": str(somebody.id), "amount": CREDITS, "reason": "test"}
    await service.rpc("admin_grant_credits", grant).execute()
    yield somebody
    await (
        service.table("system_configs")
        .update({"value": 10})
        .eq("key", "video_poll_interval_seconds")
        .execute()
    )


async def call(person: Person, name: str, **arguments: object) -> Any:
    return (await person.client.rpc(name, arguments).execute()).data


async def ended(person: Person, task: dict[str, Any]) -> dict[str, Any]:
    """The status of a task once it is terminal."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        status: dict[str, Any] = await call(person, "get_video_status", task_id=task["task_id"])
        if status["status"] in ("completed", "failed", "cancelled"):
            return status
        assert time.monotonic() < deadline, f"still {status}"
        await asyncio.sleep(0.2)


def measure(content: bytes) -> tuple[int, int, float]:
    """Width, height and seconds of a video, played to its end."""
    with av.open(io.BytesIO(content), "r") as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        return stream.width, stream.height, frames / float(stream.average_rate or 0)


async def audit(stack: Stack) -> list[dict[str, Any]]:
    async with connect(stack) as connection:
        return await (await connection.execute("select * from private.audit_ledger()")).fetchall()


async def test_a_person_orders_a_video_and_plays_it(stack: Stack, person: Person) -> None:
    task = await call(person, "generate_video", prompt="A paper boat", duration=6, aspect_ratio="9:16")
    assert task["status"] == "pending"
    assert (task["credit_cost"], task["balance"]) == (60, CREDITS - 60)

    status = await ended(person, task)

    assert status["status"] == "completed", status
    assert status["error"] is None
    video = status["video"]
    assert video["path"] == f"{person.id}/{task['task_id']}.mp4"
    content = await person.client.storage.from_(video["bucket"]).download(video["path"])
    assert len(content) == video["file_size_bytes"]
    width, height, seconds = measure(content)
    assert (width, height) == (video["width"], video["height"]) == (720, 1280)
    assert seconds == pytest.approx(6, abs=0.5)

    picture = await person.client.storage.from_(video["bucket"]).download(video["thumbnail_path"])
    with Image.open(io.BytesIO(picture)) as thumbnail:
        assert thumbnail.width < thumbnail.height <= 1280

    listed = await person.client.table("videos").select("*").execute()
    rows = cast("list[dict[str, Any]]", listed.data)
    assert [row["permanent_video_url"] for row in rows] == [f"videos/{video['path']}"]
    entries = await call(person, "list_credit_transactions")
    assert [(entry["type"], entry["amount"]) for entry in entries["items"]] == [
        ("video_generation", -60),
        ("admin_grant", CREDITS),
    ]
    assert await audit(stack) == []


async def test_a_signed_url_plays_and_a_stranger_gets_none(stack: Stack, person: Person) -> None:
    task = await call(person, "generate_video", prompt="A kite", duration=4)
    video = (await ended(person, task))["video"]
    bucket = person.client.storage.from_(video["bucket"])
    assert (await bucket.create_signed_url(video["path"], 60))["signedURL"]

    stranger = await sign_up(stack)
    assert (await stranger.client.table("videos").select("id").execute()).data == []
    with pytest.raises(APIError) as hidden:
        await call(stranger, "get_video_status", task_id=task["task_id"])
    assert hidden.value.code == "task_not_found"
    with pytest.raises(Exception, match="not found"):
        await stranger.client.storage.from_(video["bucket"]).create_signed_url(video["path"], 60)


async def test_an_own_image_becomes_the_first_frame(stack: Stack, person: Person) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (1280, 720), (200, 30, 30)).save(buffer, "PNG")
    path = f"{person.id}/red.png"
    images = person.client.storage.from_("reference-images")
    await images.upload(path, buffer.getvalue(), {"content-type": "image/png"})

    task = await call(person, "generate_video", prompt="It glows", duration=4, reference_image_path=path)
    status = await ended(person, task)

    assert status["status"] == "completed", status
    content = await person.client.storage.from_("videos").download(status["video"]["path"])
    with av.open(io.BytesIO(content), "r") as container:
        first = next(container.decode(video=0)).to_image()  # type: ignore[no-untyped-call]
    red, green, blue = cast("tuple[int, int, int]", first.getpixel((640, 200)))
    assert red > 150
    assert max(green, blue) < 100


async def test_a_refused_clip_gives_the_credits_back_once(stack: Stack, person: Person) -> None:
    task = await call(person, "generate_video", prompt="Not this [safety]", duration=8, resolution="1080p")
    assert task["balance"] == CREDITS - 120

    status = await ended(person, task)

    assert (status["status"], status["error"]["code"]) == ("failed", "safety_filter")
    assert "credits are back" in status["error"]["message"]
    assert status["refunded_credits"] == 120
    assert (await call(person, "get_credits"))["balance"] == CREDITS
    entries = await call(person, "list_credit_transactions")
    assert [entry["amount"] for entry in entries["items"]] == [120, -120, CREDITS]
    assert await audit(stack) == []


async def test_errors_reach_supabase_py_with_code_and_details(stack: Stack) -> None:
    poor = await sign_up(stack)
    with pytest.raises(APIError) as refused:
        await call(poor, "generate_video", prompt="A yacht")
    assert refused.value.code == "insufficient_credits"
    assert json.loads(refused.value.details or "") == {"required": 80, "available": 0}
    with pytest.raises(APIError) as wrong:
        await call(poor, "generate_video", prompt="A yacht", duration=5)
    assert wrong.value.code == "invalid_parameter"
    assert json.loads(wrong.value.details or "") == {"parameter": "duration", "allowed": [4, 6, 8]}
