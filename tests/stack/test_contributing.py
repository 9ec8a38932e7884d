"""The worked examples of the docs work: applied to a copy of the project, on a database with data."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import pytest_asyncio
from postgrest import APIError

from functions_py.local.bootstrap import cli_env, run_files
from functions_py.local.ports import HOST
from functions_py.local.stack import Stack
from functions_py.local.tools import ROOT, pg_prove, supabase_cli
from tests.stack import test_reference
from tests.support.catalog import differences, read_catalog
from tests.support.people import Person, service_client, sign_up
from tests.support.stacks import own_name
from tests.support.worked_examples import Copy, blocks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

PAGES = ("CONTRIBUTING.md", "functions_py/docs/providers.md")
PYTHON = ROOT / ".venv" / "bin" / "python"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The project after all examples."""
    copy = Copy(tmp_path_factory.mktemp("contributing"))
    for page in PAGES:
        copy.apply(blocks((ROOT / page).read_text()))
    return copy


@pytest.fixture(scope="module")
def live() -> Iterator[Stack]:
    """A project as it is now, before the examples reach it."""
    services = ("postgrest", "platform")
    with own_name() as own, Stack.start(own, services=services) as stack:
        with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
            connection.execute("create extension pgtap with schema extensions")
        prove(stack, ROOT / "supabase" / "tests" / "000_helpers_test.sql")
        yield stack


@pytest_asyncio.fixture(scope="module")
async def person(live: Stack) -> Person:
    """A user with credits, from before the examples."""
    person = await sign_up(live, name="contributor")
    grant = {"user_id": str(person.id), "amount": 1000, "reason": "test"}
    await (await service_client(live)).rpc("admin_grant_credits", grant).execute()
    return person


@pytest_asyncio.fixture(scope="module")
async def upgraded(live: Stack, person: Person, copy: Copy) -> AsyncIterator[Stack]:
    """The same project after `supabase db push`, with videos from before it."""
    with psycopg.connect(live.db_url("postgres"), autocommit=True) as connection:
        for status in ("completed", "pending"):
            connection.execute("select tests.create_video(%s, %s)", (person.id, status))
    run_cli(live, copy.root, "db", "push", f"--remote={live.db_url('postgres')}", "--yes")
    # Hosted PostgREST is told by an event trigger of the platform.
    live.stop("postgrest")
    live.start_service("postgrest")
    yield live


@pytest.fixture(scope="module")
def described(copy: Copy) -> Iterator[Stack]:
    """A cluster made from sql/schema as the examples leave it."""
    with own_name() as own, Stack.start(own, services=("postgres",), database="platform") as stack:
        with psycopg.connect(stack.db_url("postgres"), autocommit=True) as connection:
            run_files(connection, sorted((copy.root / "sql" / "schema").rglob("*.sql")))
        with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
            connection.execute("create extension plpgsql_check with schema extensions")
        yield stack


def run_cli(stack: Stack, directory: Path, *arguments: str) -> str:
    return run([supabase_cli(), *arguments], directory, cli_env(stack.state_dir))


