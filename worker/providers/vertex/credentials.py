"""Google access tokens, loaded and refreshed off the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import google.auth
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request

from worker.providers.base import Detail, UnavailableError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
REFRESH_SECONDS: Final = 30.0


class GoogleCredentials:
    """The one credential of this process: GOOGLE_APPLICATION_CREDENTIALS, or what the machine provides."""

    def __init__(self) -> None:
        self._credentials: Credentials | None = None
        self._lock = asyncio.Lock()

    async def fresh(self) -> Credentials:
        """Credentials whose token will outlive the next call. Raises UnavailableError."""
        async with self._lock:
            try:
                async with asyncio.timeout(REFRESH_SECONDS):
                    if self._credentials is None:
                        self._credentials = await asyncio.to_thread(_load)
                    if not self._credentials.valid:
                        await asyncio.to_thread(_refresh, self._credentials)
            except (GoogleAuthError, TimeoutError, OSError, ValueError) as error:
                raise UnavailableError(
                    Detail("google_credentials", f"{type(error).__name__}: {error}")
                ) from error
            return self._credentials

    async def headers(self) -> dict[str, str]:
        """The Authorization header. Raises UnavailableError."""
        credentials = await self.fresh()
        return {"authorization": f"Bearer {credentials.token}"}


def _load() -> Credentials:
    credentials, _project = google.auth.default(scopes=[SCOPE])
    return credentials


def _refresh(credentials: Credentials) -> None:
    credentials.refresh(Request())  # type: ignore[no-untyped-call]  # google-auth is half typed
