"""What a hosted project refuses to role postgres, this stack refuses too; what it allows, works."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
import pytest_asyncio

from tests.support.database import connect
from tests.support.stacks import own_platform

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.database import Connection


@pytest_asyncio.fixture(scope="module")
async def bare() -> AsyncIterator[Connection]:
    """Role postgres on a platform without Reelbase's migrations."""
    with own_platform() as stack:
        async with connect(stack) as connection:
            yield connection


@pytest.mark.parametrize(
    "statement",
    [
        "alter table storage.objects enable row level security",
        "alter table storage.objects add column note text",
        "create index on storage.objects (owner_id)",
        "create table storage.notes (id int)",
        "create table auth.notes (id int)",
        "create function auth.f() returns int language sql as 'select 1'",
        "create or replace function auth.uid() returns uuid language sql stable as 'select null::uuid'",
        "create view auth.people as select 1 as id",
        "drop table storage.objects cascade",
        "drop function auth.uid() cascade",
        "drop schema auth cascade",
        "set role supabase_storage_admin; create table storage.notes (id int)",
        "comment on table auth.users is 'ours'",
        "create table net.notes (id int)",
        "insert into cron.job (schedule, command) values ('* * * * *', 'select 1')",
        "insert into vault.secrets (secret) values ('x')",
        "drop event trigger platform_guard_ddl",
        "alter role postgres superuser",
        "create extension plpgsql_check",
    ],
)
async def test_postgres_may_not(bare: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        async with bare.transaction():
            await bare.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "create policy p on storage.objects for select to authenticated using (true)",
        """
        create policy p on storage.objects for select to authenticated using (true);
        alter policy p on storage.objects using (false);
        drop policy p on storage.objects
        """,
        """
        create function public.f() returns trigger language plpgsql as 'begin return new; end';
        create trigger t after insert on auth.users for each row execute function public.f();
        drop trigger t on auth.users
        """,
        """
        create table public.t (id uuid references auth.users on delete cascade);
        revoke all on public.t from anon, authenticated;
        drop table public.t
        """,
        "insert into storage.buckets (id, name, public) values ('b', 'b', false)",
        "create extension if not exists pg_cron",
        "select cron.schedule('j', '* * * * *', 'select 1'); select cron.unschedule('j')",
        "select vault.create_secret('value', 'name'); delete from vault.secrets where name = 'name'",
        "create schema s; create role r nologin; drop role r; drop schema s",
        "select * from auth.users; select * from storage.objects",
    ],
)
async def test_postgres_may(bare: Connection, statement: str) -> None:
    async with bare.transaction(force_rollback=True):
        await bare.execute(statement)


@pytest.mark.parametrize(
    ("statement", "still"),
    [
        (
            "revoke all on storage.objects from anon",
            "has_table_privilege('anon', 'storage.objects', 'insert')",
        ),
        (
            "revoke all on function auth.uid() from public",
            "has_function_privilege('anon', 'auth.uid()', 'execute')",
        ),
    ],
)
async def test_a_revoke_from_the_platform_changes_nothing(
    bare: Connection, statement: str, still: str
) -> None:
    async with bare.transaction(force_rollback=True):
        await bare.execute(statement)
        assert await one(bare, still)


async def test_new_objects_in_public_are_exposed_unless_a_migration_revokes(bare: Connection) -> None:
    async with bare.transaction(force_rollback=True):
        await bare.execute("create table public.t (id int)")
        assert await one(bare, "has_table_privilege('anon', 'public.t', 'insert')")


async def one(connection: Connection, expression: str) -> object:
    """The value of an SQL expression."""
    row = await (await connection.execute(f"select {expression} as value")).fetchone()
    assert row is not None
    return row["value"]
