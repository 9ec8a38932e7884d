"""`POST /signup`: by address and password, or anonymously."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.responses import JSONResponse, Response

from functions_py.local.platform.auth.accounts import adopt_signup_data, confirm_email, create_account
from functions_py.local.platform.auth.caller import client_of
from functions_py.local.platform.auth.database import transaction
from functions_py.local.platform.auth.errors import AuthError
from functions_py.local.platform.auth.params import SignupBody, read_body, validate_email
from functions_py.local.platform.auth.passwords import check_strength, hash_password
from functions_py.local.platform.auth.sessions import begin_session
from functions_py.local.platform.auth.tokens import session_body, session_response
from functions_py.local.platform.auth.users import (
    User,
    find_user_by_email,
    list_identities,
    timestamp,
    update_user,
    user_json,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.local.platform.context import Context

_NOT_SAVED = "Database error saving new user"
_ANONYMOUS_NOT_SAVED = "Database error creating anonymous user"
_NOT_GRANTED = "Database error granting user"


async def signup(context: Context, request: Request) -> Response:
    """A session if addresses need no confirmation or the user is anonymous; else the user alone."""
    settings = context.settings
    body = await read_body(request, SignupBody)
    is_anonymous = not body.email and not body.phone
    if is_anonymous and not settings.auth_anonymous_sign_ins:
        raise AuthError(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled")
    if not settings.auth_signup_enabled:
        raise AuthError(422, "signup_disabled", "Signups not allowed for this instance")
    if is_anonymous:
        return await _sign_in_anonymously(context, request, body.data or {})
    return await _sign_up_by_email(context, request, body)


async def _sign_in_anonymously(context: Context, request: Request, data: dict[str, Any]) -> Response:
    async with transaction(context, _ANONYMOUS_NOT_SAVED) as connection:
        user = await create_account(connection, user_metadata=data, is_anonymous=True)
        grant = await begin_session(connection, user.id, "anonymous", client_of(request))
        user = await update_user(connection, user.id, {"last_sign_in_at": datetime.now(UTC)})
        return session_response(grant, await session_body(context, connection, user, grant))


async def _sign_up_by_email(context: Context, request: Request, body: SignupBody) -> Response:
    settings = context.settings
    data = body.data or {}
    if not body.password:
        raise AuthError(400, "validation_failed", "Signup requires a valid password")
    check_strength(body.password, settings.auth_password_min_length)
    if body.email and body.phone:
        raise AuthError(
            400, "validation_failed", "Only an email address or phone number should be provided on signup."
        )
    if not body.email:
        raise AuthError(400, "phone_provider_disabled", "Phone signups are disabled")
    email = validate_email(body.email)
    async with transaction(context, "Database error finding user") as connection:
        existing = await find_user_by_email(connection, email)
        identities = await list_identities(connection, existing.id) if existing is not None else []
    if existing is not None:
        if settings.auth_autoconfirm:
            raise AuthError(422, "user_already_exists", "User already registered")
        # With confirmation by mail nobody learns here whether an address is taken.
        is_taken = existing.email_confirmed_at is not None
        return JSONResponse(_decoy(email, data) if is_taken else user_json(existing, identities))

    password_hash = await hash_password(body.password, settings.auth_bcrypt_cost)
    user = await _create(context, email, password_hash, data)
    async with transaction(context, _NOT_GRANTED) as connection:
        if not settings.auth_autoconfirm:
            return JSONResponse(user_json(user, await list_identities(connection, user.id)))
        # A transaction of its own, as in the original: the user exists even if signing in should fail.
        grant = await begin_session(connection, user.id, "password", client_of(request))
        user = await update_user(connection, user.id, {"last_sign_in_at": datetime.now(UTC)})
        return session_response(grant, await session_body(context, connection, user, grant))


async def _create(context: Context, email: str, password_hash: str, data: dict[str, Any]) -> User:
    try:
        async with transaction(context, _NOT_SAVED) as connection:
            user = await create_account(
                connection, email=email, password_hash=password_hash, user_metadata=data
            )
            user = await adopt_signup_data(connection, user, data)
            if context.settings.auth_autoconfirm:
                return await confirm_email(connection, user)
            return await update_user(connection, user.id, {"confirmation_sent_at": datetime.now(UTC)})
    except AuthError as error:
        if error.code == "email_exists":
            raise AuthError(422, "user_already_exists", "User already registered") from error
        raise


def _decoy(email: str, data: dict[str, Any]) -> dict[str, Any]:
    """What a first sign-up would have been answered, about nobody."""
    now = timestamp(datetime.now(UTC))
    return {
        "id": str(uuid4()),
        "aud": "authenticated",
        "role": "",
        "email": email,
        "phone": "",
        "confirmation_sent_at": now,
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": data,
        "identities": [],
        "created_at": now,
        "updated_at": now,
        "is_anonymous": False,
    }
