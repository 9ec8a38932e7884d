"""`POST /token`: a session for a password, or the next one for a refresh token."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from functions_py.local.platform.auth.caller import client_of
from functions_py.local.platform.auth.database import transaction
from functions_py.local.platform.auth.errors import AuthError
from functions_py.local.platform.auth.params import (
    PasswordGrantBody,
    RefreshGrantBody,
    read_body,
    validate_phone,
)
from functions_py.local.platform.auth.passwords import check_strength, is_password
from functions_py.local.platform.auth.sessions import begin_session, rotate
from functions_py.local.platform.auth.tokens import session_body, session_response
from functions_py.local.platform.auth.users import (
    User,
    find_user,
    find_user_by_email,
    find_user_by_phone,
    update_user,
)

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from functions_py.local.platform.context import Context

_INVALID_LOGIN = "Invalid login credentials"


async def token(context: Context, request: Request) -> Response:
    """Dispatch on the grant type, which is a query parameter."""
    match request.query_params.get("grant_type"):
        case "password":
            return await _password_grant(context, request)
        case "refresh_token":
            return await _refresh_grant(context, request)
        case _:
            raise AuthError(400, "invalid_credentials", "unsupported_grant_type")


async def _password_grant(context: Context, request: Request) -> Response:
    body = await read_body(request, PasswordGrantBody)
    user = await _user_named(context, body)
    # No connection is held while bcrypt works.
    if user is None or not user.encrypted_password:
        raise AuthError(400, "invalid_credentials", _INVALID_LOGIN)
    if user.is_banned:
        raise AuthError(400, "user_banned", "User is banned")
    if not await is_password(body.password or "", user.encrypted_password):
        raise AuthError(400, "invalid_credentials", _INVALID_LOGIN)
    if body.email and user.email_confirmed_at is None:
        raise AuthError(400, "email_not_confirmed", "Email not confirmed")
    if body.phone and user.phone_confirmed_at is None:
        raise AuthError(400, "phone_not_confirmed", "Phone not confirmed")
    async with transaction(context, "Database error granting user") as connection:
        grant = await begin_session(connection, user.id, "password", client_of(request))
        user = await update_user(connection, user.id, {"last_sign_in_at": datetime.now(UTC)})
        answer = await session_body(context, connection, user, grant)
    try:
        check_strength(body.password or "", context.settings.auth_password_min_length)
    except AuthError as weakness:
        # The rules became stricter since the password was set: a hint for the client, no refusal.
        answer["weak_password"] = {"message": weakness.message, "reasons": list(weakness.weak_reasons)}
    return session_response(grant, answer)


async def _user_named(context: Context, body: PasswordGrantBody) -> User | None:
    if body.email and body.phone:
        raise AuthError(
            400, "validation_failed", "Only an email address or phone number should be provided on login."
        )
    if not body.email and not body.phone:
        raise AuthError(400, "validation_failed", "missing email or phone")
    async with transaction(context, "Database error querying schema") as connection:
        if body.email:
            return await find_user_by_email(connection, body.email)
        return await find_user_by_phone(connection, validate_phone(body.phone or ""))


async def _refresh_grant(context: Context, request: Request) -> Response:
    body = await read_body(request, RefreshGrantBody)
    if not body.refresh_token:
        raise AuthError(400, "validation_failed", "refresh_token required")
    async with transaction(context, "Database error granting user") as connection:
        outcome = await rotate(
            connection,
            body.refresh_token,
            reuse_seconds=context.settings.auth_refresh_reuse_seconds,
            client=client_of(request),
        )
        if not isinstance(outcome, AuthError):
            user = await find_user(connection, outcome.user_id)
            if user is None:
                raise AuthError(
                    400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found"
                )
            if user.is_banned:
                raise AuthError(400, "user_banned", "Invalid Refresh Token: User Banned")
            return session_response(outcome, await session_body(context, connection, user, outcome))
    raise outcome
