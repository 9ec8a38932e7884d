"""The Supabase CLI against a database by its URL, without Docker, as a continuous integration runs it.

Elsewhere: `db push` makes every stack (functions_py/local/bootstrap.py), `db lint` and `db advisors` are
parts of `make test` (tests/run.py), `db diff` compares schema and migrations, `gen types` the clients' types.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from functions_py.local.bootstrap import cli_env
from functions_py.local.stack import Stack
from functions_py.local.tools import ROOT, supabase_cli
from tests.support.catalog import differences, read_catalog
from tests.support.stacks import own_name

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


@pytest.fixture
def scratch() -> Iterator[Stack]:
    """A database that may be lost.

    On a hosted project, and there only, `postgres` may drop and create extensions without being a superuser.
    """
    with own_name() as name, Stack.start(name, services=("postgres",)) as stack:
        with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
            connection.execute("alter role postgres superuser")
            connection.execute("alter event trigger platform_guard_ddl disable")
            connection.execute("alter event trigger platform_guard_drop disable")
        yield stack


def cli(stack: Stack, *arguments: str) -> str:
    """What a command says; it must succeed."""
    done = subprocess.run(
        [supabase_cli(), *arguments, f"--remote={stack.db_url('postgres')}"],
        check=False,
        cwd=ROOT,
        env=cli_env(stack.state_dir),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_reset_makes_the_same_database_again(scratch: Stack) -> None:
    with psycopg.connect(scratch.admin_db_url) as connection:
        before = read_catalog(connection)
    with psycopg.connect(scratch.db_url("postgres"), autocommit=True) as connection:
        connection.execute("create table public.junk (id int)")
        connection.execute(
            "insert into auth.users (id, email) values (gen_random_uuid(), 'somebody@example.com')"
        )
        connection.execute(
            "update public.system_configs set value = '9' where key = 'video_concurrent_limit'"
        )

    cli(scratch, "db", "reset", "--yes", "--no-seed")

    with psycopg.connect(scratch.admin_db_url) as connection:
        assert differences(before, read_catalog(connection)) == {}
        assert connection.execute("select count(*) from auth.users").fetchone() == (0,)
        names = {path.name[:14] for path in (ROOT / "supabase" / "migrations").glob("*.sql")}
        applied = connection.execute("select version from supabase_migrations.schema_migrations").fetchall()
        assert {version for (version,) in applied} == names
    # Whatever a reset makes in another place than the platform does, such as an extension, shows here.
    cli(scratch, "db", "advisors", "--level=warn", "--fail-on=warn")
    cli(scratch, "db", "lint", "--schema=public,private,worker_api", "--level=warning", "--fail-on=warning")
    assert "up to date" in cli(scratch, "db", "push", "--yes").lower()
