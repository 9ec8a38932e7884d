"""supabase-py calls every RPC, gets its errors, and reads tables by filter, order, range and count.

The worker does not run meanwhile: an order stays `pending`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import pytest
import pytest_asyncio
from postgrest import APIError, CountMethod

from tests.contract.rpc import call, grant, refused, refused_by_platform
from tests.support.people import anonymous_client, service_client, sign_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from supabase import AsyncClient

    from functions_py.local.stack import Stack
    from tests.support.people import Person


@pytest.fixture(scope="module", autouse=True)
def _no_worker(stack: Stack) -> Iterator[None]:
    stack.stop("worker")
    yield
    stack.start_service("worker")


@pytest_asyncio.fixture
async def service(stack: Stack) -> AsyncClient:
    """The server's client."""
    return await service_client(stack)


@pytest_asyncio.fixture
async def person(stack: Stack, service: AsyncClient) -> Person:
    """Somebody with 100 credits."""
    somebody = await sign_up(stack)
    await grant(service, somebody, 100)
    return somebody


@pytest_asyncio.fixture
async def stranger(stack: Stack) -> Person:
    """Somebody else, without any."""
    return await sign_up(stack, name="stranger")


async def test_an_order_is_paid_shown_listed_and_cancelled(person: Person) -> None:
    task = await call(person.client, "generate_video", prompt="A kite", duration=4, model=None)
    assert (task["status"], task["credit_cost"], task["balance"]) == ("pending", 40, 60)
    assert await call(person.client, "get_credits") == {
        "balance": 60,
        "active_tasks": 1,
        "concurrent_limit": 3,
    }
    status = await call(person.client, "get_video_status", task_id=task["task_id"])
    assert (status["status"], status["video"], status["error"]) == ("pending", None, None)
    listed = await call(person.client, "list_videos", status="in_progress")
    assert [item["task_id"] for item in listed["items"]] == [task["task_id"]]

    cancelled = await call(person.client, "cancel_video", task_id=task["task_id"])

    assert (cancelled["status"], cancelled["refunded_credits"]) == ("cancelled", 40)
    entries = (await call(person.client, "list_credit_transactions"))["items"]
    assert [(entry["type"], entry["amount"]) for entry in entries] == [
        ("video_refund", 40),
        ("video_generation", -40),
        ("admin_grant", 100),
    ]


async def test_prices_are_there_for_everybody(stack: Stack) -> None:
    client = await anonymous_client(stack)
    prices = await call(client, "list_video_prices")
    quoted = await call(client, "quote_video", duration=6, resolution="1080p")
    assert quoted in prices
    assert (await call(client, "get_video_availability"))["enabled"]
    # A read may be asked for by GET.
    got = await client.rpc("quote_video", {"duration": 6, "resolution": "1080p"}, get=True).execute()
    assert got.data == quoted


