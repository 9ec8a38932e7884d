"""A user is deleted while he orders: no deadlock, nothing half done, and nothing of him left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.concurrency.shop import GENERATE, Shop
from tests.support.sessions import Refusal, open_session

if TYPE_CHECKING:
    from uuid import UUID

    from functions_py.local.stack import Stack
    from tests.support.sessions import Observer

DELETIONS = {
    "hard": "delete from auth.users where id = %s",
    "soft": "update auth.users set deleted_at = now() where id = %s",
}


async def _forget_account(shop: Shop, user_id: UUID) -> None:
    """As after a sign-up whose trigger failed: the account is made on first use."""
    await shop.database.execute("delete from public.credit_accounts where user_id = %s", (user_id,))


@pytest.mark.parametrize("kind", DELETIONS)
async def test_an_order_before_the_deletion_is_settled_by_it(
    stack: Stack, shop: Shop, watch: Observer, kind: str
) -> None:
    user_id = await shop.user(1000)
    async with (
        open_session(stack, user=user_id) as caller,
        open_session(stack, "supabase_auth_admin") as auth,
    ):
        await caller.begin()
        order = await caller.call(GENERATE)
        deletion = auth.start(DELETIONS[kind], (user_id,))
        await watch.until_blocked(auth)
        assert await caller.commit() is None
        assert await deletion is None

    task = await shop.task(order["task_id"])
    assert (task["status"], task["error_code"], task["user_id"]) == ("failed", "user_deleted", None)
    assert await shop.refunds(order["task_id"]) == 1


async def test_an_image_recorded_before_the_deletion_is_forgotten_by_it(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    user_id = await shop.user()
    path = f"{user_id}/cat.png"
    await shop.database.execute(
        "insert into storage.objects (bucket_id, name) values ('reference-images', %s)", (path,)
    )
    async with (
        open_session(stack, user=user_id) as caller,
        open_session(stack, "supabase_auth_admin") as auth,
    ):
        await caller.begin()
        image = await caller.call("select public.record_image('my cat', 'reference-images', %s)", (path,))
        deletion = auth.start(DELETIONS["hard"], (user_id,))
        await watch.until_blocked(auth)
        assert await caller.commit() is None
        assert await deletion is None

    left = await shop.rows(
        "select user_id, prompt from public.image_generation_history where id = %s", (image["id"],)
    )
    assert left == [{"user_id": None, "prompt": None}]


@pytest.mark.parametrize("kind", DELETIONS)
async def test_an_order_after_the_deletion_is_refused(
    stack: Stack, shop: Shop, watch: Observer, kind: str
) -> None:
    user_id = await shop.user(1000)
    async with (
        open_session(stack, user=user_id) as caller,
        open_session(stack, "supabase_auth_admin") as auth,
    ):
        await auth.begin()
        assert await auth.ask(DELETIONS[kind], (user_id,)) is None
        order = caller.start(GENERATE)
        await watch.until_blocked(caller)
        assert await auth.commit() is None
        refused = await order

    assert isinstance(refused, Refusal)
    assert refused.code == "not_authenticated"
    assert await _accounts_of(shop, user_id) == 0


@pytest.mark.parametrize("kind", DELETIONS)
async def test_an_account_that_is_being_made_is_forgotten_too(
    stack: Stack, shop: Shop, watch: Observer, kind: str
) -> None:
    """The first order of a user without an account is under way when he is deleted."""
    user_id = await shop.user()
    await _forget_account(shop, user_id)
    async with open_session(stack) as caller, open_session(stack, "supabase_auth_admin") as auth:
        await caller.begin()
        account_id = await caller.call("select (private.lock_account(%s)).id", (user_id,))
        deletion = auth.start(DELETIONS[kind], (user_id,))
        await watch.until_blocked(auth)
        assert await caller.commit() is None
        assert await deletion is None

    assert await shop.one("select user_id from public.credit_accounts where id = %s", (account_id,)) is None


@pytest.mark.parametrize("kind", DELETIONS)
async def test_no_account_is_made_for_who_is_being_deleted(
    stack: Stack, shop: Shop, watch: Observer, kind: str
) -> None:
    user_id = await shop.user()
    await _forget_account(shop, user_id)
    async with (
        open_session(stack, user=user_id) as caller,
        open_session(stack, "supabase_auth_admin") as auth,
    ):
        await auth.begin()
        assert await auth.ask(DELETIONS[kind], (user_id,)) is None
        order = caller.start(GENERATE)
        await watch.until_blocked(caller)
        assert await auth.commit() is None
        refused = await order

    assert isinstance(refused, Refusal)
    assert refused.code == "not_authenticated"
    assert await _accounts_of(shop, user_id) == 0


async def test_who_has_an_account_can_sign_in_while_he_orders(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    """Only an account that is being made holds its user's row."""
    user_id = await shop.user(1000)
    async with (
        open_session(stack, user=user_id) as caller,
        open_session(stack, "supabase_auth_admin") as auth,
    ):
        await caller.begin()
        await caller.call(GENERATE)
        sign_in = auth.start("update auth.users set last_sign_in_at = now() where id = %s", (user_id,))
        assert not await watch.until_blocked_or_done(auth, sign_in)
        assert await caller.commit() is None


async def test_two_deletions_at_once_forget_once(stack: Stack, shop: Shop, watch: Observer) -> None:
    user_id = await shop.user(1000)
    (task_id,) = await shop.order(user_id)
    async with (
        open_session(stack, "supabase_auth_admin") as first,
        open_session(stack, "supabase_auth_admin") as second,
    ):
        await first.begin()
        assert await first.ask(DELETIONS["soft"], (user_id,)) is None
        late = second.start(DELETIONS["hard"], (user_id,))
        await watch.until_blocked(second)
        assert await first.commit() is None
        assert await late is None

    assert await shop.refunds(task_id) == 1


async def _accounts_of(shop: Shop, user_id: UUID) -> int:
    return int(await shop.one("select count(*) from public.credit_accounts where user_id = %s", (user_id,)))
