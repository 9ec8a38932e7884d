"""`/user` and `/logout`: what a signed-in user does with his own account."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from functions_py.local.platform.auth.accounts import EMAIL_EXISTS, confirm_email, set_email, set_password
from functions_py.local.platform.auth.caller import require_user
from functions_py.local.platform.auth.database import transaction
from functions_py.local.platform.auth.errors import AuthError
from functions_py.local.platform.auth.params import UserUpdateBody, read_body, validate_email
from functions_py.local.platform.auth.passwords import check_strength, hash_password, is_password
from functions_py.local.platform.auth.sessions import end_session, end_sessions
from functions_py.local.platform.auth.users import (
    User,
    find_user,
    find_user_by_email,
    list_identities,
    update_user,
    user_json,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.local.platform.auth.database import Connection
    from functions_py.local.platform.context import Context

_NOT_LOADED = "Database error loading user"
_NOT_UPDATED = "Error updating user"


async def get_user(context: Context, request: Request) -> Response:
    """The user as the database has him now, which the token's claims may no longer be."""
    async with transaction(context, _NOT_LOADED) as connection:
        caller = await require_user(context, connection, request)
        return JSONResponse(user_json(caller.user, await list_identities(connection, caller.user.id)))


async def update_own_user(context: Context, request: Request) -> Response:
    """Change address, password or metadata.

    An anonymous user who gives an address becomes permanent, at once if addresses need no confirmation. A
    permanent user's new address stays `new_email` until confirmed by mail; there is no mailer, so here only
    an administrator can put it in force.
    """
    body = await read_body(request, UserUpdateBody)
    async with transaction(context, _NOT_LOADED) as connection:
        caller = await require_user(context, connection, request)
    password_hash = await _new_password_hash(context, caller.user, body)
    async with transaction(context, _NOT_UPDATED) as connection:
        user = await _locked(connection, caller.user)
        if password_hash is not None:
            user = await set_password(connection, user, password_hash, keep_session=caller.session_id)
        if body.data is not None:
            metadata = merged(user.user_metadata, body.data)
            user = await update_user(connection, user.id, {"raw_user_meta_data": metadata})
        if body.email and body.email.lower() != user.email:
            user = await _change_email(context, connection, user, validate_email(body.email))
        return JSONResponse(user_json(user, await list_identities(connection, user.id)))


async def logout(context: Context, request: Request) -> Response:
    """End this session (`scope=local`), all others (`others`) or all of them (`global`, the default)."""
    scope = request.query_params.get("scope") or "global"
    if scope not in ("global", "local", "others"):
        raise AuthError(400, "validation_failed", f'Unsupported logout scope "{scope}"')
    async with transaction(context, "Error logging out user") as connection:
        caller = await require_user(context, connection, request)
        if scope == "local" and caller.session_id is not None:
            await end_session(connection, caller.session_id)
        else:
            keep = caller.session_id if scope == "others" else None
            await end_sessions(connection, caller.user.id, keep=keep)
    return Response(status_code=204)


def merged(current: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Metadata is changed key by key; null removes a key."""
    combined = {**current, **changes}
    return {key: value for key, value in combined.items() if key not in changes or value is not None}


async def _new_password_hash(context: Context, user: User, body: UserUpdateBody) -> str | None:
    """Check the request and hash the password, which takes too long to be done inside a transaction."""
    if body.app_metadata is not None:
        raise AuthError(403, "not_admin", "Updating app_metadata requires admin privileges")
    if body.phone and body.phone != user.phone:
        raise AuthError(422, "phone_provider_disabled", "Phone signups are disabled")
    if body.password is None:
        return None
    check_strength(body.password, context.settings.auth_password_min_length)
    if user.is_anonymous and not body.email:
        raise AuthError(
            422,
            "validation_failed",
            "Updating password of an anonymous user without an email or phone is not allowed",
        )
    if await is_password(body.password, user.encrypted_password):
        raise AuthError(422, "same_password", "New password should be different from the old password.")
    return await hash_password(body.password, context.settings.auth_bcrypt_cost)


async def _change_email(context: Context, connection: Connection, user: User, email: str) -> User:
    other = await find_user_by_email(connection, email)
    if other is not None and other.id != user.id:
        raise AuthError(422, "email_exists", EMAIL_EXISTS)
    if user.is_anonymous and context.settings.auth_autoconfirm:
        user = await set_email(connection, user, email, is_verified=True)
        return await confirm_email(connection, user)
    return await update_user(
        connection, user.id, {"email_change": email, "email_change_sent_at": datetime.now(UTC)}
    )


async def _locked(connection: Connection, user: User) -> User:
    current = await find_user(connection, user.id, for_update=True)
    if current is None:
        raise AuthError(403, "user_not_found", "User from sub claim in JWT does not exist")
    return current
