"""What races are about: users with credits, tasks brought to a stage, settings, and the audit."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from tests.support.database import connect
from tests.support.sessions import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from functions_py.local.stack import Stack
    from tests.support.database import Connection
    from tests.support.sessions import Session

PRICE = 80
"""Credits of a default video."""

GENERATE = "select public.generate_video('a cat on a roof')"

STORED_VIDEO = json.dumps(
    {"size_bytes": 1000, "sha256": "ab" * 32, "width": 1280, "height": 720, "duration_seconds": 8.0}
)


@dataclass(frozen=True)
class Job:
    """A task in the hands of a worker."""

    task_id: UUID
    lease: UUID


@dataclass(frozen=True, eq=False)
class Shop:
    """The database as role postgres, through one connection in autocommit."""

    stack: Stack
    database: Connection

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, stack: Stack) -> AsyncIterator[Shop]:
        async with connect(stack) as database:
            shop = cls(stack, database)
            settings = await shop.rows("select key, value from public.system_configs")
            yield shop
            for row in settings:
                await shop.configure(row["key"], row["value"])

    async def rows(self, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        return await (await self.database.execute(query.encode(), parameters)).fetchall()

    async def one(self, query: str, parameters: Sequence[object] = ()) -> Any:
        """The only value of the only row."""
        (row,) = await self.rows(query, parameters)
        (value,) = row.values()
        return value

    async def configure(self, key: str, value: object) -> None:
        await self.database.execute(
            "update public.system_configs set value = %s where key = %s and value <> %s::jsonb",
            (json.dumps(value), key, json.dumps(value)),
        )

    async def user(self, balance: int = 0) -> UUID:
        """A confirmed user, as Auth would make him, with credits."""
        user_id = uuid4()
        await self.database.execute(
            "insert into auth.users (id, aud, role, email, email_confirmed_at, created_at, updated_at)"
            " values (%s, 'authenticated', 'authenticated', %s, now(), now(), now())",
            (user_id, f"{user_id}@example.com"),
        )
        if balance:
            await self.one("select public.admin_grant_credits(%s, %s, 'test')", (user_id, balance))
        return user_id

    async def order(self, user_id: UUID, count: int = 1, *, model: str | None = None) -> list[UUID]:
        """Tasks, ordered by their user one after the other."""
        order = "select public.generate_video('a cat on a roof', model => %s)"
        async with open_session(self.stack, user=user_id) as session:
            return [UUID((await session.call(order, (model,)))["task_id"]) for _ in range(count)]

    async def models(self, count: int) -> list[str]:
        """Models like the default one, each with a brake of its own."""
        names = [f"model-{number}" for number in range(count)]
        await self.database.execute(
            "insert into public.video_models ("
            " id, provider, provider_model, display_name, has_negative_prompt, has_reference_image)"
            " select name, m.provider, m.provider_model, name, true, true"
            " from public.video_models as m cross join unnest(%s::text[]) as name where m.id = 'veo-3.1'"
            " on conflict do nothing",
            (names,),
        )
        await self.database.execute(
            "insert into public.video_model_options (model, resolution, duration, usd_per_second,"
            " typical_seconds, slow_seconds)"
            " select name, o.resolution, o.duration, o.usd_per_second, o.typical_seconds, o.slow_seconds"
            " from public.video_model_options as o cross join unnest(%s::text[]) as name"
            " where o.model = 'veo-3.1' on conflict do nothing",
            (names,),
        )
        return names

    async def job(self, stage: str, *, user_id: UUID | None = None, model: str | None = None) -> Job:
        """A new task, brought by the worker's own verbs to where a worker holds it in this stage.

        Stages: submit, submitting, reconcile, poll, transfer.
        """
        user_id = user_id or await self.user(1000)
        (task_id,) = await self.order(user_id, model=model)
        job = await self.claim(task_id)
        if stage != "submit":
            assert (await self.verb("begin_submit(%s, %s)", task_id, job.lease))["submit"]
        if stage == "reconcile":
            await self.verb("requeue_submit(%s, 1, 'unknown', '{}', null)", task_id)
            job = await self.claim(task_id)
        if stage in {"poll", "transfer"}:
            await self.verb("record_operation(%s, 1, %s)", task_id, f"operations/{task_id}")
            job = await self.claim(task_id)
        if stage == "transfer":
            made = '{"google_video_url": "gs://clips/1.mp4"}'
            await self.verb("record_poll(%s, %s, 'succeeded', %s)", task_id, job.lease, made)
            job = await self.claim(task_id)
            await self.verb("begin_transfer(%s, %s)", task_id, job.lease)
            await self.store_file(task_id)
        return job

    async def claim(self, task_id: UUID) -> Job:
        """Has a worker claim this task, due or not, by the verb that workers use."""
        # Two transactions: a row that is changed twice in one has its foreign keys checked again, which waits
        # for whoever holds the account. A claim alone never does.
        await self.database.execute(
            "update private.video_jobs set due_at = '-infinity' where task_id = %s", (task_id,)
        )
        claimed = await self.rows(
            "select c ->> 'lease_token' as lease"
            " from private.video_jobs as j"
            " cross join worker_api.claim_jobs("
            "     'worker-1', (j.stage = 'submit')::integer,"
            "     (j.stage not in ('submit', 'transfer'))::integer, (j.stage = 'transfer')::integer) as c"
            " where j.task_id = %s and c ->> 'task_id' = j.task_id::text",
            (task_id,),
        )
        (row,) = claimed
        return Job(task_id, UUID(row["lease"]))

    async def verb(self, call: str, *parameters: object) -> Any:
        """A verb of worker_api that must be applied."""
        answer = await self.one(f"select worker_api.{call}", parameters)
        assert answer["result"] == "applied", answer
        return answer

    async def task(self, task_id: UUID) -> dict[str, Any]:
        (row,) = await self.rows("select * from public.video_generation_history where id = %s", (task_id,))
        return row

    async def refunds(self, task_id: UUID) -> int:
        """How many refunds a task has had."""
        return int(
            await self.one(
                "select count(*) from public.credit_transactions"
                " where task_id = %s and type = 'video_refund'",
                (task_id,),
            )
        )

    async def balance(self, user_id: UUID) -> int:
        return int(
            await self.one("select balance from public.credit_accounts where user_id = %s", (user_id,))
        )

    @contextlib.asynccontextmanager
    async def stopped_clock(self) -> AsyncIterator[None]:
        """private.now() stands still, for all sessions; for rules that change with the minute."""
        running = await self.one("select pg_get_functiondef('private.now'::regproc)")
        still = await self.one("select format('select %%L::timestamptz', date_trunc('minute', now()))")
        await self.database.execute(
            f"create or replace function private.now() returns timestamptz language sql volatile"
            f" security invoker set search_path = '' as $${still}$$"
        )
        try:
            yield
        finally:
            await self.database.execute(running)

    async def assert_settled(self) -> None:
        """The audit finds nothing."""
        assert await self.rows("select * from private.audit_ledger()") == []

    async def clear(self) -> None:
        """Deletes all users, and with them what they have running; then what that leaves behind."""
        await self.configure("video_generation_enabled", True)
        await self.database.execute("delete from auth.users")
        for table in ("file_jobs", "daily_spend", "model_brakes", "alerts"):
            await self.database.execute(f"delete from private.{table}")
        await self.database.execute("update public.video_models set paused_at = null, pause_reason = null")

    async def store_file(self, task_id: UUID) -> None:
        """The row that Storage would hold for a task's file."""
        await self.database.execute(
            "insert into storage.objects (bucket_id, name, metadata)"
            " select 'videos', user_id || '/' || id || '.mp4', '{\"size\": 1000}'"
            " from public.video_generation_history where id = %s",
            (task_id,),
        )


async def hold_account(session: Session, user_id: UUID) -> None:
    """Opens a transaction that holds a user's account, the first lock of everything about his money."""
    await session.begin()
    await session.call("select from public.credit_accounts where user_id = %s for update", (user_id,))
