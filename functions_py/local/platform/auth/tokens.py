"""Access tokens and the answer that carries a session."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from functions_py.local.platform.auth.sessions import Grant, authentication_methods
from functions_py.local.platform.auth.users import User, list_identities, user_json

if TYPE_CHECKING:
    from functions_py.local.platform.auth.database import Connection
    from functions_py.local.platform.context import Context


async def session_body(context: Context, connection: Connection, user: User, grant: Grant) -> dict[str, Any]:
    """A session as clients keep it: access token, refresh token, expiry (seconds and Unix time), user."""
    expires_in = context.settings.jwt_expiry_seconds
    issued_at = int(time.time())
    claims = {
        "iss": f"{context.settings.api_url}/auth/v1",
        "sub": str(user.id),
        "aud": user.aud,
        "exp": issued_at + expires_in,
        "iat": issued_at,
        "email": user.email or "",
        "phone": user.phone or "",
        "app_metadata": user.app_metadata,
        "user_metadata": user.user_metadata,
        "role": user.role,
        "aal": "aal1",
        "amr": await authentication_methods(connection, grant.session_id),
        "session_id": str(grant.session_id),
        "is_anonymous": user.is_anonymous,
    }
    return {
        "access_token": context.keys.sign(claims),
        "token_type": "bearer",
        "expires_in": expires_in,
        "expires_at": issued_at + expires_in,
        "refresh_token": grant.refresh_token,
        "user": user_json(user, await list_identities(connection, user.id)),
    }


def session_response(grant: Grant, body: dict[str, Any]) -> JSONResponse:
    """The body, with the headers by which logs and tests find user and session."""
    headers = {"sb-auth-user-id": str(grant.user_id), "sb-auth-session-id": str(grant.session_id)}
    return JSONResponse(body, headers=headers)
