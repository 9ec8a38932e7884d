"""`sql/schema` says what the schema is, `supabase/migrations` how it gets there: they lead to one result."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from functions_py.local import migration
from functions_py.local.migration import difference
from functions_py.local.stack import Stack
from functions_py.local.tools import ROOT
from tests.support.catalog import Catalog, differences, read_catalog
from tests.support.stacks import own_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def migrated() -> Iterator[Stack]:
    """A cluster made by the Supabase CLI from supabase/migrations."""
    with own_name() as name, Stack.start(name, services=("postgres",), database="migrations") as stack:
        yield stack


@pytest.fixture(scope="module")
def described() -> Iterator[Stack]:
    """A cluster made from sql/schema, file by file."""
    with own_name() as name, Stack.start(name, services=("postgres",), database="schema") as stack:
        yield stack


def catalog_of(stack: Stack) -> Catalog:
    with psycopg.connect(stack.admin_db_url) as connection:
        return read_catalog(connection)


def test_the_supabase_cli_finds_no_difference(migrated: Stack, described: Stack) -> None:
    assert difference(migrated, described) == ""
    assert difference(described, migrated) == ""


def test_our_own_comparison_finds_no_difference(migrated: Stack, described: Stack) -> None:
    catalog = catalog_of(migrated)
    assert differences(catalog, catalog_of(described)) == {}
    # It looked at something.
    assert {kind for kind, found in catalog.items() if not found} <= {"statistics", "publications"}


def test_the_supabase_cli_would_notice_a_difference(migrated: Stack, described: Stack) -> None:
    with psycopg.connect(described.db_url("postgres"), autocommit=True) as connection:
        connection.execute("alter table public.profiles add column motto text")
        try:
            assert "motto" in difference(migrated, described)
        finally:
            connection.execute("alter table public.profiles drop column motto")


def test_make_migration_writes_what_leads_to_the_schema(
    migrated: Stack, described: Stack, tmp_path: Path
) -> None:
    change = """
        alter table public.profiles add column motto text not null default 'it''s';
        comment on column public.profiles.motto is 'A sentence of his own.';
        grant select (motto) on public.profiles to authenticated
    """
    (tmp_path / "29990101000000_far_ahead.sql").touch()
    with (
        psycopg.connect(described.db_url("postgres"), autocommit=True) as schema,
        psycopg.connect(migrated.db_url("postgres"), autocommit=True) as database,
    ):
        schema.execute(change)
        try:
            written = migration.write("motto", difference(migrated, described), tmp_path)
            assert written is not None
            assert written.name == "29990101000001_motto.sql"
            assert written.read_text().startswith(f"{migration.PLACEHOLDER}\nset lock_timeout")
            database.execute(written.read_bytes())
            assert difference(migrated, described) == ""
            assert difference(described, migrated) == ""
            assert migration.write("nothing", "", tmp_path) is None
        finally:
            for connection in (schema, database):
                connection.execute("alter table public.profiles drop column if exists motto")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "is_fine", "said"),
    [
        ("", False, "error: make migration NAME="),
        ("No!", False, "error: make migration NAME="),
        ("nothing_new", True, "nothing was written"),
    ],
)
def test_make_migration_says_what_it_did(*, name: str, is_fine: bool, said: str) -> None:
    before = set((ROOT / "supabase" / "migrations").iterdir())
    done = subprocess.run(
        ["make", "migration", f"NAME={name}"],
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    assert (done.returncode == 0) == is_fine
    assert said in done.stdout
    assert set((ROOT / "supabase" / "migrations").iterdir()) == before


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("schemas", "grant usage on schema private to anon"),
        ("schemas", "comment on schema private is 'x'"),
        ("extensions", "create extension citext"),
        ("relations", "alter table public.system_configs disable row level security"),
        ("relations", "alter table public.system_configs force row level security"),
        ("relations", "alter view public.videos set (security_invoker = false)"),
        ("relations", "grant select on public.system_configs to authenticated"),
        ("relations", "alter table public.profiles set (fillfactor = 50)"),
        ("relations", "comment on table public.profiles is 'x'"),
        ("relations", "alter view public.videos rename column prompt to wish"),
        ("columns", "grant select (operation_id) on public.video_generation_history to authenticated"),
        ("columns", "alter table public.video_generation_history alter column prompt set storage plain"),
        ("columns", "alter table public.credit_accounts alter column balance drop default"),
        ("columns", "comment on column public.profiles.display_name is 'x'"),
        ("sequences", "alter table private.alerts alter column id set increment by 2"),
        ("indexes", "drop index private.video_jobs_due"),
        ("constraints", "alter table public.profiles drop constraint display_name_is_short"),
        (
            "constraints",
            "alter table public.credit_transactions"
            " alter constraint entry_task_exists deferrable initially immediate",
        ),
        ("functions", "alter function private.now() security definer"),
        ("functions", "alter function private.now() set work_mem = '1MB'"),
        ("functions", "alter function private.tick() reset search_path"),
        ("functions", "grant execute on function private.tick() to anon"),
        ("functions", "comment on function private.tick() is 'x'"),
        ("functions", "alter function private.tick() owner to supabase_admin"),
        (
            "functions",
            "create or replace function worker_api.contract_version() returns integer language sql immutable"
            " set search_path = '' as 'select 2'",
        ),
        ("types", "create type public.mood as enum ('good')"),
        ("triggers", "alter table public.credit_transactions disable trigger ledger_is_append_only"),
        ("triggers", "drop trigger reelbase_forget_user on auth.users"),
        ("policies", "alter policy videos_are_read_by_their_owner on storage.objects using (true)"),
        ("policies", "alter policy accounts_are_read_by_their_owner on public.credit_accounts to public"),
        ("statistics", "create statistics public.x on status, model from public.video_generation_history"),
        (
            "default privileges",
            "alter default privileges for role postgres in schema public grant all on tables to anon",
        ),
        ("roles", "alter role video_worker set statement_timeout = '1s'"),
        ("roles", "grant service_role to video_worker"),
        ("publications", "create publication x for table public.profiles"),
        ("cron jobs", "select cron.schedule('video-audit', '18 3 * * *', 'select private.report_audit()')"),
        ("buckets", "update storage.buckets set public = true where id = 'videos'"),
        (
            "configuration",
            "update public.system_configs set value = '4' where key = 'video_concurrent_limit'",
        ),
        (
            "configuration",
            "update public.system_configs set description = 'x' where key = 'video_concurrent_limit'",
        ),
        ("error codes", "update private.error_codes set http_status = 400 where code = 'rate_limited'"),
        ("failure codes", "update private.failure_codes set is_charged = true where code = 'safety_filter'"),
        ("models", "update public.video_models set is_enabled = true where id = 'gemini-omni'"),
        ("options", "delete from public.video_model_options where duration = 6"),
    ],
)
def test_our_own_comparison_would_notice(migrated: Stack, kind: str, change: str) -> None:
    with psycopg.connect(migrated.admin_db_url) as connection:
        before = read_catalog(connection)
        connection.execute(change.encode())
        changed = differences(before, read_catalog(connection))
        connection.rollback()
    assert kind in changed
