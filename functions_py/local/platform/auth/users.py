"""Rows of auth.users and auth.identities: reading, writing, and the JSON clients get of them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID, uuid4

from psycopg import sql
from psycopg.types.json import Jsonb

from functions_py.local.platform.auth.errors import AuthError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg.rows import DictRow

    from functions_py.local.platform.auth.database import Connection

AUDIENCE = "authenticated"
# A relic of multi-tenancy: the original finds only rows of the nil instance, so a row inserted by hand
# without it cannot sign in there. Nor can it here.
_INSTANCE = UUID(int=0)


@dataclass(frozen=True, slots=True)
class User:
    """A row of auth.users, without the columns that only hold a mailed token."""

    id: UUID
    aud: str | None
    role: str | None
    email: str | None
    encrypted_password: str | None
    email_confirmed_at: datetime | None
    invited_at: datetime | None
    phone: str | None
    phone_confirmed_at: datetime | None
    confirmation_sent_at: datetime | None
    confirmed_at: datetime | None
    recovery_sent_at: datetime | None
    email_change: str | None
    email_change_sent_at: datetime | None
    phone_change: str | None
    phone_change_sent_at: datetime | None
    reauthentication_sent_at: datetime | None
    last_sign_in_at: datetime | None
    raw_app_meta_data: dict[str, Any] | None
    raw_user_meta_data: dict[str, Any] | None
    created_at: datetime | None
    updated_at: datetime | None
    banned_until: datetime | None
    deleted_at: datetime | None
    is_anonymous: bool

    @property
    def is_banned(self) -> bool:
        """Whether a ban is in force now."""
        return self.banned_until is not None and self.banned_until > datetime.now(UTC)

    @property
    def app_metadata(self) -> dict[str, Any]:
        """What administrators and Auth itself wrote about the user."""
        return self.raw_app_meta_data or {}

    @property
    def user_metadata(self) -> dict[str, Any]:
        """What the user wrote about himself: never a reason to allow anything."""
        return self.raw_user_meta_data or {}


_COLUMNS = sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(User))
_JSON_COLUMNS = frozenset(("raw_app_meta_data", "raw_user_meta_data"))


async def find_user(connection: Connection, user_id: UUID, *, for_update: bool = False) -> User | None:
    """The user of an id, deleted softly or not. `for_update` keeps other requests of Auth from the row."""
    return await _find_one(connection, "id = %s", user_id, for_update=for_update)


async def find_user_by_email(connection: Connection, email: str) -> User | None:
    """The user whose address this is, whatever its case. Single sign-on users are not looked at."""
    condition: LiteralString = "lower(email) = %s and aud = 'authenticated' and not is_sso_user"
    return await _find_one(connection, condition, email.lower())


async def find_user_by_phone(connection: Connection, phone: str) -> User | None:
    """The user whose number this is, in E.164 without the plus sign."""
    return await _find_one(connection, "phone = %s and aud = 'authenticated' and not is_sso_user", phone)


async def list_users(
    connection: Connection, *, limit: int, offset: int, search: str
) -> tuple[list[User], int]:
    """A page, newest first, and how many there are. `search` is part of an address or of a full name."""
    parameters = {
        "instance": _INSTANCE,
        "aud": AUDIENCE,
        "search": f"%{search}%",
        "limit": limit,
        "offset": offset,
    }
    found = sql.SQL(
        """
        from auth.users
        where instance_id = %(instance)s and aud = %(aud)s
          and (
              %(search)s = '%%%%'
              or email like %(search)s
              or raw_user_meta_data ->> 'full_name' ilike %(search)s
          )
        """
    )
    counted = await connection.execute(sql.SQL("select count(*) as total {}").format(found), parameters)
    total = (await counted.fetchone() or {"total": 0})["total"]
    page = await connection.execute(
        sql.SQL("select {} {} order by created_at desc limit %(limit)s offset %(offset)s").format(
            _COLUMNS, found
        ),
        parameters,
    )
    return [User(**row) for row in await page.fetchall()], total


async def insert_user(connection: Connection, user_id: UUID, values: Mapping[str, Any]) -> User:
    """Insert the row as the original does: an AFTER INSERT trigger sees an empty role and no confirmation.

    Role, metadata of administrators and the confirmation follow as updates in the same transaction.
    """
    row = {
        "instance_id": _INSTANCE,
        "id": user_id,
        "aud": AUDIENCE,
        "role": "",
        "confirmation_token": "",
        "recovery_token": "",
        "email_change": "",
        "email_change_token_new": "",
    } | dict(values)
    statement = sql.SQL(
        "insert into auth.users ({}, created_at, updated_at) values ({}, now(), now()) returning {}"
    ).format(
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(sql.Placeholder(name) for name in row),
        _COLUMNS,
    )
    inserted = await (await connection.execute(statement, _adapted(row))).fetchone()
    return _user(inserted)


async def update_user(connection: Connection, user_id: UUID, values: Mapping[str, Any]) -> User:
    """Set columns; `updated_at` follows. Raises AuthError user_not_found if the row is gone."""
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
    )
    statement = sql.SQL(
        "update auth.users set {}, updated_at = now() where id = %(user_id)s returning {}"
    ).format(assignments, _COLUMNS)
    updated = await (await connection.execute(statement, _adapted(values) | {"user_id": user_id})).fetchone()
    return _user(updated)


async def delete_user(connection: Connection, user_id: UUID) -> None:
    """Remove the row; identities, sessions and a project's cascades go with it."""
    await connection.execute("delete from auth.users where id = %s", (user_id,))


