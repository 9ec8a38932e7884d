"""One user's calls at the same moment: the limit, the balance and the idempotency key hold exactly."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import UUID

from tests.concurrency.shop import GENERATE, PRICE, Shop, hold_account
from tests.support.sessions import Refusal, open_session, open_sessions

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.support.sessions import Observer


async def test_fifty_orders_at_once_fill_exactly_the_limit(stack: Stack, shop: Shop, watch: Observer) -> None:
    user_id = await shop.user(100_000)
    async with open_session(stack) as gate, open_sessions(stack, 50, user=user_id) as callers:
        await hold_account(gate, user_id)
        orders = [caller.start(GENERATE) for caller in callers]
        await watch.until_blocked(*callers)
        await gate.commit()
        answers = await asyncio.gather(*orders)

    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    assert len(answers) - len(refusals) == 3
    assert {refusal.code for refusal in refusals} == {"concurrent_limit_exceeded"}
    assert all(refusal.details and refusal.details["active"] == 3 for refusal in refusals)
    assert await shop.balance(user_id) == 100_000 - 3 * PRICE
    assert await shop.one("select count(*) from private.video_jobs") == 3


async def test_credits_for_three_orders_pay_exactly_three(stack: Stack, shop: Shop, watch: Observer) -> None:
    await shop.configure("video_concurrent_limit", 1000)
    user_id = await shop.user(3 * PRICE + 10)
    async with open_session(stack) as gate, open_sessions(stack, 20, user=user_id) as callers:
        await hold_account(gate, user_id)
        orders = [caller.start(GENERATE) for caller in callers]
        await watch.until_blocked(*callers)
        await gate.commit()
        answers = await asyncio.gather(*orders)

    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    assert sorted(answer["balance"] for answer in answers if not isinstance(answer, Refusal)) == [10, 90, 170]
    assert refusals == [
        Refusal("insufficient_credits", details={"required": PRICE, "available": 10}) for _ in range(17)
    ]
    assert await shop.balance(user_id) == 10


async def test_one_key_used_twenty_times_at_once_is_one_order(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    user_id = await shop.user(1000)
    async with open_session(stack) as gate, open_sessions(stack, 20, user=user_id) as callers:
        await hold_account(gate, user_id)
        order = "select public.generate_video('a cat', idempotency_key => 'the key')"
        orders = [caller.start(order) for caller in callers]
        await watch.until_blocked(*callers)
        await gate.commit()
        answers = await asyncio.gather(*orders)

    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["balance"] == 1000 - PRICE
    assert await shop.balance(user_id) == 1000 - PRICE
    assert await shop.rows(
        "select id from public.video_generation_history where user_id = %s", (user_id,)
    ) == [{"id": UUID(answers[0]["task_id"])}]


async def test_one_key_with_two_requests_at_once_is_one_order_and_one_conflict(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    user_id = await shop.user(1000)
    async with open_session(stack) as gate, open_sessions(stack, 2, user=user_id) as callers:
        await hold_account(gate, user_id)
        orders = [
            caller.start("select public.generate_video(%s, idempotency_key => 'the key')", (prompt,))
            for caller, prompt in zip(callers, ("a cat", "a dog"), strict=True)
        ]
        await watch.until_blocked(*callers)
        await gate.commit()
        answers = await asyncio.gather(*orders)

    (refusal,) = [answer for answer in answers if isinstance(answer, Refusal)]
    assert refusal.code == "idempotency_conflict"
    assert refusal.details is not None
    assert refusal.details["fields"] == ["prompt"]
    assert await shop.balance(user_id) == 1000 - PRICE


async def test_one_users_orders_never_wait_for_anothers(stack: Stack, shop: Shop, watch: Observer) -> None:
    busy, other = await shop.user(1000), await shop.user(1000)
    async with (
        open_session(stack) as gate,
        open_session(stack, user=busy) as waiting,
        open_session(stack, user=other) as free,
    ):
        await hold_account(gate, busy)
        order = waiting.start(GENERATE)
        await watch.until_blocked(waiting)
        assert (await free.call(GENERATE))["status"] == "pending"
        assert not order.done()
        await gate.commit()
        assert (await order)["status"] == "pending"


async def test_the_ledger_numbers_its_entries_without_gaps(stack: Stack, shop: Shop, watch: Observer) -> None:
    await shop.configure("video_concurrent_limit", 1000)
    user_id = await shop.user(10_000)
    tasks = await shop.order(user_id, 5)
    async with (
        open_session(stack) as gate,
        open_sessions(stack, 10) as grantors,
        open_sessions(stack, 10, user=user_id) as callers,
        open_sessions(stack, 5, user=user_id) as cancellers,
    ):
        await hold_account(gate, user_id)
        grant = "select public.admin_grant_credits(%s, 1, 'test')"
        changes = [grantor.start(grant, (user_id,)) for grantor in grantors]
        changes += [caller.start(GENERATE) for caller in callers]
        cancel = "select public.cancel_video(%s)"
        changes += [
            canceller.start(cancel, (task_id,)) for canceller, task_id in zip(cancellers, tasks, strict=True)
        ]
        await watch.until_blocked(*grantors, *callers, *cancellers)
        await gate.commit()
        answers = await asyncio.gather(*changes)

    assert [answer for answer in answers if isinstance(answer, Refusal)] == []
    entries = await shop.rows(
        "select entry_no, amount, balance_before, balance_after from public.credit_transactions as t"
        " where account_id = (select id from public.credit_accounts where user_id = %s) order by entry_no",
        (user_id,),
    )
    assert [entry["entry_no"] for entry in entries] == list(range(1, 1 + 1 + 5 + 10 + 10 + 5))
    balance = 0
    for entry in entries:
        assert entry["balance_before"] == balance
        balance += entry["amount"]
        assert entry["balance_after"] == balance
    assert await shop.balance(user_id) == balance == 10_000 + 10 - 10 * PRICE


async def test_one_grant_repeated_twenty_times_at_once_is_posted_once(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    user_id = await shop.user(5)
    async with open_session(stack) as gate, open_sessions(stack, 20) as grantors:
        await hold_account(gate, user_id)
        grant = "select public.admin_grant_credits(%s, 100, 'test', 'the key')"
        grants = [grantor.start(grant, (user_id,)) for grantor in grantors]
        await watch.until_blocked(*grantors)
        await gate.commit()
        answers = await asyncio.gather(*grants)

    assert answers == [{"balance": 105}] * 20
    assert await shop.balance(user_id) == 105


async def test_one_transaction_pokes_at_a_time_and_nobody_waits_for_it(stack: Stack, shop: Shop) -> None:
    first_user, second_user = await shop.user(1000), await shop.user(1000)
    pokes = "select count(*) from net.http_request_queue"
    before = await shop.one(pokes)
    async with open_session(stack, user=first_user) as first, open_session(stack, user=second_user) as second:
        await first.begin()
        assert (await first.call(GENERATE))["status"] == "pending"
        assert (await second.call(GENERATE))["status"] == "pending"
        assert await shop.one(pokes) == before, "the second one did not poke, the first one has not committed"
        assert await first.commit() is None
        assert await shop.one(pokes) == before + 1
        assert (await second.call(GENERATE))["status"] == "pending"
    assert await shop.one(pokes) == before + 2
