"""In and out of a project that lives: adoption by a real push, the main flow, uninstall, and in again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from functions_py.local.processes import CommandError
from functions_py.local.stack import Stack
from tests.concurrency.shop import STORED_VIDEO, Shop
from tests.support.database import connect, connect_as
from tests.support.projects import (
    HOST_APP,
    MIGRATIONS,
    Project,
    clashes,
    documented,
    dump,
    look,
    uninstall,
)
from tests.support.stacks import own_name, own_platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LEDGER_ASIDE = "alter table public.credit_transactions rename to credit_transactions_of_the_app"
_HOST_TABLES = ("profiles", "system_configs", "credit_transactions_of_the_app", "showcase_items")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with migrations of its own, older and newer than ours, a user, and no Reelbase yet."""
    with own_platform() as stack:
        made = Project.made(stack, tmp_path)
        migrations = tmp_path / "supabase" / "migrations"
        (migrations / "20250101000000_app.sql").write_bytes(HOST_APP.read_bytes())
        (migrations / "20270101000000_app.sql").write_text("comment on schema private is 'Ours alone.';")
        made.push()
        yield made


@pytest.fixture
def fresh() -> Iterator[Stack]:
    """A project with nothing but Reelbase."""
    with own_name() as name, Stack.start(name, services=()) as stack:
        yield stack


async def install(project: Project) -> None:
    """What live-project.md says, up to the push."""
    async with connect(project.stack) as database:
        assert clashes(look(project.stack)) == {"table credit_transactions"}
        await database.execute(_LEDGER_ASIDE)
    assert clashes(look(project.stack)) == set()
    project.add(MIGRATIONS.glob("*.sql"))
    project.push()


async def sign_up(project: Project) -> UUID:
    user_id = uuid4()
    async with connect(project.stack) as database:
        await database.execute(
            "insert into auth.users (id, aud, role, email, email_confirmed_at, created_at, updated_at)"
            " values (%s, 'authenticated', 'authenticated', %s, now(), now(), now())",
            (user_id, f"{user_id}@example.com"),
        )
    return user_id


async def rows(project: Project, query: str, *parameters: object) -> list[dict[str, Any]]:
    async with connect(project.stack) as database:
        return await (await database.execute(query.encode(), parameters)).fetchall()


async def make_a_video(stack: Stack, user_id: UUID) -> UUID:
    """Orders a clip and plays the worker to the end."""
    async with Shop.opened(stack) as shop:
        job = await shop.job("transfer", user_id=user_id)
        await shop.verb("complete_video(%s, %s, %s)", job.task_id, job.lease, STORED_VIDEO)
        await shop.assert_settled()
        return job.task_id


async def the_showcase_is_shared(project: Project, author: UUID, video: UUID) -> None:
    """Rows of the host application become images; what visitors could not read before waits for review."""

    async def titles(role: str, query: str) -> list[Any]:
        async with connect_as(project.stack, None, role=role) as client:
            return [row["title"] for row in await (await client.execute(query.encode())).fetchall()]

    listed = "select i ->> 'title' as title from jsonb_array_elements(public.{} -> 'items') as i order by 1"
    published, waiting = listed.format("list_showcase('image')"), listed.format("admin_list_showcase()")
    async with connect_as(project.stack, author) as client:
        await client.execute("select public.publish_to_showcase(%s, title => 'A boat')", (video,))
    await rows(
        project,
        "update public.showcase_items set item_status = 'published', published_at = now()"
        " where title = 'A boat' returning id",
    )
    assert await titles("anon", published) == ["A cat"]
    assert await titles("anon", listed.format("list_showcase()")) == ["A boat", "A cat"]
    assert [row["title"] for row in await rows(project, waiting)] == ["A draft"]
    assert await titles("anon", "select title from public.showcase_items") == ["A cat"], "as ever"


def host_dump(project: Project) -> str:
    """The host application's tables: structure, rights, policies, rows."""
    return dump(project.stack, "--schema=private", *(f"--table=public.{name}" for name in _HOST_TABLES))


