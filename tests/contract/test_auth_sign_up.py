"""Signing up with an address and a password: what the client gets, and what the project's database sees."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from supabase import AuthApiError, AuthWeakPasswordError

from tests.contract.auth_http import PASSWORD, AuthApi, address, auth_with, claims_of, refused, succeeded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack
    from tests.contract.conftest import Clients
    from tests.support.database import Connection

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


async def test_a_sign_up_through_supabase_py_is_signed_in(clients: Clients) -> None:
    client = await clients.new()
    email = address()

    answer = await client.auth.sign_up(
        {"email": email.upper(), "password": PASSWORD, "options": {"data": {"name": "Ann"}}}
    )

    assert answer.session is not None
    assert answer.user is not None
    assert answer.user.email == email
    assert answer.user.user_metadata["name"] == "Ann"
    found = await client.auth.get_user()
    assert found is not None
    assert found.user.id == answer.user.id


async def test_the_user_is_told_whole(auth: AuthApi) -> None:
    email = address()
    session = await auth.sign_up(email, data={"name": "Ann", "sub": "not mine to set"})
    user = session["user"]

    assert set(session) == {"access_token", "token_type", "expires_in", "expires_at", "refresh_token", "user"}
    times = {"email_confirmed_at", "confirmed_at", "last_sign_in_at", "created_at", "updated_at"}
    for name in times:
        assert _RFC_3339.fullmatch(user[name]), name
    assert {name: value for name, value in user.items() if name not in times | {"identities"}} == {
        "id": user["id"],
        "aud": "authenticated",
        "role": "authenticated",
        "email": email,
        "phone": "",
        "app_metadata": {"provider": "email", "providers": ["email"]},
        "user_metadata": {
            "name": "Ann",
            "sub": user["id"],
            "email": email,
            "email_verified": True,
            "phone_verified": False,
        },
        "is_anonymous": False,
    }
    [identity] = user["identities"]
    assert identity["id"] == identity["user_id"] == identity["identity_data"]["sub"] == user["id"]
    assert identity["identity_id"] != user["id"]
    assert (identity["provider"], identity["email"]) == ("email", email)


async def test_an_address_is_taken_in_any_case(auth: AuthApi) -> None:
    email = address()
    await auth.sign_up(email)

    again = await auth.send("POST", "/signup", {"email": email.upper(), "password": PASSWORD})

    assert refused(again) == (422, "user_already_exists")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"email": "nobody", "password": PASSWORD}, (400, "validation_failed")),
        ({"email": f"{'x' * 250}@example.com", "password": PASSWORD}, (400, "validation_failed")),
        ({"email": "a@example.com"}, (400, "validation_failed")),
        ({"email": "a@example.com", "password": "x" * 73}, (400, "validation_failed")),
        ({"email": "a@example.com", "password": "short"}, (422, "weak_password")),
        ({"phone": "+4915112345678", "password": PASSWORD}, (400, "phone_provider_disabled")),
        ({"email": 7, "password": PASSWORD}, (400, "bad_json")),
    ],
)
async def test_what_cannot_be_an_account_is_refused(
    auth: AuthApi, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refused(await auth.send("POST", "/signup", body)) == expected


async def test_supabase_py_learns_why_a_password_is_weak(clients: Clients) -> None:
    client = await clients.new()

    with pytest.raises(AuthWeakPasswordError) as caught:
        await client.auth.sign_up({"email": address(), "password": "short"})

    assert caught.value.reasons == ["length"]


async def test_a_client_without_api_version_gets_the_older_form(auth: AuthApi) -> None:
    older = AuthApi(auth.http, {"apikey": auth.headers["apikey"]})

    answer = await older.send("POST", "/signup", {"email": "nobody", "password": PASSWORD})

    assert "x-supabase-api-version" not in answer.headers
    assert answer.json() == {
        "code": 400,
        "error_code": "validation_failed",
        "msg": "Unable to validate email address: invalid format",
    }


async def test_with_confirmation_by_mail_nobody_is_signed_in(stack: Stack) -> None:
    email = address()
    async with auth_with(stack, LOCAL_AUTH_AUTOCONFIRM="false") as auth:
        user = await auth.sign_up(email)
        sign_in = await auth.send(
            "POST", "/token?grant_type=password", {"email": email, "password": PASSWORD}
        )

        assert "access_token" not in user
        assert "email_confirmed_at" not in user
        assert user["confirmation_sent_at"]
        assert refused(sign_in) == (400, "email_not_confirmed")


async def test_with_confirmation_by_mail_a_taken_address_is_no_secret_told(
    stack: Stack, auth: AuthApi
) -> None:
    email = address()
    taken = await auth.sign_up(email)
    async with auth_with(stack, LOCAL_AUTH_AUTOCONFIRM="false") as unconfirmed:
        decoy = await unconfirmed.sign_up(email)
        fresh = await unconfirmed.sign_up(address())

    assert decoy["id"] != taken["user"]["id"]
    assert decoy["email"] == email
    assert set(fresh) == set(decoy)


async def test_sign_ups_can_be_switched_off(stack: Stack) -> None:
    async with auth_with(stack, LOCAL_SIGNUP_ENABLED="false") as auth:
        answer = await auth.send("POST", "/signup", {"email": address(), "password": PASSWORD})
    assert refused(answer) == (422, "signup_disabled")


async def test_a_failing_trigger_of_the_project_fails_the_sign_up(
    clients: Clients, auth: AuthApi, admin: Connection
) -> None:
    email = address("unwanted")
    body = {"email": email, "password": PASSWORD}
    client = await clients.new()
    async with _trigger(admin, "after insert", "raise exception 'not you' using hint = 'go away'"):
        with pytest.raises(AuthApiError, match=r"^Database error saving new user$") as caught:
            await client.auth.sign_up({"email": email, "password": PASSWORD})
        older = await AuthApi(auth.http, {"apikey": auth.headers["apikey"]}).send("POST", "/signup", body)

    assert (caught.value.status, caught.value.code) == (500, "unexpected_failure")
    # Clients of the older form are shown what the project raised.
    assert older.status_code == 500
    assert older.json() == {"code": "P0001", "message": "not you", "hint": "go away"}
    left = await admin.execute("select from auth.users where email = %s", (email,))
    assert await left.fetchone() is None


async def test_a_rule_that_fails_only_at_commit_fails_the_sign_up(auth: AuthApi, admin: Connection) -> None:
    body = {"email": address("unwanted"), "password": PASSWORD}
    async with _trigger(admin, "after insert", "raise exception 'too late'", deferred=True):
        answer = await auth.send("POST", "/signup", body)
    assert refused(answer) == (500, "unexpected_failure")


async def test_a_trigger_that_is_not_a_definer_runs_as_auth_with_its_search_path(
    auth: AuthApi, admin: Connection
) -> None:
    seen = "raise exception '% % %', current_user, current_setting('search_path'), coalesce(new.role, 'null')"
    older = AuthApi(auth.http, {"apikey": auth.headers["apikey"]})
    async with _trigger(admin, "after insert", seen):
        answer = await older.send("POST", "/signup", {"email": address("unwanted"), "password": PASSWORD})

    # The role of the new user is still empty: Auth sets it by an update after the insert.
    assert answer.json()["message"] == "supabase_auth_admin auth "


async def test_an_anonymous_user_is_a_user_without_address(clients: Clients) -> None:
    client = await clients.new()

    answer = await client.auth.sign_in_anonymously({"options": {"data": {"colour": "red"}}})

    assert answer.user is not None
    assert answer.session is not None
    assert answer.user.is_anonymous
    assert (answer.user.email, answer.user.app_metadata, answer.user.identities) == ("", {}, [])
    assert answer.user.user_metadata == {"colour": "red"}
    claims = claims_of(answer.session.access_token)
    assert (claims["role"], claims["is_anonymous"], claims["aal"]) == ("authenticated", True, "aal1")
    assert [entry["method"] for entry in claims["amr"]] == ["anonymous"]


async def test_an_anonymous_user_becomes_permanent_by_address_and_password(clients: Clients) -> None:
    client = await clients.new()
    email = address()
    before = await client.auth.sign_in_anonymously()
    assert before.user is not None

    changed = await client.auth.update_user({"email": email, "password": PASSWORD})
    again = await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})

    assert not changed.user.is_anonymous
    assert changed.user.email_confirmed_at is not None
    assert changed.user.app_metadata == {"provider": "email", "providers": ["email"]}
    assert again.user is not None
    assert again.user.id == before.user.id
    assert again.session is not None
    assert claims_of(again.session.access_token)["is_anonymous"] is False


async def test_an_anonymous_user_needs_an_address_for_a_password(auth: AuthApi) -> None:
    session = succeeded(await auth.send("POST", "/signup", {}))
    answer = await auth.send("PUT", "/user", {"password": PASSWORD}, session["access_token"])
    assert refused(answer) == (422, "validation_failed")


async def test_an_anonymous_user_cannot_take_somebodys_address(auth: AuthApi) -> None:
    taken = address()
    await auth.sign_up(taken)
    session = succeeded(await auth.send("POST", "/signup", {}))
    answer = await auth.send("PUT", "/user", {"email": taken, "password": PASSWORD}, session["access_token"])
    assert refused(answer) == (422, "email_exists")


async def test_anonymous_sign_ins_can_be_switched_off(stack: Stack) -> None:
    async with auth_with(stack, LOCAL_ANONYMOUS_SIGN_INS="false") as auth:
        answer = await auth.send("POST", "/signup", {})
    assert refused(answer) == (422, "anonymous_provider_disabled")


@contextlib.asynccontextmanager
async def _trigger(
    admin: Connection, moment: str, body: str, *, deferred: bool = False
) -> AsyncIterator[None]:
    """A trigger of the project on auth.users, for addresses that begin with `unwanted`."""
    kind = "constraint trigger" if deferred else "trigger"
    timing = "deferrable initially deferred" if deferred else ""
    await admin.execute(
        f"""
        create schema contract_test;
        grant usage on schema contract_test to supabase_auth_admin;
        create function contract_test.refuse() returns trigger language plpgsql
        as $$ begin {body}; return null; end $$;
        create {kind} contract_test {moment} on auth.users {timing}
        for each row when (new.email like 'unwanted%') execute function contract_test.refuse();
        """
    )
    try:
        yield
    finally:
        await admin.execute("drop trigger contract_test on auth.users; drop schema contract_test cascade")