async def test_pages_go_through_everything_once(service: AsyncClient, stranger: Person) -> None:
    for amount in (1, 2, 3):
        await grant(service, stranger, amount)
    amounts, cursor = [], None
    while True:
        page = await call(stranger.client, "list_credit_transactions", cursor=cursor, page_size=2)
        amounts += [entry["amount"] for entry in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert amounts == [3, 2, 1]


async def test_every_refusal_has_its_code_and_details(
    service: AsyncClient, person: Person, stranger: Person
) -> None:
    client = person.client
    key = str(uuid4())
    task = await call(client, "generate_video", prompt="A kite", duration=4, idempotency_key=key)
    again = await call(client, "generate_video", prompt="A kite", duration=4, idempotency_key=key)
    assert again["task_id"] == task["task_id"]

    assert await refused(client, "generate_video", prompt="A kite", duration=5) == (
        "invalid_parameter",
        {"parameter": "duration", "allowed": [4, 6, 8]},
    )
    assert await refused(client, "generate_video", prompt="Another", duration=8, idempotency_key=key) == (
        "idempotency_conflict",
        {"fields": ["duration", "prompt"], "task_id": task["task_id"]},
    )
    assert await refused(client, "generate_video", prompt="A yacht", duration=8) == (
        "insufficient_credits",
        {"required": 80, "available": 60},
    )
    for name in ("get_video_status", "cancel_video"):
        assert (await refused(stranger.client, name, task_id=task["task_id"]))[0] == "task_not_found"
    gift = {"user_id": str(person.id), "amount": 5, "reason": "a gift"}
    assert (await refused(client, "admin_grant_credits", **gift))[0] == "not_admin"
    assert (await refused(service, "admin_grant_credits", **gift | {"user_id": str(uuid4())}))[0] == (
        "user_not_found"
    )
    image = f"{person.id}/missing.png"
    assert (await refused(client, "generate_video", prompt="A kite", reference_image_path=image))[0] == (
        "image_not_found"
    )


async def test_one_task_too_many_says_when_to_come_back(service: AsyncClient, person: Person) -> None:
    await grant(service, person, 100)
    for prompt in ("one", "two", "three"):
        await call(person.client, "generate_video", prompt=prompt, duration=4)
    code, details = await refused(person.client, "generate_video", prompt="four", duration=4)
    assert (code, details["limit"], details["active"]) == ("concurrent_limit_exceeded", 3, 3)
    assert details["retry_after_seconds"] > 0


async def test_the_platforms_own_errors_pass_unchanged(stack: Stack, person: Person) -> None:
    assert await refused_by_platform(await anonymous_client(stack), "get_credits") == "42501"
    assert await refused_by_platform(person.client, "make_me_rich") == "PGRST202"
    assert await refused_by_platform(person.client, "get_video_status", task_id="x") == "22P02"


async def test_filters_order_ranges_and_counts(service: AsyncClient, stranger: Person) -> None:
    for amount in (10, 20, 30, 40):
        await grant(service, stranger, amount, f"grant of {amount}")
    table = stranger.client.table("credit_transactions")

    async def amounts(query: Any) -> list[int]:
        rows = cast("list[dict[str, Any]]", (await query.order("amount").execute()).data)
        return [row["amount"] for row in rows]

    assert await amounts(table.select("amount").eq("amount", 20)) == [20]
    assert await amounts(table.select("amount").gt("amount", 20).lt("amount", 40)) == [30]
    assert await amounts(table.select("amount").in_("amount", [10, 40, 99])) == [10, 40]
    assert await amounts(table.select("amount").or_("amount.eq.10,amount.gte.40")) == [10, 40]
    assert await amounts(table.select("amount").ilike("reason", "GRANT%3%")) == [30]
    assert await amounts(table.select("amount").is_("task_id", "null").neq("amount", 10)) == [20, 30, 40]
    assert await amounts(table.select("amount").eq("reason", 'a "b", (c)')) == []
    assert await amounts(table.select("amount").limit(2)) == [10, 20]
    assert await amounts(table.select("amount").range(1, 2)) == [20, 30]

    counted = await table.select("amount", count=CountMethod.exact).limit(1).execute()
    assert (counted.count, len(counted.data)) == (4, 1)
    head = await table.select("amount", count=CountMethod.exact, head=True).execute()
    assert (head.count, head.data) == (4, [])


async def test_one_row_or_none(person: Person) -> None:
    await call(person.client, "generate_video", prompt="A kite", duration=4)
    videos = person.client.table("videos")
    one = await videos.select("*").eq("prompt", "A kite").single().execute()
    row = cast("dict[str, Any]", one.data)
    assert (row["user_id"], row["status"], row["credit_cost"]) == (str(person.id), "pending", 40)
    assert await videos.select("id").eq("prompt", "A ship").maybe_single().execute() is None
    with pytest.raises(APIError) as none:
        await videos.select("id").eq("prompt", "A ship").single().execute()
    assert none.value.code == "PGRST116"


async def test_nobody_reads_or_writes_what_is_not_his(stack: Stack, person: Person, stranger: Person) -> None:
    await call(person.client, "generate_video", prompt="A kite", duration=4)
    signed_out = await anonymous_client(stack)
    for table in ("videos", "credit_transactions"):
        seen = await stranger.client.table(table).select("id", count=CountMethod.exact).execute()
        assert (seen.count, seen.data) == (0, [])
        with pytest.raises(APIError, match="permission denied"):
            await signed_out.table(table).select("id").execute()
    accounts = person.client.table("credit_accounts")
    with pytest.raises(APIError) as denied:
        await accounts.update({"balance": 1_000_000}).eq("user_id", str(person.id)).execute()
    assert denied.value.code == "42501"
    profiles = person.client.table("profiles")
    renamed = await profiles.update({"display_name": "Ada"}).eq("id", str(person.id)).execute()
    assert cast("list[dict[str, Any]]", renamed.data)[0]["display_name"] == "Ada"
    with pytest.raises(APIError) as hidden:
        await person.client.schema("private").table("video_jobs").select("*").execute()
    assert hidden.value.code == "PGRST106"