async def test_a_live_project_adopts_uninstalls_and_installs_again(project: Project) -> None:
    stack = project.stack
    earlier = await sign_up(project)
    poor = await sign_up(project)
    await rows(
        project,
        "insert into public.credit_transactions (user_id, amount)"
        " values (%s, 200), (%s, -50), (%s, -1) returning id",
        *(earlier, earlier, poor),
    )

    await install(project)
    async with connect(stack) as database:
        for _ in range(2):
            await database.execute(documented("carry-over: from a ledger of your own").encode())
    balances = await rows(project, "select user_id, balance from public.credit_accounts")
    assert {row["user_id"]: row["balance"] for row in balances} == {earlier: 150, poor: 0}

    # The host application goes on: its sign-up, its policies, its rows.
    later = await sign_up(project)
    (profile,) = await rows(project, "select * from public.profiles where id = %s", later)
    assert profile["username"] == f"user-{later}"
    async with connect_as(stack, later) as client:
        seen = await (await client.execute("select key from public.system_configs order by key")).fetchall()
        assert [row["key"] for row in seen] == ["image_price", "welcome_text"]
        await client.execute("update public.system_configs set value = '4'")
        await client.execute("insert into public.system_configs (key, value) values ('theme', '\"dark\"')")
    kept = await rows(project, "select value from public.system_configs where key = 'signup_bonus_credits'")
    assert kept == [{"value": 5}], "a key of ours that was there keeps its value"
    (account,) = await rows(project, "select balance from public.credit_accounts where user_id = %s", later)
    assert account["balance"] == 5, "and is heeded"
    assert await rows(
        project, "select value from public.system_configs where key = 'video_concurrent_limit'"
    ) == [{"value": 3}]

    video = await make_a_video(stack, earlier)
    await the_showcase_is_shared(project, earlier, video)
    async with Shop.opened(stack) as shop:
        unfinished = await shop.job("submitting", user_id=await shop.user(100))
    assert clashes(look(stack)) == set()

    # Out, and in again.
    done = uninstall(stack)
    assert done.returncode == 0, done.stderr
    assert "schema reelbase_archive" in done.stdout
    (settled,) = await rows(
        project,
        "select h.status, h.error_code, t.amount from reelbase_archive.video_generation_history as h"
        " inner join reelbase_archive.credit_transactions as t on t.id = h.refund_id where h.id = %s",
        unfinished.task_id,
    )
    assert settled == {"status": "failed", "error_code": "rolled_back", "amount": 80}
    assert await rows(project, "select key, value from public.system_configs order by key") == [
        {"key": "image_price", "value": 4},
        {"key": "signup_bonus_credits", "value": 5},
        {"key": "theme", "value": "dark"},
        {"key": "welcome_text", "value": 4},
    ]
    assert await rows(project, "select title, image_url from public.showcase_items order by title") == [
        {"title": "A cat", "image_url": "https://example.com/cat.png"},
        {"title": "A draft", "image_url": "https://example.com/draft.png"},
    ]
    assert await rows(project, "select title from reelbase_archive.showcase_items") == [{"title": "A boat"}]
    await sign_up(project)
    assert look(stack)["schema reelbase_archive"].severity == "info"
    assert clashes(look(stack)) == set()

    project.push()
    async with connect(stack) as database:
        await database.execute(documented("carry-over: from the archive of an uninstall").encode())
    (account,) = await rows(project, "select balance from public.credit_accounts where user_id = %s", earlier)
    assert account["balance"] == 150 - 80
    await rows(project, "select public.admin_grant_credits(%s, 100, 'test')", earlier)
    await make_a_video(stack, earlier)

    again = uninstall(stack)
    assert again.returncode != 0
    assert "there is an archive already" in again.stderr
    assert "alter schema reelbase_archive rename" in again.stderr


async def test_everything_leaves_the_project_as_it_was(project: Project) -> None:
    stack = project.stack
    await sign_up(project)
    async with connect(stack) as database:
        await database.execute(_LEDGER_ASIDE)
    before, tables_before = dump(stack, "--schema-only"), host_dump(project)
    project.add(MIGRATIONS.glob("*.sql"))
    project.push()
    async with Shop.opened(stack) as shop:
        users = [await shop.user(1000) for _ in range(2)]
        await shop.job("poll", user_id=users[0])
    await make_a_video(stack, users[1])
    async with connect(stack) as database:
        # What the test made, and what the uninstall says that it leaves.
        await database.execute("delete from auth.users where id = any(%s)", (users,))

    done = uninstall(stack, "everything")
    assert done.returncode == 0, done.stderr
    assert host_dump(project) == tables_before

    async with connect(stack) as database:
        await database.execute(documented("default privileges, as they were").encode())
    assert lines(dump(stack, "--schema-only")) == lines(before)
    history = await rows(
        project, "select version from supabase_migrations.schema_migrations order by version"
    )
    assert [row["version"] for row in history] == ["20250101000000", "20270101000000"]
    assert await rows(project, "select jobname from cron.job") == [{"jobname": "nightly"}]
    assert await rows(project, "select rolname from pg_roles where rolname = 'video_worker'") == []


