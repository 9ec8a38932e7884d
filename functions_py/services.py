"""What every endpoint works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from functions_py.access import Access
from functions_py.supabase_rpc import Supabase

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.settings import Settings


@dataclass(frozen=True)
class Services:
    """One per process. ``http`` reaches Supabase; it follows no redirect and reads no proxy setting."""

    settings: Settings
    http: httpx.AsyncClient
    access: Access

    @classmethod
    def create(cls, settings: Settings) -> Services:
        http = httpx.AsyncClient(timeout=settings.functions_upstream_seconds, trust_env=False)
        return cls(settings, http, Access(settings, http))

    async def as_caller(self, request: Request) -> Supabase:
        """Supabase in the name of whoever sent the request. Raises ApiError not_authenticated."""
        caller = await self.access.caller(request)
        return Supabase.as_user(self.settings, self.http, caller.token)
