"""Who is calling: access tokens of Supabase Auth, verified here before anything is done for their owner.

A token counts when a key of the project signed it with the algorithm of that key, and issuer, audience,
expiry and user id are as Auth writes them. Asymmetric keys (ES256, RS256) come from the project's JWKS, which
is kept for ten minutes and fetched again when a token names a key that is not in it: so a rotation shows.
Projects that still sign with the shared secret set SUPABASE_JWT_SECRET; without it HS256 is refused. A token
never chooses how it is verified, so `none` and "HS256 with the public key" lead nowhere.

PostgREST verifies the same token again when a call is made with it, and RLS decides what its owner may see.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import httpx
import jwt
import structlog

from functions_py.errors import ApiError, unavailable

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.settings import Settings

log = structlog.get_logger()

KEEP_SECONDS: Final = 600.0
"""As long as Supabase's own edge keeps a key set."""
MISS_SECONDS: Final = 10.0
"""A key id that nobody has ever seen costs at most one request in this time."""
FETCH_SECONDS: Final = 5.0
LEEWAY_SECONDS: Final = 10
ASYMMETRIC: Final = frozenset({"ES256", "RS256"})
_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Caller:
    """A signed-in user, and the token with which calls are made in his name."""

    user_id: UUID
    token: str


class KeySet:
    """The public keys of the project, by key id."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self._url = url
        self._http = http
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """The key of that id, None if the project has none. Raises ApiError if that cannot be known."""
        found = self._keys.get(kid)
        if not self._is_older_than(KEEP_SECONDS if found else MISS_SECONDS):
            return found
        async with self._lock:
            if self._is_older_than(KEEP_SECONDS if kid in self._keys else MISS_SECONDS):
                await self._fetch()
        return self._keys.get(kid)

    def _is_older_than(self, seconds: float) -> bool:
        return time.monotonic() - self._fetched_at > seconds

    async def _fetch(self) -> None:
        """Replaces the keys, so that a revoked one is gone. Old ones serve on while Auth is away."""
        try:
            answer = await self._http.get(self._url, timeout=FETCH_SECONDS)
            answer.raise_for_status()
            found = answer.json()["keys"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            log.warning("key_set_not_fetched", error=f"{type(error).__name__}: {error}")
            if not self._keys:
                raise unavailable("Sign-in") from None
        else:
            self._keys = {jwk["kid"]: key for jwk in found if (key := _public_key(jwk))}
        # After a failure too: an outage of Auth must not turn every request into one more.
        self._fetched_at = time.monotonic()


def _public_key(jwk: dict[str, Any]) -> jwt.PyJWK | None:
    """A key that may verify access tokens, or None: shared secrets have no place in a public set."""
    if jwk.get("alg") not in ASYMMETRIC or not jwk.get("kid") or jwk.get("use", "sig") != "sig":
        return None
    try:
        return jwt.PyJWK(jwk)
    except jwt.PyJWTError:
        return None


class Access:
    """Verifies the tokens of one project."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        self._keys = KeySet(f"{settings.supabase_url}/auth/v1/.well-known/jwks.json", http)
        self._secret = settings.supabase_jwt_secret
        self._issuer = f"{settings.public_url}/auth/v1"

    async def caller(self, request: Request) -> Caller:
        """Whose request this is. Raises ApiError not_authenticated, or upstream_unavailable."""
        bearer = _BEARER.fullmatch(request.headers.get("authorization", "").strip())
        if bearer is None:
            raise ApiError(
                "not_authenticated", "Sign in to continue: send your access token as a bearer token."
            )
        return await self.verify(bearer[1])

    async def verify(self, token: str) -> Caller:
        """The owner of an access token. Raises as ``caller`` does."""
        try:
            key, algorithm = await self._key(jwt.get_unverified_header(token))
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience="authenticated",
                issuer=self._issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"], "verify_iat": False},
            )
            return Caller(UUID(claims["sub"]), token)
        except jwt.ExpiredSignatureError:
            raise _refusal("Your session has expired. Sign in again.", "token expired") from None
        except (jwt.PyJWTError, ValueError) as error:
            raise _refusal("Your session is not valid here. Sign in again.", str(error)) from None

    async def _key(self, header: dict[str, Any]) -> tuple[jwt.PyJWK | str, str]:
        """The key for a token, and the one algorithm that goes with it."""
        if header.get("alg") == "HS256":
            if self._secret is None:
                raise jwt.InvalidAlgorithmError("HS256, and SUPABASE_JWT_SECRET is not set")
            return self._secret.get_secret_value(), "HS256"
        kid = header.get("kid")
        key = await self._keys.find(kid) if isinstance(kid, str) else None
        if key is None:
            raise jwt.InvalidKeyError("no key of this project signed it")
        return key, key.algorithm_name


def _refusal(message: str, reason: str) -> ApiError:
    log.info("token_refused", reason=reason)
    return ApiError(
        "not_authenticated",
        message,
        headers={
            "www-authenticate": f'Bearer error="invalid_token", error_description="{_quotable(reason)}"'
        },
    )


def _quotable(text: str) -> str:
    return re.sub(r"[^ -!#-\[\]-~]", " ", text)
