"""Who makes a request and what a policy may learn about it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from functions_py.local.platform.keys import ExpiredToken, InvalidToken, Keys, MissingToken, bearer_token
from functions_py.local.platform.storage.errors import access_denied, invalid_request

if TYPE_CHECKING:
    from starlette.requests import Request

SERVICE_ROLE = "service_role"


@dataclass(frozen=True, slots=True)
class Caller:
    """A role with its claims, and the request as row security sees it."""

    claims: dict[str, Any]
    operation: str
    method: str
    path: str
    headers: dict[str, str]

    @classmethod
    def of(cls, request: Request, keys: Keys, operation: str) -> Self:
        """The caller by the request's bearer token.

        Raises StorageError: invalid_request without a token, access_denied for one not to be believed.
        """
        authorization = request.headers.get("authorization")
        if authorization is None:
            raise invalid_request("headers must have required property 'authorization'")
        try:
            token = bearer_token(authorization)
        except MissingToken:
            raise access_denied("Invalid Compact JWS") from None
        try:
            claims = keys.verify(token)
        except ExpiredToken:
            raise access_denied('"exp" claim timestamp check failed') from None
        except InvalidToken:
            raise access_denied(_unbelievable(token)) from None
        return cls._from(request, claims, operation)

    @classmethod
    def service(cls, request: Request, operation: str) -> Self:
        """Storage itself, for routes whose right is in the link: public and signed ones."""
        return cls._from(request, {"role": SERVICE_ROLE}, operation)

    @classmethod
    def _from(cls, request: Request, claims: dict[str, Any], operation: str) -> Self:
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        return cls(claims, operation, request.method, path, dict(request.headers))

    def as_service(self) -> Caller:
        """The same request with the rights Storage writes its final rows with."""
        return replace(self, claims={"role": SERVICE_ROLE})

    @property
    def role(self) -> str:
        """The database role; a token without one is anonymous."""
        return str(self.claims.get("role") or "anon")

    @property
    def owner(self) -> str | None:
        """Who owns what the caller uploads; nobody, for API keys."""
        subject = self.claims.get("sub")
        return str(subject) if subject else None

    def settings(self) -> dict[str, str]:
        """Configuration parameters of each of the caller's transactions."""
        return {
            "request.jwt.claims": _compact(self.claims),
            "request.jwt.claim.sub": self.owner or "",
            "request.jwt.claim.role": self.role,
            "request.headers": _compact(self.headers),
            "request.method": self.method,
            "request.path": self.path,
            "storage.operation": self.operation,
        }


def _unbelievable(token: str) -> str:
    return "signature verification failed" if token.count(".") == 2 else "Invalid Compact JWS"


def _compact(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
