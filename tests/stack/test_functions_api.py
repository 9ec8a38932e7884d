"""The facade over HTTP: the JSON and the codes of the RPCs, with the manners of HTTP around them."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
import pytest_asyncio

from tests.support.functions import caller, functions, functions_with
from tests.support.people import service_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack
    from tests.support.people import Person

GENERATE = "/api/v1/video/generate"
ORDER = {"prompt": "A paper boat", "duration": 4}
SECRET = "a-legacy-secret-of-a-project-0123456789"


@pytest_asyncio.fixture
async def signed_in(stack: Stack) -> AsyncIterator[tuple[Person, httpx.AsyncClient]]:
    async with caller(stack, credit=1000) as both:
        yield both


@pytest.fixture
def http(signed_in: tuple[Person, httpx.AsyncClient]) -> httpx.AsyncClient:
    """The functions, signed in with 1000 credits."""
    return signed_in[1]


def details(answer: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.json()["details"])
    return found


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert set(answer.json()) == {"code", "message", "details", "hint"}
    return answer.status_code, answer.json()["code"]


async def test_an_order_is_taken_followed_and_played(http: httpx.AsyncClient) -> None:
    ordered = await http.post(GENERATE, json=ORDER)
    assert ordered.status_code == 202
    task = ordered.json()
    assert (task["status"], task["credit_cost"], task["balance"]) == ("pending", 40, 960)
    location = ordered.headers["location"]
    assert location == f"/api/v1/video/status/{task['task_id']}"

    deadline = time.monotonic() + 90
    while (status := (await http.get(location)).raise_for_status()).json()["status"] != "completed":
        assert status.headers["retry-after"] == "5"
        assert status.json()["video"] is None
        assert time.monotonic() < deadline, status.text
        await asyncio.sleep(0.2)
    assert "retry-after" not in status.headers
    assert status.headers["cache-control"] == "no-store"
    video = status.json()["video"]
    async with httpx.AsyncClient(trust_env=False) as stranger:
        clip = await stranger.get(video["url"], headers={"range": "bytes=0-15"})
        assert (clip.status_code, clip.content[4:8]) == (206, b"ftyp")
        poster = await stranger.get(video["thumbnail_url"])
        assert poster.headers["content-type"].startswith("image/")
    assert video["url_expires_at"] > status.json()["completed_at"]


async def test_the_other_name_does_the_same(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/generate-video", json=ORDER)
    assert (answer.status_code, set(answer.json())) == (
        202,
        {"task_id", "status", "credit_cost", "balance", "estimated_seconds", "created_at"},
    )


@pytest.mark.parametrize("key", ["a-key", '"a-key"'])
async def test_an_idempotency_key_orders_once(http: httpx.AsyncClient, key: str) -> None:
    first = await http.post(GENERATE, json=ORDER, headers={"idempotency-key": key})
    again = await http.post(GENERATE, json=ORDER | {"idempotency_key": "a-key"})
    assert (again.status_code, again.json()["task_id"]) == (202, first.json()["task_id"])
    assert again.json()["balance"] == 960
    other = await http.post(GENERATE, json=ORDER | {"prompt": "Another"}, headers={"idempotency-key": key})
    assert refusal(other) == (409, "idempotency_conflict")
    assert details(other)["fields"] == ["prompt"]


async def test_two_different_keys_in_one_call_are_refused(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        GENERATE, json=ORDER | {"idempotency_key": "one"}, headers={"idempotency-key": "two"}
    )
    assert refusal(answer) == (422, "invalid_parameter")
    assert details(answer)["parameter"] == "idempotency_key"


async def test_the_errors_of_the_rpc_pass_as_they_are(stack: Stack) -> None:
    async with caller(stack, credit=130) as (_, http):
        for _ in range(3):
            assert (await http.post(GENERATE, json=ORDER | {"prompt": "Wait [slow]"})).status_code == 202
        busy = await http.post(GENERATE, json=ORDER)
        assert refusal(busy) == (429, "concurrent_limit_exceeded")
        assert int(busy.headers["retry-after"]) == details(busy)["retry_after_seconds"]
        assert "Retry-After" in busy.headers.get("access-control-expose-headers", "Retry-After")
    async with caller(stack, credit=10) as (_, http):
        poor = await http.post(GENERATE, json=ORDER)
        assert refusal(poor) == (402, "insufficient_credits")
        assert details(poor) == {"required": 40, "available": 10}
        odd = await http.post(GENERATE, json=ORDER | {"duration": 5})
        assert refusal(odd) == (422, "invalid_parameter")
        assert details(odd) == {"parameter": "duration", "allowed": [4, 6, 8]}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"prompt": "x", "duration": "8"}, "duration"),
        ({"prompt": "x", "duration": True}, "duration"),
        ({"prompt": ["x"]}, "prompt"),
        ({"prompt": "x", "reference_image_id": "no-uuid"}, "reference_image_id"),
        ({"prompt": "x", "user_id": str(uuid.uuid4())}, "user_id"),
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(
    http: httpx.AsyncClient, body: dict[str, object], parameter: str
) -> None:
    answer = await http.post(GENERATE, json=body)
    assert refusal(answer) == (422, "invalid_parameter")
    assert details(answer)["parameter"] == parameter


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b'{"prompt": "\\ud800"}', b"\xff"])
async def test_a_body_that_is_no_json_object_is_told_so(http: httpx.AsyncClient, body: bytes) -> None:
    assert refusal(await http.post(GENERATE, content=body)) == (400, "malformed_request")


async def test_a_body_above_the_limit_is_not_read(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 1024

    for content in (b" " * 300_000, endless()):
        assert refusal(await http.post(GENERATE, content=content)) == (413, "payload_too_large")


async def test_a_task_is_shown_to_its_owner_alone(stack: Stack, http: httpx.AsyncClient) -> None:
    task = (await http.post(GENERATE, json=ORDER)).json()["task_id"]
    async with caller(stack) as (_, stranger):
        for unknown in (task, str(uuid.uuid4())):
            answer = await stranger.get(f"/api/v1/video/status/{unknown}")
            assert refusal(answer) == (404, "task_not_found")
    assert refusal(await http.get("/api/v1/video/status/7")) == (400, "22P02")


async def test_without_a_token_of_this_project_nothing_is_done(stack: Stack) -> None:
    forged = jwt.encode(
        {
            "iss": f"{stack.env['API_URL']}/auth/v1",
            "aud": "authenticated",
            "sub": str(uuid.uuid4()),
            "exp": int(time.time()) + 60,
        },
        SECRET,
        algorithm="HS256",
    )
    async with functions(stack) as http:
        for authorization in (
            None,
            "Bearer",
            f"Basic {forged}",
            f"Bearer {forged}",
            f"Bearer {stack.env['PUBLISHABLE_KEY']}",
            f"Bearer {stack.env['SECRET_KEY']}",
            f"Bearer {stack.env['ANON_KEY']}",
            f"Bearer {stack.env['SERVICE_ROLE_KEY']}",
        ):
            headers = {} if authorization is None else {"authorization": authorization}
            answer = await http.post(GENERATE, json=ORDER, headers=headers)
            assert refusal(answer) == (401, "not_authenticated"), authorization
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_token_that_outlives_its_user_is_told_to_sign_in(
    stack: Stack, signed_in: tuple[Person, httpx.AsyncClient]
) -> None:
    person, http = signed_in
    await (await service_client(stack)).auth.admin.delete_user(str(person.id))
    assert refusal(await http.post(GENERATE, json=ORDER)) == (401, "not_authenticated")


async def test_a_browser_of_any_origin_may_call_and_read_the_headers(http: httpx.AsyncClient) -> None:
    origin = {"origin": "https://shop.example"}
    preflight = await http.options(
        GENERATE,
        headers=origin
        | {
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type,idempotency-key",
        },
    )
    assert preflight.status_code == 200
    assert "Idempotency-Key" in preflight.headers["access-control-allow-headers"]
    answer = await http.post(GENERATE, json={}, headers=origin)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"Location", "Retry-After"} <= set(answer.headers["access-control-expose-headers"].split(", "))
    assert "access-control-allow-credentials" not in answer.headers


async def test_other_origins_can_be_shut_out() -> None:
    async with functions_with(functions_cors_origins="https://shop.example") as http:
        for origin, allowed in (
            ("https://shop.example", "https://shop.example"),
            ("https://evil.example", None),
        ):
            answer = await http.get("/healthz", headers={"origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed


async def test_what_does_not_exist_is_told_in_the_same_shape(http: httpx.AsyncClient) -> None:
    assert refusal(await http.get("/api/nothing")) == (404, "not_found")
    wrong = await http.get(GENERATE)
    assert refusal(wrong) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"


async def test_while_supabase_is_away_callers_are_asked_to_come_back() -> None:
    token = jwt.encode(
        {
            "iss": "http://127.0.0.1:1/auth/v1",
            "aud": "authenticated",
            "sub": str(uuid.uuid4()),
            "exp": int(time.time()) + 60,
        },
        SECRET,
        algorithm="HS256",
    )
    async with functions_with(supabase_jwt_secret=SECRET) as http:
        answer = await http.post(GENERATE, json=ORDER, headers={"authorization": f"Bearer {token}"})
        assert refusal(answer) == (503, "upstream_unavailable")
        assert int(answer.headers["retry-after"]) == details(answer)["retry_after_seconds"]
        assert (await http.get("/healthz")).json() == {"alive": True}
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (503, False)


async def test_every_request_has_an_id_that_the_log_repeats(stack: Stack, http: httpx.AsyncClient) -> None:
    given = uuid.uuid4().hex
    answer = await http.post(
        GENERATE, json={"prompt": "secret words [slow]"}, headers={"x-request-id": given}
    )
    assert answer.headers["x-request-id"] == given
    insane = await http.get("/api/nothing", headers={"x-request-id": 'a"b\tc'})
    assert insane.headers["x-request-id"].isalnum()
    log = (stack.logs / "functions.log").read_text()
    (line,) = [json.loads(line) for line in log.splitlines() if given in line]
    assert (line["method"], line["path"], line["status"]) == ("POST", GENERATE, answer.status_code)
    assert "secret words" not in log
    assert http.headers["authorization"].split()[1] not in log
