"""Who is calling: a user with a live session, or an administrator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from functions_py.local.platform.auth.errors import AuthError
from functions_py.local.platform.auth.sessions import Client, find_session
from functions_py.local.platform.auth.users import AUDIENCE, User, find_user
from functions_py.local.platform.keys import Claims, InvalidToken, MissingToken

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.local.platform.auth.database import Connection
    from functions_py.local.platform.context import Context

_ADMIN_ROLES = ("service_role", "supabase_admin")


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user. Tokens made outside of Auth may lack a session."""

    user: User
    session_id: UUID | None


async def require_user(context: Context, connection: Connection, request: Request) -> Caller:
    """The user whose access token the request carries.

    Raises AuthError: no_authorization (401), and with 403 bad_jwt, user_not_found, session_not_found after a
    sign-out, and user_banned.
    """
    claims = _claims(context, request)
    if claims.get("aud") not in (AUDIENCE, [AUDIENCE]) and "sub" in claims:
        raise AuthError(400, "validation_failed", "Token audience doesn't match request audience")
    user_id = _uuid_claim(claims, "sub")
    if user_id is None:
        raise AuthError(403, "bad_jwt", "invalid claim: missing sub claim")
    user = await find_user(connection, user_id)
    if user is None:
        raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
    session_id = _uuid_claim(claims, "session_id")
    if session_id is not None and await find_session(connection, session_id) is None:
        raise AuthError(403, "session_not_found", "Session from session_id claim in JWT does not exist")
    if user.is_banned:
        raise AuthError(403, "user_banned", "User is banned")
    return Caller(user, session_id)


def require_admin(context: Context, request: Request) -> None:
    """Raises AuthError unless the token has the role of an administrator: not_admin (403)."""
    if _claims(context, request).get("role") not in _ADMIN_ROLES:
        raise AuthError(403, "not_admin", "User not allowed")


def client_of(request: Request) -> Client:
    """What a session remembers of the program that began it."""
    address = request.client.host if request.client is not None else None
    return Client(request.headers.get("user-agent"), address)


def _claims(context: Context, request: Request) -> Claims:
    try:
        return context.keys.role_claims(request)
    except MissingToken as error:
        raise AuthError(401, "no_authorization", str(error)) from None
    except InvalidToken as error:
        message = f"invalid JWT: unable to parse or verify signature, {error}"
        raise AuthError(403, "bad_jwt", message) from None


def _uuid_claim(claims: Claims, name: str) -> UUID | None:
    value = claims.get(name)
    if not value:
        return None
    try:
        return UUID(str(value))
    except ValueError:
        raise AuthError(403, "bad_jwt", f"invalid claim: {name} claim must be a UUID") from None
