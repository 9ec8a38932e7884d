"""What happens to a user's account: created, confirmed, made permanent, deleted softly.

Each function is some statements of the caller's transaction, in the order of the original: a project's
triggers may depend on it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg.errors

from functions_py.local.platform.auth.errors import AuthError
from functions_py.local.platform.auth.sessions import end_sessions
from functions_py.local.platform.auth.users import (
    User,
    add_identity,
    insert_user,
    list_identities,
    merge_identity_data,
    update_user,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from uuid import UUID

    from functions_py.local.platform.auth.database import Connection

_EMAIL_KEY = "users_email_partial_key"
_PHONE_KEY = "users_phone_key"

EMAIL_EXISTS = "A user with this email address has already been registered"
PHONE_EXISTS = "Phone number already registered by another user"


async def create_account(
    connection: Connection,
    *,
    user_id: UUID | None = None,
    role: str = "authenticated",
    email: str | None = None,
    phone: str | None = None,
    password_hash: str | None = None,
    user_metadata: Mapping[str, Any] | None = None,
    is_anonymous: bool = False,
) -> User:
    """Insert a user and the identities of the address and number given.

    Raises AuthError email_exists or phone_exists (422) when another request was faster.
    """
    providers = [name for name, value in (("email", email), ("phone", phone)) if value]
    metadata = {"provider": providers[0], "providers": providers} if providers else {}
    with _naming_what_is_taken():
        user = await insert_user(
            connection,
            user_id or uuid4(),
            {
                "email": email,
                "phone": phone,
                "encrypted_password": password_hash or "",
                "raw_app_meta_data": metadata,
                "raw_user_meta_data": dict(user_metadata or {}),
                "is_anonymous": is_anonymous,
            },
        )
    user = await update_user(connection, user.id, {"role": role})
    if email:
        await add_identity(connection, user.id, "email", _claims(email=email))
    if phone:
        await add_identity(connection, user.id, "phone", _claims(phone=phone))
    return user


async def adopt_signup_data(connection: Connection, user: User, data: Mapping[str, Any]) -> User:
    """After a sign-up, identity and user carry the same data: what the user sent, and whose it is."""
    known = {"sub": str(user.id), **_claims(email=user.email or "")}
    await merge_identity_data(connection, user.id, "email", {**data, **known})
    return await update_user(connection, user.id, {"raw_user_meta_data": {**data, **known}})


async def confirm_email(connection: Connection, user: User) -> User:
    """The address is the user's from now on."""
    return await update_user(
        connection,
        user.id,
        {
            "confirmation_token": "",
            "email_confirmed_at": datetime.now(UTC),
            "raw_user_meta_data": user.user_metadata | {"email_verified": True},
        },
    )


async def confirm_phone(connection: Connection, user: User) -> User:
    """The number is the user's from now on."""
    return await update_user(
        connection, user.id, {"confirmation_token": "", "phone_confirmed_at": datetime.now(UTC)}
    )


async def set_email(connection: Connection, user: User, email: str, *, is_verified: bool) -> User:
    """Give the user an address, with the identity that lets him sign in by it.

    Raises AuthError email_exists (422). A verified one makes an anonymous user permanent.
    """
    data = {"email": email, "email_verified": is_verified}
    if not await merge_identity_data(connection, user.id, "email", data):
        await add_identity(connection, user.id, "email", _claims(email=email) | data)
        user = await _name_providers(connection, user)
    changes: dict[str, Any] = {"email": email, "email_change": ""}
    if is_verified:
        changes["is_anonymous"] = False
    with _naming_what_is_taken():
        return await update_user(connection, user.id, changes)


async def set_phone(connection: Connection, user: User, phone: str, *, is_verified: bool) -> User:
    """Give the user a number. Raises AuthError phone_exists (422)."""
    data = {"phone": phone, "phone_verified": is_verified}
    if not await merge_identity_data(connection, user.id, "phone", data):
        await add_identity(connection, user.id, "phone", _claims(phone=phone) | data)
        user = await _name_providers(connection, user)
    changes: dict[str, Any] = {"phone": phone}
    if is_verified:
        changes["is_anonymous"] = False
    with _naming_what_is_taken():
        return await update_user(connection, user.id, changes)


async def set_password(
    connection: Connection, user: User, password_hash: str, *, keep_session: UUID | None
) -> User:
    """Replace the password and end the user's sessions but one: whoever knew the old password is out."""
    updated = await update_user(
        connection,
        user.id,
        {"encrypted_password": password_hash, "confirmation_token": "", "recovery_token": ""},
    )
    await end_sessions(connection, user.id, keep=keep_session)
    return updated


async def delete_softly(connection: Connection, user: User) -> None:
    """Keep the row and its id, without anything that says whose it was; no sign-in, no session is left.

    Address and number become hashes, so that they are free for a new account.
    """
    await update_user(
        connection,
        user.id,
        {
            "email": _obfuscated(user.id, user.email or ""),
            "phone": _obfuscated(user.id, user.phone or "")[:15],
            "email_change": _obfuscated(user.id, user.email_change or ""),
            "phone_change": _obfuscated(user.id, user.phone_change or "")[:15],
            "encrypted_password": None,
            "confirmation_token": "",
            "recovery_token": "",
            "email_change_token_current": "",
            "email_change_token_new": "",
            "phone_change_token": "",
            "deleted_at": datetime.now(UTC),
        },
    )
    await connection.execute("delete from auth.one_time_tokens where user_id = %s", (user.id,))
    await update_user(connection, user.id, {"raw_user_meta_data": {}, "raw_app_meta_data": {}})
    await end_sessions(connection, user.id)
    for identity in await list_identities(connection, user.id):
        hidden = _obfuscated(user.id, f"{identity['provider']}:{identity['provider_id']}")
        await connection.execute(
            "update auth.identities set identity_data = '{}', provider_id = %s where id = %s",
            (hidden, identity["id"]),
        )


@contextlib.contextmanager
def _naming_what_is_taken() -> Iterator[None]:
    """The table's own keys decide, between requests at one time too; a project's keys are its own affair."""
    try:
        yield
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name == _EMAIL_KEY:
            raise AuthError(422, "email_exists", EMAIL_EXISTS) from error
        if error.diag.constraint_name == _PHONE_KEY:
            raise AuthError(422, "phone_exists", PHONE_EXISTS) from error
        raise


async def _name_providers(connection: Connection, user: User) -> User:
    providers = list(dict.fromkeys(row["provider"] for row in await list_identities(connection, user.id)))
    metadata = user.app_metadata | {"provider": providers[0], "providers": providers}
    return await update_user(connection, user.id, {"raw_app_meta_data": metadata})


def _claims(**given: str) -> dict[str, Any]:
    return {**given, "email_verified": False, "phone_verified": False}


def _obfuscated(user_id: UUID, value: str) -> str:
    digest = hashlib.sha256(f"{user_id}{value}".encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
