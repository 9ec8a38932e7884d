"""Sessions and refresh tokens: begun at sign-in, rotated at each refresh, ended by sign-out.

A refresh token is good for one use. Used again, it is either a client that lost the answer (the token's
successor was never used, or the reuse is seconds old), which gets a working token; or a thief, and then the
whole family of tokens of the session is revoked.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from functions_py.local.platform.auth.errors import AuthError

if TYPE_CHECKING:
    from psycopg.rows import DictRow

    from functions_py.local.platform.auth.database import Connection

_TOKEN_ALPHABET = string.ascii_lowercase + string.digits
_TOKEN_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from, as a session records it."""

    user_agent: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A session and the refresh token that may continue it."""

    session_id: UUID
    user_id: UUID
    refresh_token: str


async def begin_session(connection: Connection, user_id: UUID, method: str, client: Client) -> Grant:
    """A new session, signed in to by `method` (`password` or `anonymous`: the amr claim)."""
    session_id = uuid4()
    await connection.execute(
        """
        insert into auth.sessions (id, user_id, created_at, updated_at, aal, user_agent, ip)
        values (%s, %s, now(), now(), 'aal1', %s, %s)
        """,
        (session_id, user_id, client.user_agent, client.address),
    )
    token = await _issue_token(connection, user_id, session_id, parent=None)
    await connection.execute(
        """
        insert into auth.mfa_amr_claims (id, session_id, created_at, updated_at, authentication_method)
        values (%s, %s, now(), now(), %s)
        """,
        (uuid4(), session_id, method),
    )
    return Grant(session_id, user_id, token)


async def rotate(
    connection: Connection, token: str, *, reuse_seconds: int, client: Client
) -> Grant | AuthError:
    """Exchange a refresh token for the next one.

    A refusal is returned and not raised: detecting reuse revokes tokens, which has to be committed.
    """
    found = await connection.execute(
        "select * from auth.refresh_tokens where token = %s for update", (token,)
    )
    row = await found.fetchone()
    session = await find_session(connection, row["session_id"], for_update=True) if row is not None else None
    if row is None or session is None:
        return AuthError(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
    if session["not_after"] is not None and session["not_after"] < datetime.now(UTC):
        return AuthError(400, "session_expired", "Invalid Refresh Token: Session Expired")
    user_id = session["user_id"]
    successor = await _reusable_successor(connection, row) if row["revoked"] else None
    if successor is None:
        is_reuse = row["revoked"] and datetime.now(UTC) > row["updated_at"] + timedelta(seconds=reuse_seconds)
        if is_reuse:
            await _revoke_family(connection, session["id"])
            return AuthError(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
        await _revoke(connection, row["id"])
        successor = await _issue_token(connection, user_id, session["id"], parent=token)
    await connection.execute(
        """
        update auth.sessions
        set refreshed_at = timezone('utc', now()), updated_at = now(), user_agent = %s, ip = %s
        where id = %s
        """,
        (client.user_agent, client.address, session["id"]),
    )
    return Grant(session["id"], user_id, successor)


async def find_session(
    connection: Connection, session_id: UUID, *, for_update: bool = False
) -> DictRow | None:
    """The row of a session that has not ended."""
    if for_update:
        found = await connection.execute(
            "select * from auth.sessions where id = %s for update", (session_id,)
        )
    else:
        found = await connection.execute("select * from auth.sessions where id = %s", (session_id,))
    return await found.fetchone()


async def authentication_methods(connection: Connection, session_id: UUID) -> list[dict[str, Any]]:
    """The amr claim: how the session was signed in to, latest first."""
    found = await connection.execute(
        """
        select authentication_method as method, floor(extract(epoch from updated_at))::bigint as timestamp
        from auth.mfa_amr_claims
        where session_id = %s
        order by updated_at desc
        """,
        (session_id,),
    )
    return [dict(row) for row in await found.fetchall()]


async def end_session(connection: Connection, session_id: UUID) -> None:
    """End one session; its tokens go with it."""
    await connection.execute("delete from auth.sessions where id = %s", (session_id,))


async def end_sessions(connection: Connection, user_id: UUID, *, keep: UUID | None = None) -> None:
    """End all of a user's sessions, or all but one."""
    await connection.execute(
        "delete from auth.sessions where user_id = %s and id is distinct from %s", (user_id, keep)
    )


async def _reusable_successor(connection: Connection, row: DictRow) -> str | None:
    """The session's live token, if it is this revoked one's direct child: the client never got to use it."""
    found = await connection.execute(
        """
        select token from auth.refresh_tokens
        where session_id = %s and not revoked and parent = %s
        order by id desc
        limit 1
        """,
        (row["session_id"], row["token"]),
    )
    active = await found.fetchone()
    return None if active is None else str(active["token"])


async def _issue_token(connection: Connection, user_id: UUID, session_id: UUID, *, parent: str | None) -> str:
    token = "".join(secrets.choice(_TOKEN_ALPHABET) for _ in range(_TOKEN_LENGTH))
    await connection.execute(
        """
        insert into auth.refresh_tokens
            (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
        values (%s, %s, %s, false, now(), now(), %s, %s)
        """,
        (UUID(int=0), token, str(user_id), parent, session_id),
    )
    return token


async def _revoke(connection: Connection, token_id: int) -> None:
    """Revoke one token. The time of a token revoked earlier stays: the allowed seconds do not start anew."""
    await connection.execute(
        "update auth.refresh_tokens set revoked = true, updated_at = now() where id = %s and not revoked",
        (token_id,),
    )


async def _revoke_family(connection: Connection, session_id: UUID) -> None:
    await connection.execute(
        """
        update auth.refresh_tokens
        set revoked = true, updated_at = now()
        where session_id = %s and not revoked
        """,
        (session_id,),
    )
