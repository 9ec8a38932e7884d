"""Transactions of Auth: one connection as supabase_auth_admin, with failures put in Auth's words."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import DictRow

from functions_py.local.platform.auth.errors import unexpected_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.platform.context import Context

Connection: TypeAlias = AsyncConnection[DictRow]

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def transaction(context: Context, failure: str) -> AsyncIterator[Connection]:
    """Commit on success, roll back on any exception.

    Raises AuthError 500 with `failure` for whatever the database refuses, at COMMIT too: a project's deferred
    constraint speaks only then.
    """
    try:
        async with context.pool_auth.connection() as connection:
            yield connection
    except psycopg.Error as error:
        _log.warning("auth_database_error", failure=failure, sqlstate=error.sqlstate, error=str(error))
        raise unexpected_failure(failure, error) from error
