"""The showcase and the optimizer under many hands: exact counts, no deadlock, no copy left."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from tests.concurrency.shop import STORED_VIDEO, Shop, hold_account
from tests.support.sessions import Refusal, open_session, open_sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack
    from tests.support.sessions import Observer, Session

_LIKE = "select public.set_showcase_like(%s, %s)"


async def handed_in(shop: Shop, author: UUID) -> UUID:
    """An item whose copies are still to be made."""
    job = await shop.job("transfer", user_id=author)
    await shop.verb("complete_video(%s, %s, %s)", job.task_id, job.lease, STORED_VIDEO)
    async with open_session(shop.stack, user=author) as session:
        return UUID((await session.call("select public.publish_to_showcase(%s)", (job.task_id,)))["id"])


async def published(shop: Shop, author: UUID) -> UUID:
    item_id = await handed_in(shop, author)
    await shop.database.execute("delete from private.file_jobs where showcase_item_id = %s", (item_id,))
    await shop.database.execute(
        "update public.showcase_items set item_status = 'published', published_at = now() where id = %s",
        (item_id,),
    )
    return item_id


async def likes_of(shop: Shop, item_id: UUID) -> int:
    """How many like it, by the count and by the rows; they must agree."""
    count = await shop.one("select like_count from public.showcase_items where id = %s", (item_id,))
    rows = await shop.one("select count(*) from public.showcase_likes where item_id = %s", (item_id,))
    assert count == rows
    return int(count)


async def test_forty_likes_at_once_are_forty_likes(stack: Stack, shop: Shop, watch: Observer) -> None:
    item_id = await published(shop, await shop.user(1000))
    users = [await shop.user() for _ in range(40)]
    async with open_session(stack) as gate, _sessions_of(stack, users) as callers:
        await gate.begin()
        await gate.call("select from public.showcase_items where id = %s for update", (item_id,))
        likes = [caller.start(_LIKE, (item_id, True)) for caller in callers]
        await watch.until_blocked(*callers)
        await gate.commit()
        answers = await asyncio.gather(*likes)
        assert sorted(answer["like_count"] for answer in answers) == list(range(1, 41))
        assert await likes_of(shop, item_id) == 40

        # Half of them change their minds while the others repeat themselves.
        await asyncio.gather(
            *(caller.start(_LIKE, (item_id, number % 2 == 0)) for number, caller in enumerate(callers))
        )
    assert await likes_of(shop, item_id) == 20


async def test_one_user_who_likes_twenty_times_at_once_likes_once(stack: Stack, shop: Shop) -> None:
    item_id = await published(shop, await shop.user(1000))
    async with open_sessions(stack, 20, user=await shop.user()) as callers:
        answers = await asyncio.gather(*(caller.start(_LIKE, (item_id, True)) for caller in callers))
    assert answers == [{"liked": True, "like_count": 1}] * 20
    assert await likes_of(shop, item_id) == 1


async def test_one_video_handed_in_twice_at_once_is_one_item(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    author = await shop.user(1000)
    job = await shop.job("transfer", user_id=author)
    await shop.verb("complete_video(%s, %s, %s)", job.task_id, job.lease, STORED_VIDEO)
    async with open_session(stack) as gate, open_sessions(stack, 10, user=author) as callers:
        await hold_account(gate, author)
        calls = [caller.start("select public.publish_to_showcase(%s)", (job.task_id,)) for caller in callers]
        await watch.until_blocked(*callers)
        await gate.commit()
        answers = await asyncio.gather(*calls)
    assert all(answer == answers[0] for answer in answers)
    assert await shop.one("select count(*) from private.file_jobs where kind = 'copy'") == 1


@pytest.mark.parametrize("first", ["copy", "withdrawal"])
async def test_a_copy_that_ends_while_its_item_is_withdrawn_leaves_no_file(
    stack: Stack, shop: Shop, watch: Observer, first: str
) -> None:
    author = await shop.user(1000)
    item_id = await handed_in(shop, author)
    claim = await shop.one("select c from worker_api.claim_file_jobs('w', 1, '{copy}') as c")
    complete = "select worker_api.complete_file_job(%s, %s)", (claim["file_job_id"], claim["lease_token"])
    withdraw = "select public.remove_from_showcase(%s)", (item_id,)
    async with open_session(stack, user=author) as caller, open_session(stack, "video_worker") as worker:
        early, late = (worker, caller) if first == "copy" else (caller, worker)
        steps = (complete, withdraw) if first == "copy" else (withdraw, complete)
        await early.begin()
        assert not isinstance(await early.ask(*steps[0]), Refusal)
        second = late.start(*steps[1])
        await watch.until_blocked(late)
        assert await early.commit() is None
        answer = await second
    assert answer == ({"removed": True} if first == "copy" else {"result": "already_applied"})
    assert await shop.one("select count(*) from public.showcase_items where id = %s", (item_id,)) == 0
    left = await shop.rows("select kind, path from private.file_jobs where bucket = 'showcase'")
    assert left == [{"kind": "delete", "path": claim["path"]}] * 2


async def test_an_item_that_is_taken_down_while_its_author_withdraws_it_cannot_be_handed_in_again(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    author = await shop.user(1000)
    item_id = await published(shop, author)
    async with open_session(stack) as reviewer, open_session(stack, user=author) as caller:
        await reviewer.begin()
        await reviewer.call("select public.admin_review_showcase_item(%s, 'take_down', 'cruel')", (item_id,))
        withdrawal = caller.start("select public.remove_from_showcase(%s)", (item_id,))
        await watch.until_blocked(caller)
        assert await reviewer.commit() is None
        assert await withdrawal == {"removed": True}
    status = "select item_status from public.showcase_items where id = %s"
    assert await shop.one(status, (item_id,)) == "taken_down"


async def test_two_users_who_like_each_others_items_leave_at_once(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    users = [await shop.user(2000) for _ in range(2)]
    items = {user: [await published(shop, user) for _ in range(3)] for user in users}
    kept = await published(shop, await shop.user(1000))
    async with _sessions_of(stack, users) as callers:
        for caller, other in zip(callers, reversed(users), strict=True):
            for item_id in (*items[other], kept):
                await caller.call(_LIKE, (item_id, True))
    assert await likes_of(shop, kept) == 2
    async with open_session(stack) as gate, open_sessions(stack, 2, "supabase_auth_admin") as leaving:
        await gate.begin()
        await gate.call("select from public.showcase_items order by id for update")
        deletions = [
            session.start("delete from auth.users where id = %s", (user,))
            for session, user in zip(leaving, users, strict=True)
        ]
        await watch.until_blocked(*leaving)
        await gate.commit()
        assert await asyncio.gather(*deletions) == [None, None]
    assert await likes_of(shop, kept) == 0
    assert await shop.one("select count(*) from public.showcase_items") == 1


async def test_a_like_of_a_user_who_is_being_deleted_is_refused(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    item_id = await published(shop, await shop.user(1000))
    user = await shop.user()
    async with (
        open_session(stack, "supabase_auth_admin") as auth,
        open_session(stack, user=user) as caller,
    ):
        await auth.begin()
        await auth.call("delete from auth.users where id = %s", (user,))
        like = caller.start(_LIKE, (item_id, True))
        await watch.until_blocked(caller)
        await auth.commit()
        answer = await like
    assert isinstance(answer, Refusal)
    assert answer.code == "not_authenticated"
    assert await likes_of(shop, item_id) == 0


async def test_the_limit_of_optimizations_is_exact(stack: Stack, shop: Shop, watch: Observer) -> None:
    await shop.configure("prompt_optimizer_per_minute", 7)
    user = await shop.user()
    async with open_session(stack) as gate, open_sessions(stack, 20, user=user) as callers:
        await hold_account(gate, user)
        calls = [
            caller.start("select public.begin_prompt_optimization('a fox', 'video')") for caller in callers
        ]
        await watch.until_blocked(*callers)
        await gate.commit()
        answers = await asyncio.gather(*calls)
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    assert [refusal.code for refusal in refusals] == ["rate_limited"] * 13
    begun = "select count(*) from public.prompt_optimizations where user_id = %s"
    assert await shop.one(begun, (user,)) == 7


@contextlib.asynccontextmanager
async def _sessions_of(stack: Stack, users: list[UUID]) -> AsyncIterator[list[Session]]:
    """One for each user."""
    async with contextlib.AsyncExitStack() as exits:
        yield [await exits.enter_async_context(open_session(stack, user=user)) for user in users]
