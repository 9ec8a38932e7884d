"""A stack on which nothing moves by itself: no worker and no cron job, so every row stays what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from functions_py.local.stack import Stack
from tests.support.stacks import own_name

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def still_stack() -> Iterator[Stack]:
    with own_name() as name, Stack.start(name, services=("postgrest", "platform")) as stack:
        with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
            connection.execute("select cron.alter_job(jobid, active => false) from cron.job")
        yield stack
