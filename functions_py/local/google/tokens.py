"""Google's OAuth token endpoint, and the service-account file that leads google-auth to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.responses import JSONResponse, Response

from functions_py.local.google.errors import GoogleError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from functions_py.local.google.journal import Entry

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOGLE_TOKEN_ENDPOINT = "https://oauth2.googleapis.com/token"  # noqa: S105  (an address)
"""google-auth writes this audience into every assertion, wherever the file's token_uri sends it."""

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
STORAGE_SCOPES = frozenset(
    {
        CLOUD_PLATFORM,
        "https://www.googleapis.com/auth/devstorage.full_control",
        "https://www.googleapis.com/auth/devstorage.read_write",
    }
)
PROJECT = "reelbase-local"

EXPECTED = "Expected OAuth 2 access token, login cookie or other valid authentication credential."
NOBODY = f"Request is missing required authentication credential. {EXPECTED}"
NOBODY_STORAGE = "Anonymous caller does not have storage access to the Google Cloud Storage resource."
STRANGER = f"Request had invalid authentication credentials. {EXPECTED}"
STRANGER_STORAGE = "Invalid Credentials"

LONGEST_ASSERTION_SECONDS = 3600
CLOCK_SKEW_SECONDS = 300


class ServiceAccount:
    """The key pair that signs assertions. The file is what `GOOGLE_APPLICATION_CREDENTIALS` points at."""

    def __init__(self, info: dict[str, Any]) -> None:
        self.email: str = info["client_email"]
        self.key_id: str = info["private_key_id"]
        self.token_uri: str = info["token_uri"]
        private_key = serialization.load_pem_private_key(info["private_key"].encode(), password=None)
        self.public_key = private_key.public_key()
        # Access tokens are sealed with a secret that lasts as long as the file, so they outlive a restart.
        self.token_secret = hashlib.sha256(info["private_key"].encode()).digest()

    @classmethod
    def prepare(cls, path: Path, url: str) -> ServiceAccount:
        """Reads the file or makes it; either way its `token_uri` names `url` afterwards."""
        info = json.loads(path.read_text()) if path.exists() else _new_account()
        info["token_uri"] = f"{url}/token"
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps(info, indent=2) + "\n")
        unfinished.replace(path)
        return cls(info)


class Tokens:
    """Exchanges signed assertions for access tokens and checks those on every other request."""

    def __init__(self, account: ServiceAccount, lifetime_seconds: int) -> None:
        self._account = account
        self._lifetime = lifetime_seconds

    async def exchange(self, request: Request, entry: Entry) -> Response:
        """`POST /token`: RFC 7523, with Google's error bodies."""
        form = await request.form()
        if form.get("grant_type") != GRANT_TYPE:
            return _refusal("unsupported_grant_type", f"Invalid grant_type: {form.get('grant_type', '')}")
        try:
            claims = self._verified(str(form.get("assertion", "")))
        except jwt.InvalidTokenError as problem:
            return _refusal("invalid_grant", f"Invalid JWT: {problem}")
        scopes = str(claims.get("scope", "")).split()
        if not scopes:
            return _refusal("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return JSONResponse(
            {"access_token": self.issue(scopes), "expires_in": self._lifetime, "token_type": "Bearer"},
            headers={"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate"},
        )

    def issue(self, scopes: list[str]) -> str:
        """A new access token, good for the configured time."""
        claims = json.dumps(
            {"exp": time.time() + self._lifetime, "scopes": scopes, "jti": secrets.token_hex(8)}
        )
        payload = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
        return f"ya29.c.{payload}.{self._seal(payload)}"

    def check(self, request: Request) -> None:
        """Raises GoogleError 401 or 403 unless the request carries a good token with a fitting scope."""
        header = request.headers.get("authorization", "")
        storage = "/storage/v1/" in request.url.path
        if not header:
            raise GoogleError(401, NOBODY_STORAGE if storage else NOBODY, reason="CREDENTIALS_MISSING")
        scopes = self._scopes(header.removeprefix("Bearer ")) if header.startswith("Bearer ") else None
        if scopes is None:
            raise GoogleError(
                401, STRANGER_STORAGE if storage else STRANGER, reason="ACCESS_TOKEN_TYPE_UNSUPPORTED"
            )
        if not scopes & (STORAGE_SCOPES if storage else {CLOUD_PLATFORM}):
            raise GoogleError(
                403,
                "Request had insufficient authentication scopes.",
                reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT",
            )

    def _verified(self, assertion: str) -> dict[str, Any]:
        if jwt.get_unverified_header(assertion).get("kid") not in (None, self._account.key_id):
            raise jwt.InvalidTokenError("No key with this id")
        claims: dict[str, Any] = jwt.decode(
            assertion,
            self._account.public_key,  # type: ignore[arg-type]  # RSA by construction
            algorithms=["RS256"],
            audience=[GOOGLE_TOKEN_ENDPOINT, self._account.token_uri],
            issuer=self._account.email,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["iss", "aud", "iat", "exp"]},
        )
        if claims["exp"] - claims["iat"] > LONGEST_ASSERTION_SECONDS + CLOCK_SKEW_SECONDS:
            raise jwt.InvalidTokenError("Token must be a short-lived token (60 minutes)")
        return claims

    def _scopes(self, token: str) -> set[str] | None:
        prefix, _, rest = token.partition("ya29.c.")
        payload, _, seal = rest.partition(".")
        if prefix or not hmac.compare_digest(seal.encode(), self._seal(payload).encode()):
            return None
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return set(claims["scopes"]) if claims["exp"] > time.time() else None

    def _seal(self, payload: str) -> str:
        return hmac.new(self._account.token_secret, payload.encode(), hashlib.sha256).hexdigest()


def _refusal(error: str, description: str) -> JSONResponse:
    return JSONResponse({"error": error, "error_description": description}, 400)


def _new_account() -> dict[str, Any]:
    email = f"worker@{PROJECT}.iam.gserviceaccount.com"
    private_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": secrets.token_hex(20),
        "private_key": private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        "client_email": email,
        "client_id": str(secrets.randbelow(10**21)),
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{email}",
        "universe_domain": "googleapis.com",
    }
