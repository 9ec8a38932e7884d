"""Sessions: signing in, refreshing, being believed, signing out."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

import httpx
import jwt
import pytest
from supabase import AuthApiError

from tests.contract.auth_http import PASSWORD, AuthApi, address, auth_with, claims_of, refused, succeeded

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.contract.conftest import Clients
    from tests.support.database import Connection


async def test_signing_in_through_supabase_py(clients: Clients, auth: AuthApi) -> None:
    email = address()
    signed_up = await auth.sign_up(email)
    client = await clients.new()

    answer = await client.auth.sign_in_with_password({"email": email.upper(), "password": PASSWORD})

    assert answer.session is not None
    assert answer.session.user.id == signed_up["user"]["id"]
    found = await client.auth.get_user()
    assert found is not None
    assert found.user.last_sign_in_at is not None
    assert found.user.identities is not None
    assert [identity.provider for identity in found.user.identities] == ["email"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"email": "nobody@example.com", "password": PASSWORD}, (400, "invalid_credentials")),
        ({"password": PASSWORD}, (400, "validation_failed")),
        ({"email": "a@example.com", "phone": "491511", "password": PASSWORD}, (400, "validation_failed")),
    ],
)
async def test_strangers_do_not_sign_in(
    auth: AuthApi, body: dict[str, str], expected: tuple[int, str]
) -> None:
    assert refused(await auth.send("POST", "/token?grant_type=password", body)) == expected


async def test_a_wrong_password_is_answered_like_an_unknown_address(auth: AuthApi) -> None:
    email = address()
    await auth.sign_up(email)
    path = "/token?grant_type=password"
    wrong = await auth.send("POST", path, {"email": email, "password": "wrong"})
    unknown = await auth.send("POST", path, {"email": address(), "password": "wrong"})
    assert refused(wrong) == (400, "invalid_credentials")
    assert wrong.json() == unknown.json()


async def test_the_access_token_says_all_that_policies_and_services_ask(stack: Stack, auth: AuthApi) -> None:
    email = address()
    session = await auth.sign_up(email)
    token = session["access_token"]
    claims = claims_of(token)
    now = time.time()

    assert {name: claims[name] for name in claims if name not in {"exp", "iat", "amr", "session_id"}} == {
        "iss": f"{stack.env['API_URL']}/auth/v1",
        "sub": session["user"]["id"],
        "aud": "authenticated",
        "role": "authenticated",
        "email": email,
        "phone": "",
        "app_metadata": session["user"]["app_metadata"],
        "user_metadata": session["user"]["user_metadata"],
        "aal": "aal1",
        "is_anonymous": False,
    }
    assert claims["exp"] == session["expires_at"] == claims["iat"] + session["expires_in"]
    assert abs(now - claims["iat"]) < 30
    [method] = claims["amr"]
    assert method["method"] == "password"
    assert claims["iat"] - 30 < method["timestamp"] <= claims["iat"] + 1
    assert claims["session_id"]


async def test_anybody_can_verify_a_token_by_the_published_key(stack: Stack, auth: AuthApi) -> None:
    token = (await auth.sign_up())["access_token"]
    async with httpx.AsyncClient(trust_env=False) as http:
        # No API key: whoever verifies tokens has none.
        answer = await http.get(f"{stack.env['API_URL']}/auth/v1/.well-known/jwks.json")
    [key] = answer.json()["keys"]
    header = jwt.get_unverified_header(token)

    assert answer.headers["cache-control"] == "public, max-age=600"
    assert "d" not in key
    assert (header["alg"], header["kid"]) == ("ES256", key["kid"])
    jwt.decode(token, jwt.PyJWK(key), algorithms=["ES256"], audience="authenticated")


async def test_supabase_py_verifies_claims_by_itself(clients: Clients) -> None:
    client = await clients.new()
    answer = await client.auth.sign_up({"email": address(), "password": PASSWORD})
    assert answer.user is not None

    found = await client.auth.get_claims()

    assert found is not None
    assert found["claims"]["sub"] == answer.user.id


async def test_a_project_that_still_signs_with_its_secret(stack: Stack) -> None:
    async with auth_with(stack, LOCAL_JWT_ALG="HS256") as auth:
        session = await auth.sign_up()
        found = await auth.user(session["access_token"])
        keys = await auth.send("GET", "/.well-known/jwks.json")

    claims = jwt.decode(
        session["access_token"], stack.env["JWT_SECRET"], algorithms=["HS256"], audience="authenticated"
    )
    assert claims["sub"] == succeeded(found)["id"]
    assert keys.json() == {"keys": []}


async def test_refreshing_through_supabase_py_rotates_the_token(clients: Clients) -> None:
    client = await clients.new()
    before = (await client.auth.sign_up({"email": address(), "password": PASSWORD})).session
    assert before is not None

    after = (await client.auth.refresh_session()).session

    assert after is not None
    assert after.refresh_token != before.refresh_token
    assert claims_of(after.access_token)["session_id"] == claims_of(before.access_token)["session_id"]


async def test_a_client_that_lost_the_answer_gets_the_same_token_again(
    auth: AuthApi, admin: Connection
) -> None:
    first = (await auth.sign_up())["refresh_token"]
    lost = succeeded(await auth.refresh(first))["refresh_token"]
    await _age(admin, first, "1 hour")

    again = succeeded(await auth.refresh(first))["refresh_token"]

    assert again == lost


async def test_tabs_that_refresh_at_once_all_get_one_working_token(auth: AuthApi) -> None:
    token = (await auth.sign_up())["refresh_token"]

    answers = await asyncio.gather(*(auth.refresh(token) for _ in range(6)))

    fresh = {succeeded(answer)["refresh_token"] for answer in answers}
    assert len(fresh) == 1
    succeeded(await auth.refresh(fresh.pop()))


async def test_a_late_tab_is_forgiven_within_seconds_and_others_stay_signed_in(auth: AuthApi) -> None:
    first = (await auth.sign_up())["refresh_token"]
    second = succeeded(await auth.refresh(first))["refresh_token"]
    third = succeeded(await auth.refresh(second))["refresh_token"]

    late = succeeded(await auth.refresh(first))["refresh_token"]

    assert late not in {first, second, third}
    succeeded(await auth.refresh(third))


async def test_a_stolen_token_ends_the_whole_family(auth: AuthApi, admin: Connection) -> None:
    stolen = (await auth.sign_up())["refresh_token"]
    second = succeeded(await auth.refresh(stolen))["refresh_token"]
    third = succeeded(await auth.refresh(second))["refresh_token"]
    await _age(admin, stolen, "11 seconds")

    assert refused(await auth.refresh(stolen)) == (400, "refresh_token_already_used")
    await _age(admin, third, "11 seconds")
    assert refused(await auth.refresh(third)) == (400, "refresh_token_already_used")


async def test_unknown_refresh_tokens_are_not_found(auth: AuthApi) -> None:
    assert refused(await auth.refresh(secrets.token_hex(6))) == (400, "refresh_token_not_found")
    assert refused(await auth.refresh("")) == (400, "validation_failed")


async def test_an_unknown_grant_is_refused(auth: AuthApi) -> None:
    assert refused(await auth.send("POST", "/token?grant_type=magic", {})) == (400, "invalid_credentials")


async def test_signing_out_ends_every_session(clients: Clients, auth: AuthApi) -> None:
    email = address()
    other = await auth.sign_up(email)
    client = await clients.new()
    own = (await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})).session
    assert own is not None

    await client.auth.sign_out()

    for token in (own.access_token, other["access_token"]):
        assert refused(await auth.user(token)) == (403, "session_not_found")
    assert refused(await auth.refresh(other["refresh_token"])) == (400, "refresh_token_not_found")


@pytest.mark.parametrize(("scope", "own", "other"), [("local", 403, 200), ("others", 200, 403)])
async def test_signing_out_here_or_elsewhere(auth: AuthApi, scope: str, own: int, other: int) -> None:
    email = address()
    elsewhere = await auth.sign_up(email)
    here = await auth.sign_in(email)

    answer = await auth.send("POST", f"/logout?scope={scope}", token=here["access_token"])

    assert answer.status_code == 204
    assert (await auth.user(here["access_token"])).status_code == own
    assert (await auth.user(elsewhere["access_token"])).status_code == other


async def test_an_unknown_scope_signs_nobody_out(auth: AuthApi) -> None:
    token = (await auth.sign_up())["access_token"]
    answer = await auth.send("POST", "/logout?scope=all", token=token)
    assert refused(answer) == (400, "validation_failed")
    assert (await auth.user(token)).status_code == 200


async def test_only_tokens_this_project_signed_are_believed(stack: Stack, auth: AuthApi) -> None:
    token = (await auth.sign_up())["access_token"]
    claims = claims_of(token)
    key_id = jwt.get_unverified_header(token)["kid"]
    [public] = (await auth.send("GET", "/.well-known/jwks.json")).json()["keys"]
    header, payload, _ = token.split(".")
    forged = {
        "expired": jwt.encode(claims | {"exp": int(time.time()) - 1}, stack.env["JWT_SECRET"]),
        "another secret": jwt.encode(claims, "x" * 40),
        "the public key as secret": jwt.encode(claims, str(public).ljust(40), headers={"kid": key_id}),
        "no algorithm": jwt.encode(claims, "", algorithm="none"),
        "no signature": f"{header}.{payload}.",
        "no token": "nonsense",
    }
    for what, value in forged.items():
        assert refused(await auth.user(value)) == (403, "bad_jwt"), what


async def test_a_request_without_a_token_is_told_so(stack: Stack) -> None:
    async with auth_with(stack) as auth:
        assert refused(await auth.send("GET", "/user")) == (401, "no_authorization")


async def test_an_api_key_is_nobody(auth: AuthApi) -> None:
    # The gateway has turned the key into a token of role anon, which has no subject.
    answer = await auth.send("GET", "/user")
    assert refused(answer) == (403, "bad_jwt")
    assert answer.json()["message"] == "invalid claim: missing sub claim"


async def test_metadata_is_changed_key_by_key(clients: Clients) -> None:
    client = await clients.new()
    await client.auth.sign_up(
        {"email": address(), "password": PASSWORD, "options": {"data": {"a": 1, "b": 2}}}
    )

    changed = await client.auth.update_user({"data": {"a": None, "c": [3]}})

    metadata = changed.user.user_metadata
    assert {name: metadata.get(name) for name in ("a", "b", "c")} == {"a": None, "b": 2, "c": [3]}
    assert "a" not in metadata


async def test_a_new_password_ends_the_other_sessions(auth: AuthApi) -> None:
    email, new = address(), "another long password"
    elsewhere = await auth.sign_up(email)
    here = await auth.sign_in(email)

    succeeded(await auth.send("PUT", "/user", {"password": new}, here["access_token"]))

    assert (await auth.user(here["access_token"])).status_code == 200
    assert refused(await auth.user(elsewhere["access_token"])) == (403, "session_not_found")
    await auth.sign_in(email, new)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"password": PASSWORD}, (422, "same_password")),
        ({"password": "short"}, (422, "weak_password")),
        ({"app_metadata": {"role": "admin"}}, (403, "not_admin")),
        ({"email": "nobody"}, (400, "validation_failed")),
    ],
)
async def test_what_a_user_may_not_change(
    auth: AuthApi, body: dict[str, object], expected: tuple[int, str]
) -> None:
    token = (await auth.sign_up())["access_token"]
    assert refused(await auth.send("PUT", "/user", body, token)) == expected


async def test_a_new_address_waits_for_confirmation(auth: AuthApi) -> None:
    old, new = address(), address()
    session = await auth.sign_up(old)

    user = succeeded(await auth.send("PUT", "/user", {"email": new}, session["access_token"]))

    assert (user["email"], user["new_email"]) == (old, new)
    await auth.sign_in(old)


async def test_a_banned_user_is_out_at_once(clients: Clients, auth: AuthApi, auth_admin: AuthApi) -> None:
    email = address()
    session = await auth.sign_up(email)
    path = f"/admin/users/{session['user']['id']}"
    client = await clients.new()

    succeeded(await auth_admin.send("PUT", path, {"ban_duration": "1h30m"}))

    with pytest.raises(AuthApiError) as caught:
        await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert (caught.value.status, caught.value.code) == (400, "user_banned")
    assert refused(await auth.user(session["access_token"])) == (403, "user_banned")
    assert refused(await auth.refresh(session["refresh_token"])) == (400, "user_banned")

    succeeded(await auth_admin.send("PUT", path, {"ban_duration": "none"}))
    succeeded(await auth.refresh(session["refresh_token"]))


async def _age(admin: Connection, token: str, by: str) -> None:
    """Make a refresh token's last change older than it is."""
    await admin.execute(
        "update auth.refresh_tokens set updated_at = updated_at - %s::interval where token = %s", (by, token)
    )
