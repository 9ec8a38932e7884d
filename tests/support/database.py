"""Connections to the stack's database under the role whose rights a test is about."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, TypeAlias

from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from functions_py.local.stack import Stack

Connection: TypeAlias = AsyncConnection[DictRow]


@contextlib.asynccontextmanager
async def connect(stack: Stack, role: str = "postgres") -> AsyncIterator[Connection]:
    """A connection of its own as a login role, in autocommit, with rows as dicts.

    `supabase_admin` is the superuser, `postgres` what migrations run as, `video_worker` the worker.
    """
    async with await AsyncConnection.connect(
        stack.db_url(role), autocommit=True, row_factory=dict_row
    ) as connection:
        yield connection


@contextlib.asynccontextmanager
async def connect_as(stack: Stack, user_id: UUID | str | None, **claims: object) -> AsyncIterator[Connection]:
    """A connection as PostgREST would use it for a caller: role and JWT claims set for the whole session.

    Args:
        stack: whose database.
        user_id: a signed-in user; None is `anon`.
        claims: further claims, such as `app_metadata={"role": "admin"}` or `role="service_role"`.
    """
    token = {"role": "anon" if user_id is None else "authenticated"} | claims
    if user_id is not None:
        token["sub"] = str(user_id)
    async with connect(stack, "authenticator") as connection:
        await connection.execute(
            "select set_config('role', %s, false), set_config('request.jwt.claims', %s, false)",
            (token["role"], json.dumps(token)),
        )
        yield connection
