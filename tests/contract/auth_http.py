"""Talking to Auth without a client library, and under other settings than the shared stack has."""

from __future__ import annotations

import contextlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import jwt
from starlette.applications import Starlette
from starlette.routing import Mount

from functions_py.local.platform.auth import create_routes
from functions_py.local.platform.context import Context, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack

PASSWORD = "correct horse battery staple"
API_VERSION = {"x-supabase-api-version": "2024-01-01"}


@dataclass(frozen=True)
class AuthApi:
    """Auth over plain HTTP, as a current client speaks it. `token` goes into the Authorization header."""

    http: httpx.AsyncClient
    headers: dict[str, str]

    async def send(
        self, method: str, path: str, body: dict[str, Any] | None = None, token: str | None = None
    ) -> httpx.Response:
        """One request below `/auth/v1`."""
        headers = self.headers | ({"authorization": f"Bearer {token}"} if token else {})
        return await self.http.request(method, f"/auth/v1{path}", json=body, headers=headers)

    async def sign_up(self, email: str | None = None, **fields: object) -> dict[str, Any]:
        """A new session of a new user."""
        body = {"email": email or address(), "password": PASSWORD} | fields
        return succeeded(await self.send("POST", "/signup", body))

    async def sign_in(self, email: str, password: str = PASSWORD) -> dict[str, Any]:
        """A further session of a user."""
        body = {"email": email, "password": password}
        return succeeded(await self.send("POST", "/token?grant_type=password", body))

    async def refresh(self, refresh_token: str) -> httpx.Response:
        """The answer to a refresh, whatever it is."""
        return await self.send("POST", "/token?grant_type=refresh_token", {"refresh_token": refresh_token})

    async def user(self, token: str) -> httpx.Response:
        """The answer to the question whose token this is."""
        return await self.send("GET", "/user", token=token)

    def with_api_key(self, key: str) -> AuthApi:
        """The same with another API key, the secret one say."""
        return AuthApi(self.http, self.headers | {"apikey": key})


def address(name: str = "person") -> str:
    """An address nobody had before."""
    return f"{name}-{secrets.token_hex(6)}@example.com"


def succeeded(response: httpx.Response) -> dict[str, Any]:
    """The body of a 200; anything else fails the test with what was said."""
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


def refused(response: httpx.Response) -> tuple[int, str]:
    """Status and error code of an answer in the current form."""
    assert response.headers["x-supabase-api-version"] == "2024-01-01", response.text
    body = response.json()
    assert set(body) <= {"code", "message", "weak_password"}, body
    return response.status_code, body["code"]


def claims_of(access_token: str) -> dict[str, Any]:
    """What a token says, unverified."""
    claims: dict[str, Any] = jwt.decode(access_token, options={"verify_signature": False})
    return claims


def settings_of(stack: Stack, **changes: str) -> Settings:
    """The settings of the stack's platform process, with some changed."""
    database = urlsplit(stack.db_url("postgres"))
    environment = {
        "LOCAL_PORT": str(urlsplit(stack.env["API_URL"]).port),
        "LOCAL_STATE_DIR": str(stack.state_dir),
        "LOCAL_POSTGREST_URL": "http://127.0.0.1:9",
        "LOCAL_DB_HOST": str(database.hostname),
        "LOCAL_DB_PORT": str(database.port),
        "LOCAL_DB_PASSWORD": str(database.password),
        "LOCAL_SIGNING_KEY_FILE": str(stack.state_dir / "signing-key.json"),
        "LOCAL_PUBLISHABLE_KEY": stack.env["PUBLISHABLE_KEY"],
        "LOCAL_SECRET_KEY": stack.env["SECRET_KEY"],
        "LOCAL_BCRYPT_COST": "4",
        **{name: stack.env[name] for name in ("JWT_SECRET", "ANON_KEY", "SERVICE_ROLE_KEY")},
    }
    return Settings.model_validate(environment | changes)


@contextlib.asynccontextmanager
async def auth_with(stack: Stack, **changes: str) -> AsyncIterator[AuthApi]:
    """Auth in this process, on the stack's database, under other settings. It has no gateway in front."""
    context = Context.create(settings_of(stack, **changes))
    application = Starlette(routes=[Mount("/auth/v1", routes=create_routes(context))])
    async with (
        context.pool_auth,
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=stack.env["API_URL"]) as http,
    ):
        yield AuthApi(http, dict(API_VERSION))
