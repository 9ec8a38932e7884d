"""Starting the stack that tests share, and handing a running one to pytest."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from typing import TYPE_CHECKING

import psycopg

from functions_py.local.stack import SERVICES, Stack, StackBusyError
from functions_py.local.tools import ROOT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_ATTEMPTS = 20


@contextlib.contextmanager
def shared_stack(services: Collection[str] = SERVICES) -> Iterator[Stack]:
    """A throw-away stack in `.local/test`, or `.local/test-2` and so on while that name is running.

    It has the extensions that only tests need, pgTAP and plpgsql_check, in schema extensions.
    """
    with contextlib.ExitStack() as exits:
        stack = _start(exits, services)
        with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
            for name in ("pgtap", "plpgsql_check"):
                connection.execute(f"create extension {name} with schema extensions")
        yield stack


def _start(exits: contextlib.ExitStack, services: Collection[str]) -> Stack:
    for number in range(1, _ATTEMPTS):
        name = "test" if number == 1 else f"test-{number}"
        try:
            return exits.enter_context(Stack.start(name, services=services))
        except StackBusyError:
            continue
    raise StackBusyError(f"{_ATTEMPTS} test stacks are running in this checkout")


@contextlib.contextmanager
def own_name() -> Iterator[str]:
    """A name for a stack of one test's own; its directory goes away afterwards."""
    name = f"test-own-{secrets.token_hex(3)}"
    try:
        yield name
    finally:
        shutil.rmtree(ROOT / ".local" / name, ignore_errors=True)


@contextlib.contextmanager
def own_platform(*services: str) -> Iterator[Stack]:
    """A stack of one test's own: a platform without Reelbase's migrations, and the services asked for."""
    with own_name() as name, Stack.start(name, services=services, database="platform") as stack:
        yield stack


@contextlib.contextmanager
def still_stack(*services: str) -> Iterator[Stack]:
    """A stack of one's own on which nothing happens by itself: no worker runs, and no cron job."""
    with own_name() as name, Stack.start(name, services=services) as stack:
        with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
            connection.execute("select cron.alter_job(jobid, active => false) from cron.job")
        yield stack