def run(command: list[str | Path], directory: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        check=False,
        cwd=directory,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def prove(stack: Stack, *tests: Path) -> str:
    environment = {
        "PATH": "/usr/bin:/bin",
        "PGHOST": HOST,
        "PGPORT": str(stack.cluster.port),
        "PGUSER": "postgres",
        "PGPASSWORD": stack.cluster.password,
        "PGDATABASE": "postgres",
        "PGOPTIONS": "-c search_path=public,extensions",
    }
    return run([pg_prove(), "--recurse", "--ext", ".sql", *tests], ROOT, environment)


async def test_a_user_of_before_has_the_column_and_the_function(upgraded: Stack, person: Person) -> None:
    rows: Any = (await person.client.from_("videos").select("id, status, is_favourite").execute()).data
    assert sorted((row["status"], row["is_favourite"]) for row in rows) == [
        ("completed", False),
        ("pending", False),
    ]
    (done,) = [row["id"] for row in rows if row["status"] == "completed"]
    answer = await person.client.rpc("set_favourite", {"task_id": done}).execute()
    assert answer.data == {"task_id": done, "is_favourite": True}
    marked = await person.client.from_("videos").select("id").eq("is_favourite", True).execute()
    assert marked.data == [{"id": done}]


async def test_the_error_code_reaches_the_client(upgraded: Stack, person: Person) -> None:
    rows: Any = (await person.client.from_("videos").select("id").eq("status", "pending").execute()).data
    with pytest.raises(APIError) as raised:
        await person.client.rpc("set_favourite", {"task_id": rows[0]["id"]}).execute()
    assert raised.value.code == "video_not_ready"
    assert raised.value.details == '{"status": "pending"}'


def test_the_tests_of_the_example_and_those_of_all_rights_pass(upgraded: Stack, copy: Copy) -> None:
    tests = copy.root / "supabase" / "tests"
    made = {path.parent for path in copy.written if path.is_relative_to("supabase/tests")}
    assert made
    assert "Result: PASS" in prove(upgraded, *(copy.root / path for path in made), tests / "rights")


async def test_the_reference_names_what_is_new(
    upgraded: Stack, copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = (copy.root / "functions_py" / "docs" / "reference.md").read_text()
    monkeypatch.setattr(test_reference, "REFERENCE", edited)
    await test_reference.test_every_error_code_stands_in_the_reference_with_its_status(upgraded)
    await test_reference.test_every_rpc_stands_in_the_reference_with_its_arguments(upgraded)


def test_schema_and_migrations_still_lead_to_one_result(upgraded: Stack, described: Stack) -> None:
    with psycopg.connect(upgraded.admin_db_url) as one, psycopg.connect(described.admin_db_url) as other:
        found = differences(read_catalog(one), read_catalog(other))
    # pgTAP, and the membership that its helper for the worker's rights needs.
    assert found.keys() <= {"extensions", "roles"}, found


@pytest.mark.slow
def test_the_linters_have_nothing_to_say(described: Stack, copy: Copy) -> None:
    made = [path for path in copy.written if path.suffix == ".sql"]
    migrations = [path for path in made if path.is_relative_to("supabase/migrations")]
    bin_ = ROOT / ".venv" / "bin"
    run([bin_ / "sqlfluff", "lint", "--nocolor", "--disable-progress-bar", *made], copy.root)
    run([bin_ / "squawk", "--config", ".squawk.toml", *migrations], copy.root)
    remote = f"--remote={described.admin_db_url}"
    schemas = "--schema=public,private,worker_api"
    run_cli(described, copy.root, "db", "lint", remote, schemas, "--level=warning", "--fail-on=warning")
    run_cli(described, copy.root, "db", "advisors", remote, "--level=warn", "--fail-on=warn")


@pytest.mark.slow
def test_the_provider_passes_the_conformance_suite(copy: Copy) -> None:
    tests = "tests/contract/test_provider_acme.py", "tests/unit/test_worker_settings.py"
    assert " passed" in run([PYTHON, "-m", "pytest", *tests], copy.root)


@pytest.mark.slow
def test_the_providers_code_is_clean_and_typed(copy: Copy) -> None:
    made = [path for path in copy.written if path.suffix == ".py"]
    run([PYTHON, "-m", "ruff", "check", *made], copy.root)
    run([PYTHON, "-m", "ruff", "format", "--check", *made], copy.root)
    # A cache of its own: the project's would be filled with the paths of this copy.
    cache = ROOT / ".mypy_cache" / "worked-examples"
    # The test returns the provider as a Provider, which is where mypy compares the two.
    typed = [path for path in made if path.name != "__init__.py"]
    run([PYTHON, "-m", "mypy", "--cache-dir", cache, *typed], copy.root)


def test_the_worker_offers_the_provider_once_it_has_a_key(live: Stack, copy: Copy) -> None:
    program = (
        "from worker.providers.registry import build_providers; from worker.settings import load_settings; "
        "print(*sorted(build_providers(load_settings())))"
    )
    # The file is made by the emulator, which does not run here.
    settings = live.worker_env | {"GOOGLE_APPLICATION_CREDENTIALS": ""}
    assert "acme" not in run([PYTHON, "-c", program], copy.root, settings).split()
    assert "acme" in run([PYTHON, "-c", program], copy.root, settings | {"ACME_API_KEY": "key"}).split()


def test_every_command_in_a_block_exists() -> None:
    targets = set(re.findall(r"^([a-z]+(?: [a-z]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {target for line in targets for target in line.split()}
    for page in PAGES:
        for block in blocks((ROOT / page).read_text()):
            assert block.goes or block.language == "sh", f"{page}: a block of {block.language} goes nowhere"
            assert set(re.findall(r"^make (\w+)", block.text, re.MULTILINE)) <= known
