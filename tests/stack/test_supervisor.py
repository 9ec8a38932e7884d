"""The stack leaves nothing behind, shares the machine with others of its kind, and keeps what it should."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from functions_py.local.ports import HOST, PortReservations
from functions_py.local.stack import Stack, StackBusyError
from functions_py.local.tools import ROOT
from tests.support.processes import processes_of, wait_until
from tests.support.stacks import own_name, own_platform

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def name() -> Iterator[str]:
    """The name of a stack of the test's own."""
    with own_name() as name:
        yield name


@contextlib.contextmanager
def supervisor(name: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`serve` as a process of its own, and the directory of its stack."""
    command = [sys.executable, "-m", "functions_py.local", "--name", name, "serve", "--services", "postgrest"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield server, ROOT / ".local" / name
        finally:
            server.kill()


@pytest.mark.parametrize("moment", ["initdb", "postgres -D", "supabase db push", "postgrest"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_supervisor_that_ends_at_any_moment_leaves_no_process(
    name: str, moment: str, how: signal.Signals
) -> None:
    with supervisor(name) as (server, state_dir):
        wait_until(
            lambda: any(moment in command for command in processes_of(state_dir).values()),
            f"{moment} is running",
        )
        server.send_signal(how)
        server.wait(30)
        wait_until(lambda: not processes_of(state_dir), f"all ended, left: {processes_of(state_dir)}", 10)
        assert server.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)


def test_postgres_does_not_run_as_root(stack: Stack) -> None:
    server = stack.cluster.server
    assert server is not None
    status = Path(f"/proc/{server.pid}/status").read_text()
    users = next(line for line in status.splitlines() if line.startswith("Uid:"))
    assert "0" not in users.split()[1:]


def test_two_stacks_run_at_once_and_one_name_runs_once(stack: Stack, name: str) -> None:
    with Stack.start(name, services=(), database="platform") as other:
        assert other.db_url("postgres") != stack.db_url("postgres")
        with pytest.raises(StackBusyError), Stack.start(name, services=(), database="platform"):
            pass
        with psycopg.connect(other.db_url("postgres")) as connection:
            assert connection.execute("select to_regclass('auth.users')::text").fetchone() == ("auth.users",)


def test_a_killed_database_keeps_what_was_committed_and_forgets_queued_requests() -> None:
    with own_platform() as own:
        with psycopg.connect(own.db_url("postgres"), autocommit=True) as connection:
            connection.execute("create table public.kept (id int)")
            connection.execute("insert into public.kept select generate_series(1, 1000)")
            connection.execute("select net.http_get('http://127.0.0.1:1/')")
        own.restart_postgres(crash=True)
        with psycopg.connect(own.db_url("postgres")) as connection:
            assert connection.execute("select count(*) from public.kept").fetchone() == (1000,)
            assert connection.execute("select count(*) from net.http_request_queue").fetchone() == (0,)


def test_a_kept_stack_has_its_data_keys_and_cron_jobs_after_a_restart(name: str) -> None:
    with Stack.start(name, services=(), database="platform", keep=True) as own:
        first = own.env
        with psycopg.connect(own.db_url("postgres"), autocommit=True) as connection:
            connection.execute("create table public.kept (id int)")
            connection.execute("select cron.schedule('kept', '* * * * *', 'select 1')")
    with Stack.start(name, services=(), database="platform", keep=True) as own:
        assert own.env["SECRET_KEY"] == first["SECRET_KEY"]
        with psycopg.connect(own.db_url("postgres")) as connection:
            assert connection.execute("select count(*) from public.kept").fetchone() == (0,)
            jobs = connection.execute("select jobname, nodeport from cron.job").fetchall()
        assert jobs == [("kept", own.cluster.port)]


def test_a_reserved_port_is_given_to_nobody_else_but_our_service_may_listen_on_it() -> None:
    reservations = PortReservations()
    port = reservations.port("service")
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind((HOST, port))
    for _ in range(2):
        with socket.create_server((HOST, port)) as service, socket.create_connection((HOST, port)):
            service.accept()[0].close()
    reservations.close()


def test_make_env_prints_the_names_that_clients_rely_on(stack: Stack) -> None:
    assert set(stack.env) == {
        "API_URL", "DB_URL", "PUBLISHABLE_KEY", "SECRET_KEY", "ANON_KEY", "SERVICE_ROLE_KEY", "JWT_SECRET",
        "WORKER_URL", "WORKER_TOKEN", "FUNCTIONS_URL", "GOOGLE_EMULATOR_URL",
        "CREEM_STANDIN_URL",
    }  # fmt: skip
    written = (stack.state_dir / "env").read_text()
    assert written == "".join(f"{key}={value}\n" for key, value in stack.env.items())
    assert (stack.state_dir / "env").stat().st_mode & 0o077 == 0
