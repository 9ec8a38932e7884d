"""The gateway in front of every service: CORS, API keys, and opaque keys turned into role tokens.

A pure ASGI layer, because every request of every client passes through it. It changes headers and never
bodies.

What a hosted project's gateway does, and this one does too:
- a browser's preflight is answered here, without a key;
- `/rest/v1` and `/auth/v1` need an `apikey` (header, else query parameter); `/storage/v1` does not, since a
  signed or public link carries none, and Storage judges the token itself;
- an opaque key is replaced by a token of its role wherever no other token was sent; a user's token is left
  alone;
- an `sb_secret_…` key from something that calls itself a browser is refused.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders

from functions_py.local.platform.keys import ApiKey, Keys, MissingToken, bearer_token

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_KEYED_PREFIXES = ("/rest/v1", "/auth/v1")
_STORAGE_PREFIX = "/storage/v1"
_OPEN_PATHS = re.compile(
    r"/auth/v1/(?:verify|callback|authorize|\.well-known/.*)"
    r"|/storage/v1/(?:object/(?:public|sign)|render/image/(?:public|sign))/.*"
)
_BROWSER = re.compile(r"Mozilla/|Chrome/|Safari/|Firefox/|Edg/|OPR/", re.IGNORECASE)

_ALLOWED_METHODS = "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS,TRACE,CONNECT"
_PREFLIGHT_SECONDS = "3600"
# What a browser's script may read of an answer. Retry-After is not in the list of a hosted project either.
_EXPOSED_HEADERS = ", ".join(
    (
        "Content-Encoding",
        "Content-Location",
        "Content-Range",
        "Content-Type",
        "Date",
        "Location",
        "Server",
        "Transfer-Encoding",
        "Range-Unit",
        "Preference-Applied",
        "X-Total-Count",
        "Link",
        "X-Supabase-Api-Version",
    )
)


class Gateway:
    """Wraps the application that routes to the services."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _answer_preflight(headers, send)
            return
        refusal = self._admit(scope, headers)
        if refusal is not None:
            await _refuse(refusal, _with_cors(send))
            return
        await self._app(scope, receive, _with_cors(send))

    def _admit(self, scope: Scope, headers: Headers) -> dict[str, str] | None:
        """Check the key and rewrite the scope; the body of a 401 if the request may not pass."""
        path: str = scope["path"]
        is_keyed = _is_below(path, *_KEYED_PREFIXES)
        if not (is_keyed or _is_below(path, _STORAGE_PREFIX)) or _is_open(scope["method"], path):
            return None
        value = headers.get("apikey") or _take_query_key(scope)
        if not value:
            return _NO_KEY if is_keyed else None
        api_key = self._keys.find_api_key(value)
        if api_key is None:
            return _UNREGISTERED_KEY if value.startswith("sb_") else _INVALID_KEY
        if api_key.is_secret and _BROWSER.search(headers.get("user-agent", "")):
            return _SECRET_IN_BROWSER
        self._replace_opaque_key(scope, headers, value, api_key)
        return None

    def _replace_opaque_key(self, scope: Scope, headers: Headers, value: str, api_key: ApiKey) -> None:
        """Give the services a token where the caller sent only the key, alone or repeated as bearer token."""
        if not api_key.is_opaque:
            return
        try:
            token = bearer_token(headers.get("authorization"))
        except MissingToken:
            token = value
        if token == value:
            scope["headers"] = list(scope["headers"])
            MutableHeaders(scope=scope)["authorization"] = f"Bearer {self._keys.role_token(api_key.role)}"


def _is_open(method: str, path: str) -> bool:
    """Whether a request may come without a key. Making a signed link, a POST to the same path, may not."""
    is_storage = _is_below(path, _STORAGE_PREFIX)
    return _OPEN_PATHS.fullmatch(path) is not None and (not is_storage or method in ("GET", "HEAD"))


def _is_below(path: str, *prefixes: str) -> bool:
    return any(path == prefix or path.startswith(prefix + "/") for prefix in prefixes)


def _take_query_key(scope: Scope) -> str | None:
    """The `apikey` query parameter, taken out so that PostgREST does not read it as a filter on a column."""
    query: bytes = scope["query_string"]
    if b"apikey=" not in query:
        return None
    kept = [part for part in query.split(b"&") if not part.startswith(b"apikey=")]
    scope["query_string"] = b"&".join(kept)
    values = parse_qs(query.decode("latin-1")).get("apikey", [])
    return values[0] if values else None


_NO_KEY = {
    "message": "No API key found in request",
    "hint": "No `apikey` request header or url param was found.",
}
_INVALID_KEY = {
    "message": "Invalid API key",
    "hint": "Double check your Supabase `anon` or `service_role` API key.",
}
_UNREGISTERED_KEY = {
    "message": "Unregistered API key",
    "hint": "Double check the provided API key as it is not registered for this project.",
}
_SECRET_IN_BROWSER = {
    "message": "Forbidden use of secret API key in browser",
    "hint": "Secret API keys can only be used in a protected environment and should never be used in a "
    "browser. Delete this secret API key immediately if it is exposed.",
}


async def _refuse(body: dict[str, str], send: Send) -> None:
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _answer_preflight(request: Headers, send: Send) -> None:
    """Allow whatever the browser asks for: rights come from keys and tokens, never from the origin."""
    headers = MutableHeaders()
    headers["access-control-allow-origin"] = "*"
    headers["access-control-allow-methods"] = _ALLOWED_METHODS
    headers["access-control-max-age"] = _PREFLIGHT_SECONDS
    headers["content-length"] = "0"
    if requested := request.get("access-control-request-headers"):
        headers["access-control-allow-headers"] = requested
        headers["vary"] = "Access-Control-Request-Headers"
    await send({"type": "http.response.start", "status": 200, "headers": headers.raw})
    await send({"type": "http.response.body", "body": b""})


def _with_cors(send: Send) -> Send:
    """Make every answer readable by any origin. PostgREST's own CORS headers must not stand beside ours."""

    async def send_with_cors(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            headers["access-control-allow-origin"] = "*"
            # What a service exposes itself stays: a browser's resumable upload has to read Upload-Offset.
            own = headers.get("access-control-expose-headers")
            headers["access-control-expose-headers"] = (
                f"{own.rstrip(', ')}, {_EXPOSED_HEADERS}" if own else _EXPOSED_HEADERS
            )
            message["headers"] = headers.raw
        await send(message)

    return send_with_cors
