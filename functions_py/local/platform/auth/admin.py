"""`/admin/users`: what a project's own backend does with its secret key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse, Response

from functions_py.local.platform.auth.accounts import (
    confirm_email,
    confirm_phone,
    create_account,
    delete_softly,
    set_email,
    set_password,
    set_phone,
)
from functions_py.local.platform.auth.caller import require_admin
from functions_py.local.platform.auth.database import transaction
from functions_py.local.platform.auth.errors import AuthError
from functions_py.local.platform.auth.params import (
    AdminDeleteBody,
    AdminUserBody,
    parse_ban_duration,
    parse_uuid,
    read_body,
    validate_email,
    validate_phone,
)
from functions_py.local.platform.auth.passwords import check_strength, generate_password, hash_password
from functions_py.local.platform.auth.user import merged
from functions_py.local.platform.auth.users import (
    AUDIENCE,
    User,
    delete_user,
    find_user,
    list_identities,
    list_users,
    update_user,
    user_json,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.local.platform.auth.database import Connection
    from functions_py.local.platform.context import Context

_DEFAULT_PER_PAGE = 50


async def create(context: Context, request: Request) -> Response:
    """Create a user. Unconfirmed unless `email_confirm`; a missing password becomes one nobody knows."""
    require_admin(context, request)
    body = _normalised(await read_body(request, AdminUserBody))
    if not body.email and not body.phone:
        raise AuthError(400, "validation_failed", "Cannot create a user without either an email or phone")
    if body.password is not None and body.password_hash:
        raise AuthError(400, "validation_failed", "Only a password or a password hash should be provided")
    user_id = parse_uuid(body.id, "ID must conform to the uuid v4 format", 400) if body.id else None
    changes = _ban(body)
    password = body.password or generate_password()
    check_strength(password, 0)
    password_hash = body.password_hash or await hash_password(password, context.settings.auth_bcrypt_cost)
    async with transaction(context, "Database error creating new user") as connection:
        user = await create_account(
            connection,
            user_id=user_id,
            role=body.role or "authenticated",
            email=body.email or None,
            phone=body.phone or None,
            password_hash=password_hash,
            user_metadata=body.user_metadata,
        )
        if body.app_metadata is not None:
            changes["raw_app_meta_data"] = merged(user.app_metadata, body.app_metadata)
        if changes:
            user = await update_user(connection, user.id, changes)
        user = await _confirm(connection, user, body)
        return await _answer(connection, user)


async def list_page(context: Context, request: Request) -> Response:
    """A page of users, newest first; `Link` and `X-Total-Count` say where it stands."""
    require_admin(context, request)
    page = max(1, _count(request, "page", 1))
    per_page = _count(request, "per_page", _DEFAULT_PER_PAGE)
    if per_page == 0:
        raise AuthError(
            400, "validation_failed", "Bad Pagination Parameters: per_page must be greater than 0"
        )
    async with transaction(context, "Database error finding users") as connection:
        users, total = await list_users(
            connection,
            limit=per_page,
            offset=(page - 1) * per_page,
            search=request.query_params.get("filter", ""),
        )
    last = -(-total // per_page)
    links = [_link(request, page + 1, "next")] if last > page else []
    links.append(_link(request, last, "last"))
    return JSONResponse(
        {"users": [user_json(user, None) for user in users], "aud": AUDIENCE},
        headers={"link": ", ".join(links), "x-total-count": str(total)},
    )


async def get(context: Context, request: Request) -> Response:
    """One user, deleted softly or not."""
    require_admin(context, request)
    async with transaction(context, "Database error loading user") as connection:
        return await _answer(connection, await _load(connection, request))


async def update(context: Context, request: Request) -> Response:
    """Change what is given. A new address is in force at once; a new password ends the user's sessions."""
    require_admin(context, request)
    body = _normalised(await read_body(request, AdminUserBody))
    changes = _ban(body)
    password_hash = None
    if body.password is not None:
        check_strength(body.password, context.settings.auth_password_min_length)
        password_hash = await hash_password(body.password, context.settings.auth_bcrypt_cost)
    async with transaction(context, "Error updating user") as connection:
        user = await _load(connection, request, for_update=True)
        if body.role:
            changes["role"] = body.role
        user = await _confirm(connection, user, body)
        if password_hash is not None:
            user = await set_password(connection, user, password_hash, keep_session=None)
        if body.email:
            user = await set_email(connection, user, body.email, is_verified=bool(body.email_confirm))
        if body.phone:
            user = await set_phone(connection, user, body.phone, is_verified=bool(body.phone_confirm))
        if body.app_metadata is not None:
            changes["raw_app_meta_data"] = merged(user.app_metadata, body.app_metadata)
        if body.user_metadata is not None:
            changes["raw_user_meta_data"] = merged(user.user_metadata, body.user_metadata)
        if changes:
            user = await update_user(connection, user.id, changes)
        return await _answer(connection, user)


async def delete(context: Context, request: Request) -> Response:
    """Remove a user for good, or softly: the row stays, and nothing that says whose it was."""
    require_admin(context, request)
    body = await read_body(request, AdminDeleteBody)
    failure = "Error soft deleting user" if body.should_soft_delete else "Database error deleting user"
    async with transaction(context, failure) as connection:
        user = await _load(connection, request, for_update=True)
        if not body.should_soft_delete:
            await delete_user(connection, user.id)
        elif user.deleted_at is None:
            await delete_softly(connection, user)
    return JSONResponse({})


async def _load(connection: Connection, request: Request, *, for_update: bool = False) -> User:
    user_id = parse_uuid(request.path_params["user_id"], "user_id must be an UUID")
    user = await find_user(connection, user_id, for_update=for_update)
    if user is None:
        raise AuthError(404, "user_not_found", "User not found")
    return user


async def _answer(connection: Connection, user: User) -> Response:
    return JSONResponse(user_json(user, await list_identities(connection, user.id)))


def _normalised(body: AdminUserBody) -> AdminUserBody:
    return body.model_copy(
        update={
            "email": validate_email(body.email) if body.email else None,
            "phone": validate_phone(body.phone) if body.phone else None,
        }
    )


def _ban(body: AdminUserBody) -> dict[str, Any]:
    """The column a ban changes, if the request says anything about one."""
    if not body.ban_duration:
        return {}
    duration = parse_ban_duration(body.ban_duration)
    return {"banned_until": datetime.now(UTC) + duration if duration else None}


async def _confirm(connection: Connection, user: User, body: AdminUserBody) -> User:
    if body.email_confirm:
        user = await confirm_email(connection, user)
    if body.phone_confirm:
        user = await confirm_phone(connection, user)
    return user


def _count(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise AuthError(
            400, "validation_failed", f'Bad Pagination Parameters: {name} must be a number, not "{text}"'
        )
    return int(text)


def _link(request: Request, page: int, relation: str) -> str:
    # Sorted, because supabase-js takes the number after the first "=" for the page.
    query = sorted({**request.query_params, "page": str(page)}.items())
    return f'</admin/users?{urlencode(query)}>; rel="{relation}"'
