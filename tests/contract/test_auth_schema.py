"""Schema auth, as a hosted project's migrations and policies find it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.support.database import connect, connect_as

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.support.database import Connection

_TABLES = ("users", "identities", "sessions", "refresh_tokens", "mfa_amr_claims", "one_time_tokens")


async def test_users_have_the_columns_of_auth(postgres: Connection) -> None:
    found = await postgres.execute(
        """
        select string_agg(attname, ' ' order by attnum) as names
        from pg_attribute
        where attrelid = 'auth.users'::regclass and attnum > 0
        """
    )
    row = await found.fetchone()
    assert row is not None
    assert row["names"].split() == [
        *("instance_id", "id", "aud", "role", "email", "encrypted_password", "email_confirmed_at"),
        *("invited_at", "confirmation_token", "confirmation_sent_at", "recovery_token", "recovery_sent_at"),
        *("email_change_token_new", "email_change", "email_change_sent_at", "last_sign_in_at"),
        *("raw_app_meta_data", "raw_user_meta_data", "is_super_admin", "created_at", "updated_at"),
        *("phone", "phone_confirmed_at", "phone_change", "phone_change_token", "phone_change_sent_at"),
        *("confirmed_at", "email_change_token_current", "email_change_confirm_status", "banned_until"),
        *("reauthentication_token", "reauthentication_sent_at", "is_sso_user", "deleted_at", "is_anonymous"),
    ]


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize("table", _TABLES)
async def test_no_api_role_reads_or_writes_it(postgres: Connection, role: str, table: str) -> None:
    for privilege in ("select", "insert", "update", "delete", "truncate", "references", "trigger"):
        found = await postgres.execute(
            "select has_table_privilege(%s, %s, %s) as has", (role, f"auth.{table}", privilege)
        )
        assert await found.fetchone() == {"has": False}, privilege


async def test_postgres_changes_users_and_builds_on_them(postgres: Connection) -> None:
    user_id = uuid4()
    async with postgres.transaction(force_rollback=True):
        await postgres.execute(
            """
            create table public.contract_test (user_id uuid references auth.users on delete cascade);
            create function public.contract_test() returns trigger language plpgsql
            as 'begin insert into public.contract_test values (new.id); return new; end';
            create trigger contract_test after insert on auth.users
            for each row execute function public.contract_test()
            """
        )
        await postgres.execute("insert into auth.users (id, email) values (%s, 'x')", (user_id,))
        await postgres.execute("update auth.users set email = 'y' where id = %s", (user_id,))
        made = await postgres.execute("select user_id from public.contract_test")
        assert await made.fetchone() == {"user_id": user_id}
        await postgres.execute("delete from auth.users where id = %s", (user_id,))
        left = await postgres.execute("select from public.contract_test")
        assert await left.fetchone() is None


async def test_claims_are_read_from_the_token(stack: Stack) -> None:
    user_id = uuid4()
    async with connect_as(stack, user_id, email="ann@example.com") as connection:
        found = await connection.execute(
            "select auth.uid() as uid, auth.role() as role, auth.email() as email, auth.jwt() as jwt"
        )
        row = await found.fetchone()
    claims = {"sub": str(user_id), "role": "authenticated", "email": "ann@example.com"}
    assert row == {
        "uid": user_id,
        "role": "authenticated",
        "email": "ann@example.com",
        "jwt": claims,
    }


@pytest.mark.parametrize("name", ["request.jwt.claims", "request.jwt.claim.sub"])
async def test_nobody_is_nobody_on_a_used_connection(stack: Stack, name: str) -> None:
    user_id = str(uuid4())
    value = json.dumps({"sub": user_id}) if name.endswith("claims") else user_id
    async with connect(stack, "authenticator") as connection:
        uids = []
        for setting in (value, None):
            async with connection.transaction():
                await connection.execute("set local role anon")
                if setting is not None:
                    await connection.execute("select set_config(%s, %s, true)", (name, setting))
                found = await (await connection.execute("select auth.uid() as uid")).fetchone()
                assert found is not None
                uids.append(found["uid"])
    # After the first transaction the setting is an empty text, not absent.
    assert [str(uids[0]), uids[1]] == [user_id, None]
