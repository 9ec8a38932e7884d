"""Calls to Supabase in somebody's name: PostgREST and Storage, with that person's own token.

Nothing here decides what a caller may do. The gateway wants an API key beside the token; for a user it is the
publishable one, so a bug can give nobody more than he could get by calling Supabase himself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote

import httpx
import structlog

from functions_py.errors import UpstreamError, unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import SecretStr

    from functions_py.settings import Settings

log = structlog.get_logger()

Json: TypeAlias = Any
"""What a function answers; its shape is the function's promise, and the reference's."""

PASSED_HEADERS: Final = ("retry-after", "www-authenticate")


class Supabase:
    """The project, as one key and one token see it."""

    def __init__(
        self, settings: Settings, http: httpx.AsyncClient, key: SecretStr, token: str | None = None
    ) -> None:
        self._http = http
        self._url = settings.supabase_url
        self._public_url = settings.public_url
        secret = key.get_secret_value()
        self._headers = {"apikey": secret, "authorization": f"Bearer {token or secret}"}

    @classmethod
    def as_user(cls, settings: Settings, http: httpx.AsyncClient, token: str) -> Supabase:
        """As a signed-in user: row level security decides."""
        return cls(settings, http, settings.supabase_publishable_key, token)

    @classmethod
    def as_anybody(cls, settings: Settings, http: httpx.AsyncClient) -> Supabase:
        """As a visitor who is not signed in."""
        return cls(settings, http, settings.supabase_publishable_key)

    @classmethod
    def as_service(cls, settings: Settings, http: httpx.AsyncClient) -> Supabase:
        """As service_role, which passes row level security: for what no user may write, payments for one."""
        if settings.supabase_secret_key is None:
            raise RuntimeError("SUPABASE_SECRET_KEY is not set")
        return cls(settings, http, settings.supabase_secret_key)

    async def rpc(self, function: str, arguments: Mapping[str, object]) -> Json:
        """What a function of schema public answers.

        Raises:
            UpstreamError: PostgREST's own answer, to be passed on.
            ApiError: upstream_unavailable.
        """
        return await self._post(f"/rest/v1/rpc/{quote(function)}", arguments)

    async def sign_urls(self, bucket: str, paths: Sequence[str], seconds: int) -> dict[str, str]:
        """Links that serve objects without a token, by path; without those that the caller may not read.

        Raises as ``rpc`` does.
        """
        signed = await self._post(
            f"/storage/v1/object/sign/{quote(bucket)}", {"expiresIn": seconds, "paths": list(paths)}
        )
        return {
            link["path"]: f"{self._public_url}/storage/v1{link['signedURL']}"
            for link in signed
            if link["signedURL"]
        }

    async def _post(self, path: str, body: Mapping[str, object]) -> Json:
        try:
            answer = await self._http.post(f"{self._url}{path}", json=body, headers=self._headers)
        except httpx.HTTPError as error:
            log.warning("supabase_unreachable", path=path, error=f"{type(error).__name__}: {error}")
            raise unavailable("The database") from None
        if answer.is_success:
            return answer.json() if answer.content else None
        try:
            said = answer.json()
        except ValueError:
            said = None
        if not isinstance(said, dict) or "code" not in said:
            # The gateway's or a proxy's own words, which are about us and not about the caller.
            log.warning("supabase_refused", path=path, status=answer.status_code, body=answer.text[:200])
            raise unavailable("The database")
        passed = {name: answer.headers[name] for name in PASSED_HEADERS if name in answer.headers}
        raise UpstreamError(answer.status_code, said, passed)