async def add_identity(
    connection: Connection, user_id: UUID, provider: str, data: Mapping[str, Any]
) -> DictRow:
    """Record how the user signs in. `email` and `phone` identities are their own provider's id."""
    inserted = await connection.execute(
        """
        insert into auth.identities
            (id, provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
        values (%s, %s, %s, %s, %s, now(), now(), now())
        returning *
        """,
        (uuid4(), str(user_id), user_id, Jsonb({"sub": str(user_id), **data}), provider),
    )
    row = await inserted.fetchone()
    assert row is not None
    return row


async def merge_identity_data(
    connection: Connection, user_id: UUID, provider: str, data: Mapping[str, Any]
) -> bool:
    """Overwrite single keys of an identity; False if the user has none of this provider."""
    updated = await connection.execute(
        """
        update auth.identities
        set identity_data = identity_data || %s, updated_at = now()
        where user_id = %s and provider = %s
        """,
        (Jsonb(dict(data)), user_id, provider),
    )
    return updated.rowcount > 0


async def list_identities(connection: Connection, user_id: UUID) -> list[DictRow]:
    """Oldest first."""
    found = await connection.execute(
        "select * from auth.identities where user_id = %s order by created_at, id", (user_id,)
    )
    return await found.fetchall()


def user_json(user: User, identities: Sequence[DictRow] | None) -> dict[str, Any]:
    """The user as clients see him. Absent times are left out; lists have null identities."""
    optional = {
        "invited_at": user.invited_at,
        "email_confirmed_at": user.email_confirmed_at,
        "phone_confirmed_at": user.phone_confirmed_at,
        "confirmation_sent_at": user.confirmation_sent_at,
        "confirmed_at": user.confirmed_at,
        "recovery_sent_at": user.recovery_sent_at,
        "email_change_sent_at": user.email_change_sent_at,
        "phone_change_sent_at": user.phone_change_sent_at,
        "reauthentication_sent_at": user.reauthentication_sent_at,
        "last_sign_in_at": user.last_sign_in_at,
        "banned_until": user.banned_until,
        "deleted_at": user.deleted_at,
    }
    pending = {"new_email": user.email_change, "new_phone": user.phone_change}
    return {
        "id": str(user.id),
        "aud": user.aud or "",
        "role": user.role or "",
        "email": user.email or "",
        "phone": user.phone or "",
        **{name: timestamp(value) for name, value in optional.items() if value is not None},
        **{name: value for name, value in pending.items() if value},
        "app_metadata": user.app_metadata,
        "user_metadata": user.user_metadata,
        "identities": None if identities is None else [_identity_json(row) for row in identities],
        "created_at": timestamp(user.created_at),
        "updated_at": timestamp(user.updated_at),
        "is_anonymous": user.is_anonymous,
    }


def timestamp(value: datetime | None) -> str:
    """RFC 3339 in UTC, which clients insist on; the zero time of the original for a row that has none."""
    if value is None:
        return "0001-01-01T00:00:00Z"
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _identity_json(row: DictRow) -> dict[str, Any]:
    # `id` is the provider's id and `identity_id` the row's: client libraries froze these names.
    identity = {
        "identity_id": str(row["id"]),
        "id": row["provider_id"],
        "user_id": str(row["user_id"]),
        "identity_data": row["identity_data"],
        "provider": row["provider"],
        "last_sign_in_at": timestamp(row["last_sign_in_at"]),
        "created_at": timestamp(row["created_at"]),
        "updated_at": timestamp(row["updated_at"]),
    }
    return identity | ({"email": row["email"]} if row["email"] else {})


async def _find_one(
    connection: Connection, condition: LiteralString, value: object, *, for_update: bool = False
) -> User | None:
    statement = sql.SQL("select {} from auth.users where instance_id = %s and {}{}").format(
        _COLUMNS, sql.SQL(condition), sql.SQL(" for update" if for_update else "")
    )
    row = await (await connection.execute(statement, (_INSTANCE, value))).fetchone()
    return None if row is None else User(**row)


def _adapted(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value) if name in _JSON_COLUMNS else value for name, value in values.items()}


def _user(row: DictRow | None) -> User:
    if row is None:
        raise AuthError(404, "user_not_found", "User not found")
    return User(**row)
