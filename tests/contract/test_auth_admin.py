"""Auth's admin API: what a backend does to users with its secret key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import bcrypt
import pytest
from supabase import AuthApiError

from tests.contract.auth_http import PASSWORD, AuthApi, address, refused, succeeded

if TYPE_CHECKING:
    from tests.contract.conftest import Clients
    from tests.support.database import Connection

NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_the_life_of_a_user_through_supabase_py(clients: Clients) -> None:
    service, visitor = await clients.new("SECRET_KEY"), await clients.new()
    email, moved = address(), address()

    created = await service.auth.admin.create_user(
        {
            "email": email,
            "password": PASSWORD,
            "email_confirm": True,
            "user_metadata": {"name": "Ann"},
            "app_metadata": {"role": "admin"},
        }
    )
    user_id = created.user.id
    assert created.user.email_confirmed_at is not None
    assert created.user.user_metadata == {"name": "Ann", "email_verified": True}
    assert created.user.app_metadata == {"provider": "email", "providers": ["email"], "role": "admin"}
    signed_in = await visitor.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert signed_in.user is not None
    assert signed_in.user.id == user_id

    await service.auth.admin.update_user_by_id(
        user_id, {"email": moved, "email_confirm": True, "app_metadata": {"role": None, "plan": "pro"}}
    )
    found = (await service.auth.admin.get_user_by_id(user_id)).user
    assert (found.email, found.app_metadata.get("role"), found.app_metadata["plan"]) == (moved, None, "pro")
    assert found.identities is not None
    assert found.identities[0].identity_data["email"] == moved
    await visitor.auth.sign_in_with_password({"email": moved, "password": PASSWORD})

    await service.auth.admin.delete_user(user_id)
    with pytest.raises(AuthApiError) as caught:
        await service.auth.admin.get_user_by_id(user_id)
    assert (caught.value.status, caught.value.code) == (404, "user_not_found")
    with pytest.raises(AuthApiError, match="User from sub claim in JWT does not exist"):
        await visitor.auth.get_user()


@pytest.mark.parametrize("key", ["SECRET_KEY", "SERVICE_ROLE_KEY"])
async def test_both_kinds_of_key_administer(clients: Clients, key: str) -> None:
    service = await clients.new(key)
    created = await service.auth.admin.create_user({"email": address(), "password": PASSWORD})
    await service.auth.admin.delete_user(created.user.id)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/admin/users"),
        ("GET", "/admin/users"),
        ("GET", f"/admin/users/{NOBODY}"),
        ("PUT", f"/admin/users/{NOBODY}"),
        ("DELETE", f"/admin/users/{NOBODY}"),
    ],
)
async def test_nobody_else_administers(auth: AuthApi, method: str, path: str) -> None:
    body = {"email": address()} if method in ("POST", "PUT") else None
    token = (await auth.sign_up())["access_token"]
    assert refused(await auth.send(method, path, body)) == (403, "not_admin")
    assert refused(await auth.send(method, path, body, token)) == (403, "not_admin")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (400, "validation_failed")),
        ({"email": "nobody"}, (400, "validation_failed")),
        ({"email": "a@example.com", "id": "7"}, (400, "validation_failed")),
        ({"email": "a@example.com", "ban_duration": "a while"}, (400, "validation_failed")),
        ({"email": "a@example.com", "password": "p", "password_hash": "h"}, (400, "validation_failed")),
        ({"email": "a@example.com", "app_metadata": "admin"}, (400, "bad_json")),
    ],
)
async def test_what_is_no_user(auth_admin: AuthApi, body: dict[str, Any], expected: tuple[int, str]) -> None:
    assert refused(await auth_admin.send("POST", "/admin/users", body)) == expected


async def test_two_users_never_share_an_address(auth: AuthApi, auth_admin: AuthApi) -> None:
    taken = address()
    await auth.sign_up(taken)
    other = (await auth.sign_up())["user"]["id"]
    same = {"email": taken.upper()}
    assert refused(await auth_admin.send("POST", "/admin/users", same)) == (422, "email_exists")
    assert refused(await auth_admin.send("PUT", f"/admin/users/{other}", same)) == (422, "email_exists")


async def test_a_user_is_unconfirmed_unless_asked_for(auth: AuthApi, auth_admin: AuthApi) -> None:
    email = address()
    user = succeeded(await auth_admin.send("POST", "/admin/users", {"email": email, "password": PASSWORD}))
    sign_in = {"email": email, "password": PASSWORD}
    before = await auth.send("POST", "/token?grant_type=password", sign_in)

    succeeded(await auth_admin.send("PUT", f"/admin/users/{user['id']}", {"email_confirm": True}))

    assert "email_confirmed_at" not in user
    assert refused(before) == (400, "email_not_confirmed")
    await auth.sign_in(email)


async def test_users_can_be_brought_from_elsewhere(auth: AuthApi, auth_admin: AuthApi) -> None:
    email, user_id = address(), str(uuid4())
    password_hash = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    body = {"id": user_id, "email": email, "password_hash": password_hash, "email_confirm": True}

    user = succeeded(await auth_admin.send("POST", "/admin/users", body))

    assert user["id"] == user_id
    assert (await auth.sign_in(email))["user"]["id"] == user_id


async def test_a_ban_is_given_as_a_duration(auth: AuthApi, auth_admin: AuthApi) -> None:
    user_id = (await auth.sign_up())["user"]["id"]
    path = f"/admin/users/{user_id}"

    banned = succeeded(await auth_admin.send("PUT", path, {"ban_duration": "1h30m"}))
    freed = succeeded(await auth_admin.send("PUT", path, {"ban_duration": "none"}))
    forever = succeeded(await auth_admin.send("PUT", path, {"ban_duration": "876000h"}))

    left = datetime.fromisoformat(banned["banned_until"]) - datetime.now(UTC)
    assert timedelta(minutes=89) < left < timedelta(minutes=91)
    assert "banned_until" not in freed
    assert datetime.fromisoformat(forever["banned_until"]).year > 2100


async def test_lists_are_paged_and_newest_first(auth: AuthApi, auth_admin: AuthApi) -> None:
    mark = address("paged").split("@")[0]
    emails = [f"{mark}-{number}@example.com" for number in range(5)]
    for email in emails:
        succeeded(await auth_admin.send("POST", "/admin/users", {"email": email}))

    pages = [
        await auth_admin.send("GET", f"/admin/users?page={page}&per_page=2&filter={mark}") for page in (1, 3)
    ]

    first, last = ([user["email"] for user in page.json()["users"]] for page in pages)
    assert first == emails[:-3:-1]
    assert last == emails[:1]
    assert pages[0].json()["aud"] == "authenticated"
    assert pages[0].headers["x-total-count"] == "5"
    assert pages[0].headers["link"] == (
        f'</admin/users?filter={mark}&page=2&per_page=2>; rel="next", '
        f'</admin/users?filter={mark}&page=3&per_page=2>; rel="last"'
    )
    assert 'rel="next"' not in pages[1].headers["link"]


async def test_a_senseless_page_is_refused(auth_admin: AuthApi) -> None:
    for query in ("page=x", "per_page=0", "per_page=-1"):
        assert refused(await auth_admin.send("GET", f"/admin/users?{query}")) == (400, "validation_failed")


async def test_an_id_must_be_one(auth_admin: AuthApi) -> None:
    assert refused(await auth_admin.send("GET", "/admin/users/me")) == (404, "validation_failed")
    unknown = await auth_admin.send("DELETE", f"/admin/users/{uuid4()}")
    assert refused(unknown) == (404, "user_not_found")


async def test_a_softly_deleted_user_leaves_an_id_and_nothing_else(
    clients: Clients, auth: AuthApi, auth_admin: AuthApi, admin: Connection
) -> None:
    service = await clients.new("SECRET_KEY")
    email = address()
    session = await auth.sign_up(email, data={"name": "Ann"})
    user_id = session["user"]["id"]

    await service.auth.admin.delete_user(user_id, should_soft_delete=True)

    user = succeeded(await auth_admin.send("GET", f"/admin/users/{user_id}"))
    assert user["deleted_at"]
    assert (user["app_metadata"], user["user_metadata"]) == ({}, {})
    row = await (
        await admin.execute(
            """
            select to_jsonb(u) || jsonb_build_object('identities', (
                select jsonb_agg(to_jsonb(i)) from auth.identities as i where i.user_id = u.id
            )) as everything
            from auth.users as u
            where u.id = %s
            """,
            (user_id,),
        )
    ).fetchone()
    assert row is not None
    assert row["everything"]["encrypted_password"] is None
    assert "Ann" not in str(row)
    assert email not in str(row)
    assert refused(await auth.user(session["access_token"])) == (403, "session_not_found")
    assert refused(await auth.refresh(session["refresh_token"])) == (400, "refresh_token_not_found")
    # The address is free again.
    assert (await auth.sign_up(email))["user"]["id"] != user_id


async def test_a_project_can_hold_on_to_its_users(
    auth: AuthApi, auth_admin: AuthApi, admin: Connection
) -> None:
    user_id = (await auth.sign_up())["user"]["id"]
    await admin.execute("create schema contract_test")
    try:
        await admin.execute(
            "create table contract_test.orders (user_id uuid references auth.users on delete restrict)"
        )
        await admin.execute("insert into contract_test.orders values (%s)", (user_id,))
        answer = await auth_admin.send("DELETE", f"/admin/users/{user_id}")
    finally:
        await admin.execute("drop schema contract_test cascade")

    assert refused(answer) == (500, "unexpected_failure")
    assert answer.json()["message"] == "Database error deleting user"
    succeeded(await auth_admin.send("DELETE", f"/admin/users/{user_id}"))


async def test_what_needs_a_mailer_says_that_there_is_none(auth: AuthApi) -> None:
    answer = await auth.send("POST", "/recover", {"email": address()})
    assert refused(answer) == (501, "not_available_locally")
