"""plpgsql_check on every function of ours, each trigger function with the table it is on: not one remark."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.database import Connection

_FUNCTIONS = """
    select
        p.oid,
        coalesce(t.tgrelid, 0) as relation,
        p.oid::regprocedure || coalesce(' on ' || t.tgrelid::regclass, '') as name
    from pg_proc as p
    inner join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
    left join (
        select distinct tgfoid, tgrelid from pg_trigger where not tgisinternal
    ) as t on t.tgfoid = p.oid
    where p.pronamespace::regnamespace::text in ('public', 'private', 'worker_api')
"""

_CHECK = """
    select f.name, r.lineno, r.level, r.message, r.detail, r.hint
    from ({functions}) as f
    cross join lateral extensions.plpgsql_check_function_tb(
        f.oid, f.relation, fatal_errors => false, other_warnings => true, extra_warnings => true,
        security_warnings => true, performance_warnings => true
    ) as r
    order by f.name, r.lineno
"""


async def test_plpgsql_check_has_nothing_to_say(admin: Connection) -> None:
    remarks = await (await admin.execute(_CHECK.format(functions=_FUNCTIONS).encode())).fetchall()
    assert remarks == []


async def test_every_trigger_function_is_checked_with_its_table(admin: Connection) -> None:
    functions = await (await admin.execute(_FUNCTIONS.encode())).fetchall()
    triggers = await (
        await admin.execute(
            b"select oid from pg_proc where prorettype = 'trigger'::regtype"
            b" and pronamespace::regnamespace::text in ('public', 'private', 'worker_api')"
        )
    ).fetchall()
    checked_on = {row["oid"]: row["relation"] for row in functions}
    assert triggers
    assert all(checked_on[row["oid"]] for row in triggers), "a trigger function is on no table"


async def test_plpgsql_check_would_speak(admin: Connection) -> None:
    async with admin.transaction(force_rollback=True):
        await admin.execute(
            b"create function private.faulty(p_id uuid) returns integer language plpgsql as"
            b" $$ declare v_unused text; begin select count(*) from public.no_such_table; end $$"
        )
        remarks = await (await admin.execute(_CHECK.format(functions=_FUNCTIONS).encode())).fetchall()
    assert {row["name"] for row in remarks} == {"private.faulty(uuid)"}
    assert {row["level"] for row in remarks} >= {"error", "warning extra"}
