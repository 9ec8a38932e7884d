"""One lock order, everywhere: account, then task, then job, then the day and the brakes.

Everything that may happen to a task is stopped at each of these locks in turn. While it waits there, what
comes later in the order must be free: a verb that held it would deadlock with one that keeps to the order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.concurrency.acts import ANYWHERE, BY_STAGE, opened_cast
from tests.concurrency.shop import hold_account
from tests.support.sessions import Refusal, open_session

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.concurrency.shop import Shop
    from tests.support.sessions import Observer

ORDER = {
    "account": "select from public.credit_accounts where user_id = '{user}' for update nowait",
    "task": "select from public.video_generation_history where id = '{task}' for update nowait",
    "job": "select from private.video_jobs where task_id = '{task}' for update nowait",
    "brake": "select from private.model_brakes for update nowait",
    "day": "select from private.daily_spend for update nowait",
}


@pytest.mark.parametrize("stage", BY_STAGE)
async def test_nobody_holds_a_later_lock_while_waiting_for_an_earlier_one(
    stack: Stack, shop: Shop, watch: Observer, stage: str
) -> None:
    waits: dict[str, set[str]] = {lock: set() for lock in ORDER}
    async with opened_cast(stack) as cast, open_session(stack) as gate, open_session(stack) as probe:
        for act in BY_STAGE[stage] + ANYWHERE:
            for place, lock in enumerate(ORDER):
                await shop.clear()
                user_id = await shop.user(1000)
                job = await shop.job(stage, user_id=user_id)
                await cast.sign_in(user_id)
                locks = [statement.format(user=user_id, task=job.task_id) for statement in ORDER.values()]
                actor = cast.first[act.role]

                await gate.begin()
                await gate.call(locks[place])
                statement = actor.start(act.about(job, user_id))
                if await watch.until_blocked_or_done(actor, statement):
                    waits[lock].add(act.name)
                    for later, later_lock in list(zip(ORDER, locks, strict=True))[place + 1 :]:
                        held = await probe.ask(later_lock)
                        assert not isinstance(held, Refusal), (
                            f"{act.name} waits for the {lock}, holds the {later}"
                        )
                await gate.commit()
                await statement

    # It looked at something: whoever ends a task waits for its account.
    assert waits["account"] >= {"delete user", "cancel", "order another"}
    assert "claim" not in waits["account"] | waits["task"] | waits["job"]


@pytest.mark.parametrize("settle", ["select public.admin_rollback('test')", "select private.sweep()"])
async def test_who_settles_many_has_all_accounts_before_he_touches_a_task(
    stack: Stack, shop: Shop, watch: Observer, settle: str
) -> None:
    for _ in range(2):
        await shop.job("poll", user_id=await shop.user(1000))
    await shop.database.execute(
        "update private.video_jobs set deadline_at = '-infinity', due_at = '-infinity'"
    )
    accounts = await shop.rows(
        "select id, user_id from public.credit_accounts where user_id is not null order by id"
    )
    async with open_session(stack) as gate, open_session(stack) as actor, open_session(stack) as probe:
        await hold_account(gate, accounts[-1]["user_id"])
        statement = actor.start(settle)
        await watch.until_blocked(actor)
        assert isinstance(await probe.ask(ORDER["account"].format(user=accounts[0]["user_id"])), Refusal)
        for table in ("public.video_generation_history", "private.video_jobs", "private.daily_spend"):
            assert not isinstance(await probe.ask(f"select from {table} for update nowait"), Refusal), table
        await gate.commit()
        await statement

    assert await shop.one("select count(*) from private.video_jobs") == 0
