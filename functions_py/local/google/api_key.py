"""The key of the Gemini API: made once, kept in a file for whoever configures a client."""

from __future__ import annotations

import hmac
import secrets
from typing import TYPE_CHECKING

from functions_py.local.google.errors import GoogleError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request


class ApiKey:
    """The one key that the emulator accepts."""

    def __init__(self, key: str) -> None:
        self.key = key

    @classmethod
    def prepare(cls, path: Path) -> ApiKey:
        """Reads the file or makes it."""
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(f"AIza{secrets.token_urlsafe(26)}\n")
        return cls(path.read_text().strip())

    def check(self, request: Request) -> None:
        """Raises GoogleError unless the request carries the key, in its header or its query."""
        given = request.headers.get("x-goog-api-key") or request.query_params.get("key")
        if not given:
            raise GoogleError(
                403,
                "Method doesn't allow unregistered callers (callers without established identity). Please "
                "use API Key or other form of API consumer identity to call this API.",
            )
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            # 400, not 401: that is what the Gemini API does.
            raise GoogleError(
                400, "API key not valid. Please pass a valid API key.", reason="API_KEY_INVALID"
            )
