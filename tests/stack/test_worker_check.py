"""`python -m worker check`: each thing that can be missing is named, with the command that mends it.

What only a provider can find is in tests/contract/test_provider_*.py.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from functions_py.local.tools import ROOT, postgres_bin
from tests.support.database import connect
from tests.support.worker import check
from worker.check import run_checks
from worker.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from functions_py.local.stack import Stack
    from tests.support.database import Connection

    Checker = Callable[..., Awaitable[dict[str, str]]]

pytestmark = pytest.mark.usefixtures("beating_cron")


@pytest.fixture(scope="module")
async def beating_cron(workshop: Stack) -> None:
    """The workshop's pg_cron has ticked at least once."""
    async with connect(workshop) as connection:
        await connection.execute("select private.tick()")


@pytest.fixture
def failures(workshop: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Checker:
    """Runs the check with the stack's settings, some of them changed; what failed, with its mend, by name."""

    async def run(**changes: str) -> dict[str, str]:
        for name, value in (workshop.worker_env | changes).items():
            monkeypatch.setenv(name, value)
        code = await run_checks(load_settings())
        output = capsys.readouterr().out
        failed = re.findall(r"^FAIL  (.+?): (.*\n(?:      mend: .*\n)?)", output, re.MULTILINE)
        assert code == (1 if failed else 0), output
        for secret in ("SUPABASE_SECRET_KEY", "WORKER_TOKEN", "GOOGLE_AI_API_KEY"):
            assert workshop.worker_env[secret] not in output
        return dict(failed)

    return run


@pytest.fixture
async def operator(workshop: Stack) -> AsyncIterator[Connection]:
    """The database, to take something away; whatever the test leaves is put back by its mend."""
    async with connect(workshop) as connection:
        yield connection


def mend(stack: Stack, said: str, **environment: str) -> None:
    """Does what a failed line says, as an operator types it."""
    command = said.partition("mend: ")[2]
    assert command, said
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", command],
        check=False,
        cwd=ROOT,
        env={"PATH": f"{postgres_bin()}:/usr/bin:/bin", "DB_URL": stack.db_url("postgres")} | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


async def test_everything_in_order_is_said_so(workshop: Stack) -> None:
    code, output = await check(workshop)
    assert code == 0, output
    assert "FAIL" not in output
    for name in ("Database", "Role", "Cron", "Vault", "Storage", "Google token", "Output bucket", "veo-3.1"):
        assert re.search(rf"^ok    {re.escape(name)}: ", output, re.MULTILINE), output
    assert "--    Gemini quota" in output


async def test_a_missing_grant_is_mended_by_the_command(workshop: Stack) -> None:
    verb = "worker_api.begin_submit(uuid, uuid)"
    async with connect(workshop) as connection:
        await connection.execute(f"revoke execute on function {verb} from video_worker".encode())
    code, output = await check(workshop)
    assert code == 1
    assert "FAIL  worker_api.begin_submit" in output
    mend(workshop, output[output.index("FAIL") :].splitlines()[1])
    code, output = await check(workshop)
    assert code == 0, output


async def test_a_token_that_vault_does_not_have_is_mended(workshop: Stack, failures: Checker) -> None:
    other = {"WORKER_TOKEN": "another-token-of-some-length"}
    failed = await failures(**other)
    assert failed.keys() == {"Vault"}
    assert "401" in failed["Vault"]
    mend(workshop, failed["Vault"], **other)
    assert await failures(**other) == {}
    assert (await failures()).keys() == {"Vault"}
    mend(workshop, failed["Vault"], WORKER_TOKEN=workshop.env["WORKER_TOKEN"])
    assert await failures() == {}


async def test_secrets_that_are_not_in_vault_are_mended(
    workshop: Stack, failures: Checker, operator: Connection
) -> None:
    await operator.execute("delete from vault.secrets where name = 'worker_token'")
    failed = await failures()
    assert failed.keys() == {"Vault"}
    mend(workshop, failed["Vault"], WORKER_TOKEN=workshop.env["WORKER_TOKEN"])
    assert await failures() == {}


async def test_a_cron_job_that_is_gone_or_off_is_mended(
    workshop: Stack, failures: Checker, operator: Connection
) -> None:
    for statement in (
        "select cron.unschedule('video-tick')",
        "select cron.alter_job(jobid, active => false) from cron.job where jobname = 'video-tick'",
    ):
        await operator.execute(statement.encode())
        failed = await failures()
        assert failed.keys() == {"Cron"}
        mend(workshop, failed["Cron"])
        assert await failures() == {}


@pytest.mark.parametrize(
    ("name", "value", "failed", "said"),
    [
        ("DATABASE_URL", "postgresql://video_worker:wrong@{address}/postgres", "Database", r"\password"),
        ("DATABASE_URL", "{admin}", "Role", "log in as video_worker"),
        ("SUPABASE_SECRET_KEY", "sb_secret_of_another_project", "Storage", "npx supabase projects api-keys"),
        ("VIDEO_OUTPUT_GCS_URI", "gs://forbidden-bucket/clips", "Output bucket", "roles/storage.objectUser"),
        ("GOOGLE_AI_API_KEY", "AIzaWrong", "Model gemini-omni-1.2-flash", "gcloud services api-keys create"),
    ],
)
async def test_a_wrong_setting_is_told_from_what_it_breaks(
    workshop: Stack, failures: Checker, name: str, value: str, failed: str, said: str
) -> None:
    address = f"127.0.0.1:{workshop.cluster.port}"
    found = await failures(**{name: value.format(address=address, admin=workshop.db_url("postgres"))})
    assert found.keys() == {failed}
    assert said in found[failed]


async def test_a_worker_that_can_make_nothing_on_sale_is_told(
    failures: Checker, operator: Connection
) -> None:
    only_omni = {"GOOGLE_CLOUD_PROJECT": "", "VIDEO_OUTPUT_GCS_URI": ""}
    failed = await failures(**only_omni)
    assert failed.keys() == {"Models"}
    await operator.execute("update public.video_models set is_enabled = true where id = 'gemini-omni'")
    try:
        assert await failures(**only_omni) == {}
    finally:
        await operator.execute("update public.video_models set is_enabled = false where id = 'gemini-omni'")
