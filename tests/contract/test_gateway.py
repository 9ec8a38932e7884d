"""The gateway: which keys open which doors, whose token the services see, and what a browser may read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions_py.local.platform.context import Context
from functions_py.local.platform.gateway import Gateway
from functions_py.local.platform.keys import Keys, TokenError
from tests.contract.auth_http import AuthApi, settings_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from functions_py.local.stack import Stack
    from tests.contract.conftest import Clients

_BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"


@pytest_asyncio.fixture
async def gateway(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """The gateway before a service that tells what reached it: role, Authorization, query and method."""
    keys = Context.create(settings_of(stack)).keys

    async def tell(request: Request) -> Response:
        return JSONResponse(
            {
                "role": _role(keys, request),
                "authorization": request.headers.get("authorization"),
                "query": request.url.query,
            },
            headers={"access-control-allow-origin": "http://upstream", "x-total-count": "1"},
        )

    methods = ["GET", "POST", "OPTIONS"]
    application = Gateway(Starlette(routes=[Route("/{path:path}", tell, methods=methods)]), keys)
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        yield http


@pytest.mark.parametrize(
    ("key", "role"),
    [("PUBLISHABLE_KEY", "anon"), ("SECRET_KEY", "service_role")],
)
@pytest.mark.parametrize("path", ["/rest/v1/videos", "/auth/v1/settings", "/storage/v1/bucket"])
async def test_an_opaque_key_becomes_a_token_of_its_role(
    stack: Stack, gateway: httpx.AsyncClient, path: str, key: str, role: str
) -> None:
    value = stack.env[key]
    alone = (await gateway.get(path, headers={"apikey": value})).json()
    # supabase-py and supabase-js send the key twice.
    repeated = (await gateway.get(path, headers={"apikey": value, "authorization": f"Bearer {value}"})).json()
    assert (alone["role"], repeated["role"]) == (role, role)


@pytest.mark.parametrize("key", ["PUBLISHABLE_KEY", "SECRET_KEY", "ANON_KEY", "SERVICE_ROLE_KEY"])
async def test_a_users_token_is_left_alone(
    stack: Stack, gateway: httpx.AsyncClient, auth: AuthApi, key: str
) -> None:
    authorization = f"Bearer {(await auth.sign_up())['access_token']}"
    headers = {"apikey": stack.env[key], "authorization": authorization}
    told = (await gateway.get("/rest/v1/videos", headers=headers)).json()
    assert (told["role"], told["authorization"]) == ("authenticated", authorization)


@pytest.mark.parametrize(("key", "role"), [("ANON_KEY", "anon"), ("SERVICE_ROLE_KEY", "service_role")])
async def test_legacy_keys_are_tokens_themselves(
    stack: Stack, gateway: httpx.AsyncClient, key: str, role: str
) -> None:
    value = stack.env[key]
    alone = (await gateway.get("/rest/v1/videos", headers={"apikey": value})).json()
    both = {"apikey": value, "authorization": f"Bearer {value}"}
    assert (await gateway.get("/rest/v1/videos", headers=both)).json()["role"] == role
    assert alone["authorization"] is None


async def test_an_opaque_key_counts_as_token_only_beside_itself(
    stack: Stack, gateway: httpx.AsyncClient
) -> None:
    headers = {
        "apikey": stack.env["PUBLISHABLE_KEY"],
        "authorization": f"Bearer {stack.env['SECRET_KEY']}",
    }
    told = (await gateway.get("/rest/v1/videos", headers=headers)).json()
    assert told["role"] is None


@pytest.mark.parametrize("path", ["/rest/v1/videos", "/rest/v1", "/auth/v1/user", "/auth/v1/health"])
async def test_no_key_no_entry(gateway: httpx.AsyncClient, path: str) -> None:
    answer = await gateway.get(path, headers={"authorization": "Bearer whatever"})
    assert answer.status_code == 401
    assert answer.json() == {
        "message": "No API key found in request",
        "hint": "No `apikey` request header or url param was found.",
    }


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("nonsense", "Invalid API key"),
        ("sb_publishable_of_another_project", "Unregistered API key"),
        ("sb_secret_of_another_project", "Unregistered API key"),
    ],
)
@pytest.mark.parametrize("path", ["/rest/v1/videos", "/auth/v1/user", "/storage/v1/bucket"])
async def test_a_strange_key_is_refused(
    gateway: httpx.AsyncClient, path: str, key: str, message: str
) -> None:
    answer = await gateway.get(path, headers={"apikey": key})
    assert (answer.status_code, answer.json()["message"]) == (401, message)


async def test_a_token_that_is_no_key_of_the_project_is_no_api_key(
    gateway: httpx.AsyncClient, auth: AuthApi
) -> None:
    token = (await auth.sign_up())["access_token"]
    answer = await gateway.get("/rest/v1/videos", headers={"apikey": token})
    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid API key")


async def test_the_secret_key_does_not_work_in_a_browser(stack: Stack, gateway: httpx.AsyncClient) -> None:
    in_browser = {"user-agent": _BROWSER}
    secret = await gateway.get("/rest/v1/videos", headers=in_browser | {"apikey": stack.env["SECRET_KEY"]})
    public = await gateway.get(
        "/rest/v1/videos", headers=in_browser | {"apikey": stack.env["PUBLISHABLE_KEY"]}
    )
    assert (secret.status_code, secret.json()["message"]) == (
        401,
        "Forbidden use of secret API key in browser",
    )
    assert public.status_code == 200


async def test_a_key_in_the_address_is_taken_out_of_it(stack: Stack, gateway: httpx.AsyncClient) -> None:
    key = stack.env["SECRET_KEY"]
    told = (await gateway.get(f"/rest/v1/videos?id=in.(1,2)&apikey={key}&order=id.desc")).json()
    assert (told["role"], told["query"]) == ("service_role", "id=in.(1,2)&order=id.desc")


@pytest.mark.parametrize(
    "path",
    [
        "/storage/v1/object/public/videos/a.mp4",
        "/storage/v1/object/sign/videos/a.mp4?token=x",
        "/storage/v1/object/authenticated/videos/a.mp4",
        "/auth/v1/.well-known/jwks.json",
    ],
)
async def test_links_need_no_key(gateway: httpx.AsyncClient, path: str) -> None:
    answer = await gateway.get(path)
    assert answer.status_code == 200
    assert answer.json()["authorization"] is None


async def test_a_browser_may_ask_anything_beforehand(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.options(
        "/rest/v1/rpc/generate_video",
        headers={
            "origin": "http://localhost:3000",
            "access-control-request-method": "POST",
            "access-control-request-headers": "apikey,authorization,content-profile,x-client-info",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"].split(",")
    assert answer.headers["access-control-allow-headers"] == (
        "apikey,authorization,content-profile,x-client-info"
    )


async def test_any_origin_may_read_answers_and_refusals(stack: Stack, gateway: httpx.AsyncClient) -> None:
    headers = {"origin": "http://localhost:3000"}
    refusal = await gateway.get("/rest/v1/videos", headers=headers)
    answer = await gateway.get("/rest/v1/videos", headers=headers | {"apikey": stack.env["PUBLISHABLE_KEY"]})
    for response in (refusal, answer):
        # One value: a browser refuses an answer with two.
        assert response.headers.get_list("access-control-allow-origin") == ["*"]
        exposed = response.headers["access-control-expose-headers"].split(", ")
        assert {"Content-Range", "X-Total-Count", "X-Supabase-Api-Version"} <= set(exposed)
        # A browser cannot read it on a hosted project either; the contract repeats it in the body.
        assert "Retry-After" not in exposed


async def test_every_kind_of_key_works_from_end_to_end(clients: Clients) -> None:
    for key in ("PUBLISHABLE_KEY", "ANON_KEY"):
        client = await clients.new(key)
        prices = (await client.rpc("list_video_prices").execute()).data
        assert isinstance(prices, list)
        assert prices
    for key in ("SECRET_KEY", "SERVICE_ROLE_KEY"):
        service = await clients.new(key)
        counted = await service.from_("videos").select("*", count="exact").limit(1).execute()  # type: ignore[arg-type]
        assert counted.count is not None


async def test_what_leads_nowhere_says_so(stack: Stack) -> None:
    async with httpx.AsyncClient(base_url=stack.env["API_URL"], trust_env=False) as http:
        answer = await http.get("/nowhere")
        health = await http.get("/healthz")
    assert (answer.status_code, answer.json()) == (404, {"message": "no Route matched with those values"})
    assert (health.status_code, health.json()) == (200, {"status": "ok"})


def _role(keys: Keys, request: Request) -> str | None:
    try:
        return str(keys.role_claims(request)["role"])
    except TokenError:
        return None
