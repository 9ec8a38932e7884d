"""From an empty cluster to Reelbase's database: the platform, then migrations by the real Supabase CLI."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from functions_py.local.cluster import ADMIN, Cluster, bootstrap_files
from functions_py.local.processes import CommandError
from functions_py.local.tools import ROOT, postgres_bin, supabase_cli

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

LOGIN_ROLES = ("postgres", "authenticator", "supabase_auth_admin", "supabase_storage_admin")


def make_platform(cluster: Cluster) -> None:
    """Creates what hosted Supabase provides: roles, schemas auth, storage, net, vault, cron, and the guard.

    Raises:
        CommandError: a file failed; the message names file and line.
    """
    with psycopg.connect(cluster.url(ADMIN), autocommit=True) as connection:
        run_files(connection, bootstrap_files())
        for role in LOGIN_ROLES:
            _set_password(connection, role, cluster.password)


def platform_digest() -> str:
    """Names what a cluster is made from: the server's version directory and the platform's SQL."""
    parts = [str(postgres_bin()).encode(), *(path.read_bytes() for path in bootstrap_files())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def follow_port(cluster: Cluster) -> None:
    """Tells the cron jobs of a kept cluster its port; pg_cron noted the one it had when they were made."""
    with psycopg.connect(cluster.url(ADMIN), autocommit=True) as connection:
        connection.execute("update cron.job set nodeport = %s", (cluster.port,))


def migrate(cluster: Cluster, *, seed: bool) -> None:
    """Applies supabase/migrations as role postgres, as an operator does: `supabase db push`.

    Raises:
        CommandError: a migration failed; the message holds what the CLI printed.
    """
    push: list[str | Path] = [supabase_cli(), "db", "push", "--yes", f"--remote={cluster.url('postgres')}"]
    push += ["--include-seed"] if seed else []
    cluster.processes.run(
        push,
        env=cli_env(cluster.state_dir),
        log=cluster.log.with_name("migrations.log"),
        cwd=ROOT,
        timeout=120,
    )


def apply_schema(cluster: Cluster) -> None:
    """Applies sql/schema, in path order, as role postgres: the same database by the other way.

    Raises:
        CommandError: a file failed; the message names file and line.
    """
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        run_files(connection, sorted((ROOT / "sql" / "schema").rglob("*.sql")))


def configure(cluster: Cluster, *, worker_url: str, worker_token: str) -> None:
    """Does what an operator does after the first push: the worker's login and the secrets in Vault."""
    with psycopg.connect(cluster.url(ADMIN), autocommit=True) as connection:
        if connection.execute("select 1 from pg_roles where rolname = 'video_worker'").fetchone():
            connection.execute("alter role video_worker login")
            _set_password(connection, "video_worker", cluster.password)
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        for name, value in (("worker_url", worker_url), ("worker_token", worker_token)):
            known = connection.execute("select id from vault.secrets where name = %s", (name,)).fetchone()
            if known is None:
                connection.execute("select vault.create_secret(%s, %s)", (value, name))
            else:
                connection.execute("select vault.update_secret(%s, %s)", (known[0], value))


def cli_env(state_dir: Path) -> dict[str, str]:
    """Environment for the Supabase CLI: it writes to its home, reports nothing, asks nothing."""
    home = state_dir / "home"
    home.mkdir(exist_ok=True)
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "SUPABASE_TELEMETRY_DISABLED": "1",
        "SUPABASE_NO_UPDATE_NOTIFIER": "1",
        "NO_COLOR": "1",
    }


def run_files(connection: psycopg.Connection, files: Iterable[Path]) -> None:
    """Runs SQL files, each as one transaction.

    Raises:
        CommandError: a statement failed; names file and line.
    """
    for path in files:
        text = path.read_text()
        try:
            # One message of the simple protocol: several statements, one implicit transaction.
            connection.execute(text.encode())
        except psycopg.Error as failed:
            raise CommandError(f"{path.relative_to(ROOT)}{_line(text, failed)}: {failed}") from failed


def _line(text: str, failed: psycopg.Error) -> str:
    position = failed.diag.statement_position
    return f":{text.count(chr(10), 0, int(position)) + 1}" if position else ""


def _set_password(connection: psycopg.Connection, role: str, password: str) -> None:
    # Sent as its verifier, so that the clear text is in no log of the server.
    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    connection.execute(
        sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier))
    )
