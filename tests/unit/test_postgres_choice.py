"""Which Postgres the stacks run: the newest that has everything, or the one that `PG` names."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from functions_py.local import tools
from functions_py.local.tools import SetupError

if TYPE_CHECKING:
    from pathlib import Path

choose = tools.postgres_bin.__wrapped__


def test_the_version_that_was_asked_for_is_the_one_that_runs() -> None:
    said = subprocess.run(
        [tools.postgres_bin() / "postgres", "--version"], check=True, capture_output=True, text=True
    ).stdout
    assert f" {os.environ.get('PG') or ''}" in said


def test_the_unpacked_one_is_taken_where_none_of_that_version_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usr = tmp_path / ".local" / "postgres-99" / "usr"
    server = usr / "lib" / "postgresql" / "99" / "bin" / "postgres"
    extensions = usr / "share" / "postgresql" / "99" / "extension"
    for path in (server, extensions / "pgtap.control", extensions / "pg_cron.control"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(tools, "ROOT", tmp_path)
    monkeypatch.setenv("PG", "99")
    with pytest.raises(SetupError, match="no Postgres 99 with pg_cron"):
        choose()
    (extensions / "plpgsql_check.control").touch()
    assert choose() == server.parent.resolve()
    monkeypatch.setenv("PG", "")
    assert choose() != server.parent.resolve()
