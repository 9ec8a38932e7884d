"""Realtime is the platform's: without it, or with one that fails, every task goes its way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import AsyncConnection
from psycopg.rows import scalar_row

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.support.worker import Customer

_ILL = """
    create or replace function realtime.send(
        payload jsonb, event text, topic text, private boolean default true
    ) returns void language plpgsql as $$begin raise exception 'Realtime is ill'; end$$
"""
_CANCEL = """
    select private.end_task(private.lock_task(%s), 'cancelled', null, 'system')
"""


async def test_a_task_ends_without_realtime_and_with_one_that_fails(
    workshop: Stack, customer: Customer
) -> None:
    task_id = await customer.order("a quiet street")
    for change in ("alter schema realtime rename to elsewhere", _ILL):
        async with await AsyncConnection.connect(workshop.admin_db_url, row_factory=scalar_row) as connection:
            await connection.execute(change)
            installed = await connection.execute("select private.install_realtime()")
            assert await installed.fetchone() is (change == _ILL)
            await connection.execute(_CANCEL, (task_id,))
            await connection.execute("set constraints all immediate")
            query = "select status from public.video_generation_history where id = %s"
            assert await (await connection.execute(query, (task_id,))).fetchone() == "cancelled"
            await connection.rollback()
    assert (await customer.call("cancel_video", task_id=task_id))["status"] == "cancelled"


async def test_where_realtime_keeps_its_policies_to_itself_it_is_said(workshop: Stack) -> None:
    notices: list[str | None] = []
    async with await AsyncConnection.connect(workshop.admin_db_url, row_factory=scalar_row) as connection:
        connection.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        await connection.execute("alter table realtime.messages owner to supabase_admin")
        await connection.execute("set local role postgres")
        installed = await connection.execute("select private.install_realtime()")
        assert await installed.fetchone() is False
        await connection.rollback()
    assert notices == ["Realtime does not let us make a policy: must be owner of relation messages"]
