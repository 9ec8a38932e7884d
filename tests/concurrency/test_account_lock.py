"""Whoever changes a person's money or work waits for that person's account first, and for nobody else's.

While he waits he holds nothing else: somebody who keeps to the order may want it while he holds that account.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.concurrency.acts import AUTH, BY_STAGE, SWEEP, Act, Cast, opened_cast
from tests.concurrency.shop import STORED_VIDEO, Shop, hold_account
from tests.support.sessions import Refusal, open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from functions_py.local.stack import Stack
    from tests.concurrency.shop import Job
    from tests.support.sessions import Observer

USER, OPERATOR = "authenticator", "postgres"
PAY = (
    "select public.record_payment('acme', 'event', 'order.paid', 'paid', '{{}}', 'new order', {of},"
    " product_id => 'small', mode => 'prod', amount => 1000, currency => 'EUR', paid_amount => 1000)"
)
PAY_BACK = (
    "select public.record_payment('acme', 'event', 'order.refunded', 'refunded', '{{}}', '{order}',"
    " paid_amount => 1000, refunded_amount => 1000)"
)

NEED_NO_ACCOUNT = {"extend"}
"""Worker verbs that touch the lease alone."""

ACTS = (
    Act("order", "select public.generate_video('a dog')", USER),
    Act("cancel", "select public.cancel_video('{submit}')", USER),
    Act("delete a video", "select public.delete_video('{completed}')", USER),
    Act("record an image", "select public.record_image('', 'reference-images', '{user}/new.png')", USER),
    Act("delete an image", "select public.delete_image('{image}')", USER),
    Act("show a video", "select public.publish_to_showcase('{completed}')", USER),
    Act("show an image", "select public.publish_to_showcase(image_id => '{image}')", USER),
    Act("withdraw", "select public.remove_from_showcase('{item}')", USER),
    Act("improve a prompt", "select public.begin_prompt_optimization('a fox', 'video')", USER),
    Act("begin a purchase", "select public.begin_checkout('small')", USER),
    Act("pay what was begun", PAY.replace("{of}", "payment_id => '{checkout}'"), OPERATOR),
    Act("pay at once", PAY.replace("{of}", "user_id => '{user}'"), OPERATOR),
    Act("pay back", PAY_BACK, OPERATOR),
    Act("grant", "select public.admin_grant_credits('{user}', 1, 'test')", OPERATOR),
    Act("deduct", "select public.admin_deduct_credits('{user}', 1, 'test')", OPERATOR),
    Act("refund", "select public.admin_refund_video('{completed}', 'test')", OPERATOR),
    Act("download again", "select public.admin_retry_download('{failed}')", OPERATOR),
    Act("roll back", "select public.admin_rollback('test')", OPERATOR),
    SWEEP,
    Act("delete the user", "delete from auth.users where id = '{user}'", AUTH),
    Act("delete him softly", "update auth.users set deleted_at = now() where id = '{user}'", AUTH),
)

LATER = (
    "select from public.video_generation_history for update nowait",
    "select from private.video_jobs for update nowait",
    "select from public.image_generation_history for update nowait",
    "select from public.showcase_items for update nowait",
    "select from public.payments for update nowait",
    "select from private.model_brakes for update nowait",
    "select from private.daily_spend for update nowait",
)
"""Every row whose turn comes after the accounts."""


@dataclass(frozen=True)
class World:
    """A user who has something of everything, and a stranger who has it too."""

    user_id: UUID
    stranger_id: UUID
    jobs: dict[str, Job]
    names: dict[str, object]

    def all_acts(self) -> list[tuple[str, str, str]]:
        """Name, role and statement of everything that is about the user."""
        return [(act.name, act.role, act.statement.format(**self.names)) for act in ACTS] + [
            (f"{act.name} ({stage})", act.role, act.about(self.jobs[stage], self.user_id))
            for stage, acts in BY_STAGE.items()
            for act in acts
            if act.name not in NEED_NO_ACCOUNT
        ]


async def test_everybody_waits_for_the_account_with_nothing_in_his_hands(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    async with (
        _opened_world(stack, shop) as (world, cast),
        open_session(stack) as gate,
        open_session(stack) as probe,
    ):
        for name, role, statement in world.all_acts():
            actor = cast.first[role]
            await hold_account(gate, world.user_id)
            await actor.begin()
            waiting = actor.start(statement)
            assert await watch.until_blocked_or_done(actor, waiting), (
                f"{name} waits for no account: {await waiting}"
            )
            for later in LATER:
                held = await probe.ask(later)
                assert not isinstance(held, Refusal), f"{name} waits for the account and fails {later}"
            await gate.rollback()
            answer = await waiting
            assert not isinstance(answer, Refusal), f"{name}: {answer}"
            await actor.rollback()


async def test_nobody_waits_for_the_account_of_a_stranger(stack: Stack, shop: Shop, watch: Observer) -> None:
    async with _opened_world(stack, shop) as (world, cast), open_session(stack) as gate:
        await hold_account(gate, world.stranger_id)
        for name, role, statement in world.all_acts():
            actor = cast.first[role]
            await actor.begin()
            acting = actor.start(statement)
            assert not await watch.until_blocked_or_done(actor, acting), f"{name} waits for a stranger"
            assert not isinstance(await acting, Refusal), f"{name}: {await acting}"
            await actor.rollback()
        await gate.rollback()


async def test_whoever_comes_second_to_an_account_that_is_being_made_holds_it_too(
    stack: Stack, shop: Shop, watch: Observer
) -> None:
    user_id = await shop.user()
    await shop.database.execute("delete from public.credit_accounts where user_id = %s", (user_id,))
    make = "select (private.lock_account(%s)).id"
    async with open_session(stack) as first, open_session(stack) as second:
        await first.begin()
        account_id = await first.call(make, (user_id,))
        await second.begin()
        late = second.start(make, (user_id,))
        await watch.until_blocked(second)
        assert await first.commit() is None
        assert await late == account_id
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await first.call(
                "select from public.credit_accounts where id = %s for update nowait", (account_id,)
            )
        await second.rollback()


@contextlib.asynccontextmanager
async def _opened_world(stack: Stack, shop: Shop) -> AsyncIterator[tuple[World, Cast]]:
    await shop.configure("video_concurrent_limit", 100)
    await shop.database.execute(
        "insert into public.credit_packages (id, name, credits, amount, currency, provider, product_id)"
        " values ('small', 'Small', 100, 1000, 'EUR', 'acme', 'small') on conflict do nothing"
    )
    # The user's account is the last in the order: who settles tasks of many waits for it holding the others.
    accounts = await _accounts(shop, [await shop.user(5000) for _ in range(2)])
    (other_id, user_id), stranger_id = accounts, await shop.user(5000)
    jobs = {stage: await shop.job(stage, user_id=user_id) for stage in BY_STAGE}
    names = await _possessions(shop, user_id) | {stage: job.task_id for stage, job in jobs.items()}
    await _possessions(shop, stranger_id)
    late = [await shop.job("poll", user_id=other_id), await shop.job("poll", user_id=user_id)]
    await shop.database.execute(
        "update private.video_jobs"
        " set deadline_at = now() - interval '1 hour', due_at = now() - interval '1 minute'"
        " where task_id = any(%s)",
        ([job.task_id for job in late],),
    )
    async with opened_cast(stack) as cast:
        await cast.sign_in(user_id)
        yield World(user_id, stranger_id, jobs, names), cast
    await shop.database.execute("delete from private.payment_events")
    await shop.database.execute("delete from public.payments")
    await shop.database.execute("delete from public.credit_packages")


async def _accounts(shop: Shop, users: list[UUID]) -> list[UUID]:
    """The users in the order of their accounts."""
    rows = await shop.rows(
        "select user_id from public.credit_accounts where user_id = any(%s) order by id", (users,)
    )
    return [row["user_id"] for row in rows]


async def _possessions(shop: Shop, user_id: UUID) -> dict[str, object]:
    """A bit of everything: two videos, one of them lost, images, an item in the showcase, purchases."""
    done, failed = await shop.job("transfer", user_id=user_id), await shop.job("transfer", user_id=user_id)
    await shop.verb("complete_video(%s, %s, %s)", done.task_id, done.lease, STORED_VIDEO)
    for _ in range(20):
        answer = await shop.verb("fail_video(%s, %s, 'download_failed', '{}')", failed.task_id, failed.lease)
        if answer["status"] == "failed":
            break
        failed = await shop.claim(failed.task_id)
        await shop.verb("begin_transfer(%s, %s)", failed.task_id, failed.lease)
    await shop.database.execute(
        "insert into storage.objects (bucket_id, name, metadata)"
        ' select \'reference-images\', %s::text || name, \'{"mimetype": "image/png", "size": 1000}\''
        " from unnest('{/1.png,/2.png,/new.png}'::text[]) as name",
        (user_id,),
    )
    async with open_session(shop.stack, user=user_id) as session:
        record = "select public.record_image('', 'reference-images', %s)"
        image, shown = [(await session.call(record, (f"{user_id}/{n}.png",)))["id"] for n in (1, 2)]
        item = (await session.call("select public.publish_to_showcase(image_id => %s)", (shown,)))["id"]
        checkout = (await session.call("select public.begin_checkout('small')"))["payment_id"]
    names: dict[str, object] = {
        "user": user_id,
        "completed": done.task_id,
        "failed": failed.task_id,
        "image": image,
        "item": item,
        "checkout": checkout,
        "order": f"order of {user_id}",
    }
    pay = PAY.replace("new order", "{order}").replace("{of}", "user_id => '{user}'").format(**names)
    assert (await shop.one(pay))["result"] == "applied"
    return names
