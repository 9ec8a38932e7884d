"""API keys and JSON Web Tokens: what a key stands for, how tokens are signed, and whose token is believed.

Two kinds of API key exist side by side, as on a hosted project: the opaque `sb_publishable_…` and
`sb_secret_…`, which the gateway turns into short-lived role tokens, and the legacy `anon` and `service_role`
keys, which are themselves HS256 tokens. Access tokens of users are ES256 by default, HS256 if so configured;
both are verified.

Exceptions:
    TokenError
    ├── MissingToken      no bearer token in the request
    └── InvalidToken      malformed, wrong signature, unknown key
        └── ExpiredToken  correctly signed, but its time is over
"""

from __future__ import annotations

import hmac
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias

import jwt

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import HTTPConnection

Claims: TypeAlias = dict[str, Any]
Role: TypeAlias = Literal["anon", "service_role"]

_BEARER = re.compile(r"bearer\s+(\S+)\s*", re.IGNORECASE)
_ROLE_TOKEN_SECONDS = 300
_ROLE_TOKEN_RENEW_SECONDS = 60


class TokenError(Exception):
    """The request's token says nothing that may be believed."""


class MissingToken(TokenError):  # noqa: N818 - reads as what happened
    """No bearer token was sent."""


class InvalidToken(TokenError):  # noqa: N818
    """The token is malformed, signed by nobody we know, or not valid at this time."""


class ExpiredToken(InvalidToken):
    """The signature is right; `exp` has passed."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key the gateway knows. An opaque one is no token and is replaced before any service sees it."""

    role: Role
    is_opaque: bool

    @property
    def is_secret(self) -> bool:
        """An `sb_secret_…` key, which must never come from a browser."""
        return self.is_opaque and self.role == "service_role"


@dataclass(slots=True)
class Keys:
    """Every key of the project. Holds the private ones: never log it."""

    algorithm: Literal["ES256", "HS256"]
    _private_key: jwt.PyJWK = field(repr=False)
    _public_jwk: dict[str, Any] = field(repr=False)
    _public_key: jwt.PyJWK = field(repr=False)
    _secret: str = field(repr=False)
    _api_keys: dict[str, ApiKey] = field(repr=False)
    _role_tokens: dict[Role, tuple[float, str]] = field(default_factory=dict, repr=False)

    @classmethod
    def load(
        cls,
        *,
        signing_key_file: Path,
        jwt_secret: str,
        algorithm: Literal["ES256", "HS256"],
        publishable_key: str,
        secret_key: str,
        anon_key: str,
        service_role_key: str,
    ) -> Self:
        """Read the ES256 private key (one JWK as JSON, with `kid`) and take in the project's API keys."""
        private_jwk = json.loads(signing_key_file.read_text(encoding="utf-8"))
        public_jwk = {name: private_jwk[name] for name in ("kty", "crv", "x", "y", "kid")}
        public_jwk |= {"alg": "ES256", "use": "sig", "key_ops": ["verify"], "ext": True}
        return cls(
            algorithm=algorithm,
            _private_key=jwt.PyJWK(private_jwk, "ES256"),
            _public_jwk=public_jwk,
            _public_key=jwt.PyJWK(public_jwk, "ES256"),
            _secret=jwt_secret,
            _api_keys={
                publishable_key: ApiKey("anon", is_opaque=True),
                secret_key: ApiKey("service_role", is_opaque=True),
                anon_key: ApiKey("anon", is_opaque=False),
                service_role_key: ApiKey("service_role", is_opaque=False),
            },
        )

    def find_api_key(self, value: str) -> ApiKey | None:
        """What an `apikey` stands for, or None if this project never issued it."""
        found = None
        for known, api_key in self._api_keys.items():
            if hmac.compare_digest(known.encode(), value.encode()):
                found = api_key
        return found

    def role_token(self, role: Role) -> str:
        """A token for an API role, valid for minutes; made anew once a minute, not for each request."""
        now = time.time()
        made_at, token = self._role_tokens.get(role, (0.0, ""))
        if now - made_at > _ROLE_TOKEN_RENEW_SECONDS:
            claims = {"iss": "supabase", "role": role, "iat": int(now), "exp": int(now) + _ROLE_TOKEN_SECONDS}
            # HS256 whatever users get: PostgREST checks it on every anonymous request, and much faster than
            # ES256.
            token = jwt.encode(claims, self._secret, algorithm="HS256")
            self._role_tokens[role] = (now, token)
        return token

    def sign(self, claims: Claims) -> str:
        """Sign an access token with the current key; an ES256 token names the key in `kid`."""
        if self.algorithm == "HS256":
            return jwt.encode(claims, self._secret, algorithm="HS256")
        return jwt.encode(
            claims, self._private_key, algorithm="ES256", headers={"kid": str(self._public_jwk["kid"])}
        )

    def verify(self, token: str) -> Claims:
        """The claims of a token this project signed.

        Raises InvalidToken or ExpiredToken; their texts are what Auth appends to its own message. The
        audience is not checked here: legacy API keys have none.
        """
        try:
            header = jwt.get_unverified_header(token)
            claims: Claims = jwt.decode(
                token,
                self._verification_key(header),
                algorithms=[str(header.get("alg"))],
                options={"verify_aud": False, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError:
            raise ExpiredToken("token has invalid claims: token is expired") from None
        except jwt.InvalidSignatureError:
            raise InvalidToken("token signature is invalid") from None
        except jwt.DecodeError as error:
            raise InvalidToken(f"token is malformed: {error}") from None
        except jwt.InvalidTokenError as error:
            raise InvalidToken(f"token has invalid claims: {error}") from None
        return claims

    def role_claims(self, request: HTTPConnection) -> Claims:
        """The verified claims of the caller, from the Authorization header as the gateway left it.

        Raises MissingToken, InvalidToken or ExpiredToken.
        """
        return self.verify(bearer_token(request.headers.get("authorization")))

    def public_jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The key set anybody may fetch: public keys only, so empty while the project signs with HS256."""
        return {"keys": [dict(self._public_jwk)] if self.algorithm == "ES256" else []}

    def _verification_key(self, header: dict[str, Any]) -> jwt.PyJWK | str:
        """The key that fits a header. The algorithm is tied to the key, never taken from the token alone."""
        algorithm = header.get("alg")
        if algorithm == "ES256" and header.get("kid") == self._public_jwk["kid"]:
            return self._public_key
        if algorithm == "HS256":
            return self._secret
        raise InvalidToken(
            f"token is unverifiable: unrecognized JWT kid {header.get('kid')} for algorithm {algorithm}"
        )


def bearer_token(authorization: str | None) -> str:
    """The token of an Authorization header. Raises MissingToken if it carries none."""
    match = _BEARER.fullmatch(authorization or "")
    if match is None:
        raise MissingToken("This endpoint requires a Bearer token")
    return match[1]
