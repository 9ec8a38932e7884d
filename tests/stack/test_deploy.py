"""What the page on deploying has an operator do to the database does what it says, and may be repeated."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import psycopg
import pytest

from functions_py.local.stack import Stack
from functions_py.local.tools import ROOT
from tests.support.stacks import own_name
from tests.support.worked_examples import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "functions_py" / "docs" / "deploy.md").read_text()


@pytest.fixture(scope="module")
def pushed() -> Iterator[Stack]:
    """A project after its first `supabase db push`."""
    with own_name() as name, Stack.start(name, services=("postgres",)) as stack:
        yield stack


def follow(stack: Stack, beginning: str, *, typed: str = "", **environment: str) -> None:
    """Runs the block of the page that begins so, as an operator connected as postgres does."""
    (block,) = [block for block in blocks(PAGE) if block.text.startswith(beginning)]
    done = subprocess.run(
        ["/bin/sh", "-e", "-c", block.text],
        check=False,
        env={"PATH": os.environ["PATH"], "DB_URL": stack.db_url("postgres")} | environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        # Without a terminal psql reads a password from its input.
        start_new_session=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_worker_gets_a_password_and_the_log_does_not(pushed: Stack) -> None:
    follow(pushed, 'psql "$DB_URL" --command', typed="correct horse\ncorrect horse\n")
    url = pushed.db_url("video_worker").replace(pushed.cluster.password, "correct%20horse")
    with psycopg.connect(url) as connection:
        assert connection.execute("select worker_api.contract_version()").fetchone() == (1,)
    assert "correct horse" not in pushed.cluster.log.read_text()


def test_the_secrets_are_set_and_can_be_changed(pushed: Stack) -> None:
    for url in ("https://one.example.com", "https://two.example.com"):
        follow(pushed, 'psql "$DB_URL" --set', WORKER_URL=url, WORKER_TOKEN="a token's quote")
        with psycopg.connect(pushed.db_url("postgres")) as connection:
            secrets = connection.execute(
                "select name, decrypted_secret from vault.decrypted_secrets"
            ).fetchall()
        assert dict(secrets) == {"worker_url": url, "worker_token": "a token's quote"}
