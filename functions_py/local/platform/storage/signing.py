"""Tokens inside links: who holds one may fetch one object, or upload one, until it expires.

Signed with a key of Storage's own, so that links outlive a change of the project's JWT keys, and no access
token is ever taken for a link, nor a link for an access token.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import jwt

from functions_py.local.platform.storage.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

Scope: TypeAlias = Literal["download", "upload"]

_KEY_FILE = "url-signing-key"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a believed token allows."""

    expires_at: datetime
    upsert: bool
    owner: str | None


class UrlSigner:
    """Makes and checks tokens. The key is made once per stack and kept in a file only its owner may read."""

    def __init__(self, directory: Path) -> None:
        self._key = _load_or_create(directory / _KEY_FILE)

    def sign_download(self, path: str, seconds: int) -> str:
        """`path` is `<bucket>/<name>`."""
        return self._sign({"url": path, "scope": "download"}, seconds)

    def sign_upload(self, path: str, seconds: int, *, upsert: bool, owner: str | None) -> str:
        """Name, owner and the right to overwrite are settled now: uploading asks no policy again."""
        claims: dict[str, Any] = {"owner": owner} if owner is not None else {}
        return self._sign(claims | {"url": path, "upsert": upsert, "scope": "upload"}, seconds)

    def verify(self, token: str, path: str, scope: Scope) -> Grant:
        """Raises StorageError InvalidJWT or InvalidSignature."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["HS256"],
                options={"require": ["exp", "url"], "verify_aud": False, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError:
            raise _invalid_jwt('"exp" claim timestamp check failed') from None
        except jwt.InvalidTokenError:
            is_token = token.count(".") == 2
            raise _invalid_jwt(
                "signature verification failed" if is_token else "Invalid Compact JWS"
            ) from None
        if claims.get("scope") != scope:
            raise StorageError(400, "InvalidSignature", f"Token is not scoped for {scope}")
        if claims["url"] != path:
            raise StorageError(400, "InvalidSignature", "Invalid signature")
        return Grant(
            datetime.fromtimestamp(claims["exp"], UTC), claims.get("upsert") is True, claims.get("owner")
        )

    def _sign(self, claims: dict[str, Any], seconds: int) -> str:
        issued = int(time.time())
        return jwt.encode(claims | {"iat": issued, "exp": issued + seconds}, self._key, algorithm="HS256")


def _invalid_jwt(message: str) -> StorageError:
    return StorageError(400, "InvalidJWT", message)


def _load_or_create(file: Path) -> str:
    if not file.exists():
        draft = file.with_suffix(".new")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        draft.rename(file)
    return file.read_text()