def lines(text: str) -> list[str]:
    """Of a dump, in no order, without comments: Postgres numbers objects anew."""
    return sorted(line for line in text.splitlines() if line and not line.startswith("--"))


async def test_a_fresh_project_keeps_its_ledger_append_only_and_out_of_reach(fresh: Stack) -> None:
    async with Shop.opened(fresh) as shop:
        user_id = await shop.user(1000)
    await make_a_video(fresh, user_id)
    done = uninstall(fresh)
    assert done.returncode == 0, done.stderr
    async with connect(fresh) as database:
        entries = await (
            await database.execute("select * from reelbase_archive.credit_transactions")
        ).fetchall()
        assert [entry["amount"] for entry in entries] == [1000, -80]
        for change in (
            "update reelbase_archive.credit_transactions set amount = 1",
            "truncate reelbase_archive.credit_transactions cascade",
        ):
            with pytest.raises(Exception, match="append only"):
                await database.execute(change)
        left = await (
            await database.execute(
                "select n.nspname || '.' || c.relname as name from pg_class as c"
                " inner join pg_namespace as n on n.oid = c.relnamespace"
                " where n.nspname in ('public', 'private', 'worker_api')"
            )
        ).fetchall()
        assert left == []
        await database.execute("delete from auth.users where id = %s", (user_id,))
        (account,) = await (
            await database.execute("select user_id from reelbase_archive.credit_accounts")
        ).fetchall()
        assert account == {"user_id": None}
    async with connect_as(fresh, None, role="service_role") as service:
        with pytest.raises(Exception, match="permission denied for schema reelbase_archive"):
            await service.execute("select * from reelbase_archive.credit_accounts")


@pytest.mark.parametrize("count", [1, 3, 6])
async def test_a_push_that_stopped_half_way_goes_on_or_comes_out(project: Project, count: int) -> None:
    async with connect(project.stack) as database:
        await database.execute(_LEDGER_ASIDE)
    before = dump(project.stack, "--schema-only")
    project.add(sorted(MIGRATIONS.glob("*.sql"))[:count])
    project.push()
    assert clashes(look(project.stack)) == set()
    done = uninstall(project.stack, "everything")
    assert done.returncode == 0, done.stderr
    async with connect(project.stack) as database:
        await database.execute(documented("default privileges, as they were").encode())
    assert lines(dump(project.stack, "--schema-only")) == lines(before)


@pytest.mark.parametrize(
    "clash",
    [
        "create table public.credit_accounts (id int)",
        "create table public.video_models (id int)",
        "create table public.video_generation_history (id int)",
        "create view public.videos as select 1 as one",
        "create function private.sweep(p_limit integer) returns int language sql as 'select 1'",
        "create function public.list_videos(status text, cursor text, page_size int) returns jsonb"
        " language sql as 'select null::jsonb'",
    ],
)
async def test_a_push_that_stopped_at_a_clash_comes_out_without_it(project: Project, clash: str) -> None:
    async with connect(project.stack) as database:
        await database.execute(_LEDGER_ASIDE)
        await database.execute(clash.encode())
    before = dump(project.stack, "--schema-only")
    found = clashes(look(project.stack))
    assert len(found) == 1
    project.add(MIGRATIONS.glob("*.sql"))
    with pytest.raises(CommandError):
        project.push()
    assert clashes(look(project.stack)) == found
    done = uninstall(project.stack, "everything")
    assert done.returncode == 0, done.stderr
    async with connect(project.stack) as database:
        await database.execute(documented("default privileges, as they were").encode())
    assert lines(dump(project.stack, "--schema-only")) == lines(before)


async def test_an_archive_of_before_survives_an_uninstall_of_everything(project: Project) -> None:
    await install(project)
    assert uninstall(project.stack).returncode == 0
    archive = dump(project.stack, "--schema=reelbase_archive")
    project.push()
    done = uninstall(project.stack, "everything")
    assert done.returncode == 0, done.stderr
    assert dump(project.stack, "--schema=reelbase_archive") == archive


async def test_something_that_uses_ours_stops_the_uninstall_whole(fresh: Stack) -> None:
    async with connect(fresh) as database:
        await database.execute("create view public.my_videos as select id from public.videos")
    before = dump(fresh)
    done = uninstall(fresh)
    assert done.returncode != 0
    assert "view my_videos depends on view videos" in done.stderr
    assert dump(fresh) == before


async def test_a_wrong_switch_and_a_second_time_are_refused(fresh: Stack) -> None:
    assert "reelbase.uninstall is all" in uninstall(fresh, "all").stderr
    assert uninstall(fresh, "everything").returncode == 0
    assert "Reelbase is not installed in this database" in uninstall(fresh).stderr
