"""sql/preflight.sql names whatever would stand in the way of a push, with the command that mends it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from tests.support.project_clashes import CLASHES, CONFIG_CLASHES, CONFIGS_THAT_FIT
from tests.support.projects import HOST_APP, clashes, dump, look, preflight
from tests.support.stacks import own_platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from functions_py.local.stack import Stack
    from tests.support.projects import Finding

_OUR_FUNCTIONS = """
    select n.nspname, p.proname
    from pg_proc as p
    inner join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname in ('public', 'private')
"""
# Names that Postgres chose itself do not clash: it would choose others.
_OUR_RELATIONS = """
    select n.nspname, c.relname
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private')
        and c.relname !~ '_(pkey|key|id_seq)$'
        and c.relname not in ('profiles', 'system_configs', 'showcase_items')
"""

# Its balances have to be carried over after the push.
_MENDED_BY_PEOPLE = {"table credit_transactions"}


@pytest.fixture(scope="module")
def project() -> Iterator[Stack]:
    """A project without Reelbase."""
    with own_platform() as stack:
        yield stack


@pytest.fixture
def session(project: Stack) -> Iterator[psycopg.Connection]:
    """A transaction of role postgres that leaves nothing."""
    with psycopg.connect(project.db_url("postgres")) as connection:
        yield connection
        connection.rollback()


def named(connection: psycopg.Connection) -> dict[str, Finding]:
    """What clashes now, without the summary."""
    found = {finding.object: finding for finding in preflight(connection) if finding.severity == "clash"}
    if found:
        assert found.pop("Reelbase").what_it_is == f"{len(found)} in the way"
    return found


def test_a_project_without_anything_of_ours_is_clear(project: Stack) -> None:
    findings = look(project)
    assert clashes(findings) == set()
    assert findings["Reelbase"].what_it_is == "nothing is in the way"
    assert findings["Reelbase"].what_to_do == "supabase db push"


def test_nothing_is_written(project: Stack) -> None:
    before = dump(project)
    look(project)
    assert dump(project) == before


@pytest.mark.parametrize(("setup", "named_object"), CLASHES)
def test_a_clash_is_named_and_its_command_mends_it(
    session: psycopg.Connection, setup: str, named_object: str
) -> None:
    session.execute(setup.encode())
    found = named(session)
    assert set(found) == {named_object}
    finding = found[named_object]
    assert finding.what_it_is
    if named_object in _MENDED_BY_PEOPLE:
        assert "rename to credit_transactions_of_the_app" in finding.what_to_do
        return
    commands = re.sub(r"^Move your files [^:]*: ", "", finding.commands)
    session.execute(commands.encode())
    assert named(session) == {}


@pytest.mark.parametrize(("setup", "what"), CONFIG_CLASHES)
def test_a_table_of_configurations_that_does_not_fit_is_told_why(
    session: psycopg.Connection, setup: str, what: str
) -> None:
    session.execute(CONFIGS_THAT_FIT.encode())
    assert named(session) == {}
    session.execute(setup.encode())
    found = named(session)
    assert set(found) == {"table system_configs"}
    assert found["table system_configs"].what_it_is == f"it does not fit: {what}"
    session.execute(found["table system_configs"].commands.encode())
    assert named(session) == {}


@pytest.mark.parametrize(
    ("names", "create"),
    [
        (_OUR_FUNCTIONS, "create function {} (x point) returns int language sql as 'select 1'"),
        (_OUR_RELATIONS, "create view {} as select 1 as one"),
    ],
)
def test_every_name_that_a_release_takes_is_known(
    stack: Stack, session: psycopg.Connection, names: str, create: str
) -> None:
    """Fails when a migration adds an object and the preflight has not learnt its name."""
    with psycopg.connect(stack.db_url("postgres")) as installed:
        ours = installed.execute(names.encode()).fetchall()
    session.execute("create schema private")
    for schema, name in ours:
        session.execute(sql.SQL(create).format(sql.Identifier(schema, name)))
    found = {
        name.removeprefix("function ").removeprefix("table ").removesuffix("(point)")
        for name in named(session)
    }
    assert found == {name if schema == "public" else f"{schema}.{name}" for schema, name in ours}


def test_every_other_name_that_a_release_takes_is_known(stack: Stack, session: psycopg.Connection) -> None:
    """Triggers on auth.users, policies, buckets, cron jobs and configuration keys."""
    with psycopg.connect(stack.admin_db_url) as installed:

        def names(query: str) -> list[str]:
            return [str(name) for (name,) in installed.execute(query.encode()).fetchall()]

        triggers = names(
            "select tgname from pg_trigger where tgrelid = 'auth.users'::regclass and not tgisinternal"
        )
        policies = names("select polname from pg_policy where polrelid = 'storage.objects'::regclass")
        buckets = names(
            "select id from storage.buckets where id in ('videos', 'reference-images', 'showcase')"
        )
        jobs = names("select jobname from cron.job")
        keys = names("select key from public.system_configs where value_type is not null")
        ranges = {
            str(key): (value_type, minimum, maximum, is_nullable)
            for key, value_type, minimum, maximum, is_nullable in installed.execute(
                "select key, value_type, minimum, maximum, is_nullable from public.system_configs"
            ).fetchall()
        }
    session.execute("create function public.f() returns trigger language plpgsql as 'begin return new; end'")
    for name in triggers:
        session.execute(
            sql.SQL("create trigger {} after update on auth.users execute function public.f()").format(
                sql.Identifier(name)
            )
        )
    for name in policies:
        session.execute(
            sql.SQL("create policy {} on storage.objects using (bucket_id = '')").format(sql.Identifier(name))
        )
    for name in buckets:
        is_public = name != "showcase"
        session.execute(
            "insert into storage.buckets (id, name, public) values (%s, %s, %s)", (name, name, is_public)
        )
    for name in jobs:
        session.execute("select cron.schedule(%s, '* * * * *', 'select 1')", (name,))
    session.execute(CONFIGS_THAT_FIT.encode())
    for name in keys:
        session.execute("insert into public.system_configs (key, value) values (%s, '[]')", (name,))
    found = named(session)
    config = found.pop("table system_configs")
    assert set(found) == (
        {f"trigger {name} on auth.users" for name in triggers}
        | {f"policy {name} on storage.objects" for name in policies}
        | {f"bucket {name}" for name in buckets}
        | {f"cron job {name}" for name in jobs}
    )
    assert keys
    for name in keys:
        value_type, minimum, maximum, is_nullable = ranges[name]
        between = f" from {minimum} to {maximum}" if minimum is not None else ""
        null = " or null" if is_nullable else ""
        assert f"where key = '{name}'; or give it {value_type}{between}{null}." in config.what_to_do


@pytest.mark.parametrize(
    "setting",
    [
        "alter role authenticator set pgrst.db_schemas = 'public, private'",
        "alter database postgres set pgrst.db_schemas = 'private'",
        "set local pgrst.db_schemas = 'public,worker_api,\"private\"'",
    ],
)
def test_an_exposed_schema_is_named(project: Stack, setting: str) -> None:
    with psycopg.connect(project.admin_db_url) as connection:
        connection.execute(setting.encode())
        found = named(connection)
        connection.rollback()
    assert "schema private" in found
    assert "take it out" in found["schema private"].what_to_do


def test_what_belongs_to_somebody_else_is_named(project: Stack) -> None:
    with psycopg.connect(project.admin_db_url) as connection:
        connection.execute("create schema private")
        connection.execute("create table public.profiles (id uuid primary key)")
        connection.execute("create table public.system_configs (key text primary key, value jsonb)")
        connection.execute("alter table public.system_configs enable row level security")
        connection.execute("set local role postgres")
        found = named(connection)
        connection.rollback()
    assert set(found) == {"schema private", "table profiles", "table system_configs"}
    assert {name: finding.what_to_do for name, finding in found.items()} == {
        "schema private": "As supabase_admin: alter schema private owner to postgres;",
        "table profiles": "As supabase_admin: alter table public.profiles owner to postgres;",
        "table system_configs": "As supabase_admin: alter table public.system_configs owner to postgres;",
    }


def test_a_worker_with_a_superusers_powers_is_named(project: Stack) -> None:
    with psycopg.connect(project.admin_db_url) as connection:
        connection.execute("create role video_worker login noinherit superuser bypassrls replication")
        found = named(connection)
        connection.rollback()
    assert (
        found["role video_worker"].what_it_is == "a role of that name has superuser, bypassrls, replication"
    )
    assert found["role video_worker"].what_to_do == (
        "alter role video_worker nosuperuser nobypassrls noreplication;"
    )


def test_a_role_that_cannot_push_is_told_so(project: Stack) -> None:
    with psycopg.connect(project.admin_db_url) as connection:
        connection.execute("create role passer_by")
        connection.execute("grant select on storage.buckets, storage.objects to passer_by")
        connection.execute("grant usage on schema auth, storage, cron, net, vault to passer_by")
        connection.execute("grant select on cron.job to passer_by")
        connection.execute("set local role passer_by")
        assert "role passer_by" in named(connection)
        connection.rollback()


def test_a_policy_that_names_no_bucket_is_pointed_out(session: psycopg.Connection) -> None:
    session.execute('create policy "All for all" on storage.objects for select using (true)')
    session.execute("create policy avatars on storage.objects for select using (bucket_id = 'avatars')")
    session.execute("create policy closed on storage.objects as restrictive for select using (true)")
    info = {finding.object for finding in preflight(session) if finding.severity == "info"}
    assert {name for name in info if name.startswith("policy")} == {'policy "All for all" on storage.objects'}


def test_what_is_adopted_is_named(session: psycopg.Connection) -> None:
    session.execute(HOST_APP.read_bytes())
    findings = {finding.object: finding for finding in preflight(session)}
    assert clashes(findings) == {"table credit_transactions"}
    assert (
        "Missing columns: account_id, entry_no, type, balance_before"
        in findings["table credit_transactions"].what_it_is
    )
    assert {name for name, finding in findings.items() if finding.severity == "adopted"} == {
        "bucket videos",
        "schema private",
        "table profiles",
        "table showcase_items",
        "table system_configs",
    }
    assert findings["table showcase_items"].what_to_do == "Nothing: the push adds the columns it needs."


def test_an_installed_release_is_no_clash_with_itself(stack: Stack) -> None:
    findings = look(stack)
    assert clashes(findings) == set()
    assert findings["Reelbase"].what_it_is == "installed, and nothing is in the way of an upgrade"


@pytest.mark.parametrize(
    ("change", "named_object"),
    [
        (
            "drop function public.get_credits;"
            "create function public.get_credits() returns int language sql as 'select 1'",
            "function get_credits()",
        ),
        (
            "drop table public.image_generation_history cascade;"
            "create table public.image_generation_history (id int)",
            "image_generation_history",
        ),
        ("update storage.buckets set public = true where id = 'videos'", "bucket videos"),
        ("alter role video_worker createdb", "role video_worker"),
    ],
)
def test_what_took_the_place_of_ours_is_named(stack: Stack, change: str, named_object: str) -> None:
    with psycopg.connect(stack.db_url("postgres")) as connection:
        connection.execute(change.encode())
        assert set(named(connection)) == {named_object}
        connection.rollback()
