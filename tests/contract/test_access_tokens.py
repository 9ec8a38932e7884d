"""Whose access token is believed: by PostgREST, by Auth, by Storage, and by whoever fetches the public key.

Forged ones take every way that a careless verifier leaves open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.contract.auth_http import auth_with, claims_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from functions_py.local.stack import Stack
    from tests.contract.auth_http import AuthApi

Verifier: TypeAlias = Literal["rest", "auth", "storage", "public key"]
VERIFIERS: tuple[Verifier, ...] = ("rest", "auth", "storage", "public key")


@dataclass(frozen=True)
class Token:
    """A genuine access token, with everything that a forger could know or guess about it."""

    value: str
    private_key: dict[str, Any]
    public_key: dict[str, Any]
    shared_secret: str

    @property
    def claims(self) -> dict[str, Any]:
        return claims_of(self.value)

    @property
    def header(self) -> dict[str, Any]:
        return jwt.get_unverified_header(self.value)

    def signed(self, **changes: object) -> str:
        """The same by the project's own key, with some claims changed."""
        key = jwt.PyJWK(self.private_key, "ES256")
        return jwt.encode(self.claims | changes, key, "ES256", {"kid": self.header["kid"]})

    def shared(self, **changes: object) -> str:
        """The same by the project's shared secret, with some claims changed."""
        return jwt.encode(self.claims | changes, self.shared_secret, "HS256")


@dataclass(frozen=True)
class Verifiers:
    """The four who are asked."""

    auth: AuthApi

    async def accepts(self, verifier: Verifier, token: str) -> bool:
        """Whether a verifier takes the token for genuine; a refusal must be the documented one."""
        if verifier == "public key":
            return self._accepts_by_public_key(token)
        answer = await self._ask(verifier, token)
        if answer.is_success:
            return True
        body = answer.json()
        expected = {
            "rest": (401, {"PGRST301", "PGRST303"}),
            "auth": (403, {"bad_jwt"}),
            # Storage says 400 whatever it is; the real status is in the body.
            "storage": (400, {"AccessDenied"}),
        }[verifier]
        assert answer.status_code == expected[0], answer.text
        assert body["code"] in expected[1], answer.text
        return False

    async def _ask(self, verifier: Verifier, token: str) -> httpx.Response:
        headers = self.auth.headers | {"authorization": f"Bearer {token}"}
        if verifier == "rest":
            return await self.auth.http.post("/rest/v1/rpc/get_credits", json={}, headers=headers)
        if verifier == "auth":
            return await self.auth.user(token)
        path = "/storage/v1/object/list/videos"
        return await self.auth.http.post(path, json={"prefix": ""}, headers=headers)

    def _accepts_by_public_key(self, token: str) -> bool:
        """As a server of one's own does it: PyJWT, and the keys where the issuer publishes them."""
        issuer = f"{str(self.auth.http.base_url).rstrip('/')}/auth/v1"
        keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json", lifespan=600)
        try:
            jwt.decode(
                token,
                keys.get_signing_key_from_jwt(token),
                algorithms=["ES256", "RS256"],
                audience="authenticated",
                issuer=issuer,
                options={"require": ["exp", "sub", "role"]},
            )
        except jwt.PyJWTError:
            return False
        return True


@pytest.fixture
def verifiers(auth: AuthApi) -> Verifiers:
    """Those of the stack."""
    return Verifiers(auth)


@pytest_asyncio.fixture
async def token(stack: Stack, auth: AuthApi) -> Token:
    """The token of somebody who just signed up."""
    value = (await auth.sign_up())["access_token"]
    [public] = (await auth.send("GET", "/.well-known/jwks.json")).json()["keys"]
    private = json.loads((stack.state_dir / "signing-key.json").read_text())
    return Token(value, private, public, stack.env["JWT_SECRET"])


FORGERIES: dict[str, Callable[[Token], str]] = {
    "no algorithm": lambda token: _unsigned(token, "none"),
    "no algorithm, spelled differently": lambda token: _unsigned(token, "nOnE"),
    "no signature": lambda token: token.value.rsplit(".", 1)[0] + ".",
    "another payload under the signature": lambda token: ".".join(
        (token.value.split(".")[0], _part(token.claims | {"role": "service_role"}), token.value.split(".")[2])
    ),
    "another key": lambda token: jwt.encode(
        token.claims, ec.generate_private_key(ec.SECP256R1()), "ES256", token.header
    ),
    "a key that the token itself brings along": lambda token: _with_own_key(token),
    "another shared secret": lambda token: jwt.encode(token.claims, "x" * 48, "HS256"),
    "the public key as shared secret, PEM": lambda token: _hmac(token, _pem(token.public_key)),
    "the public key as shared secret, JWK": lambda token: _hmac(token, json.dumps(token.public_key).encode()),
    "the public key as shared secret, its x": lambda token: _hmac(token, token.public_key["x"].encode()),
    "an empty shared secret": lambda token: _hmac(token, b""),
    "expired": lambda token: token.signed(exp=int(time.time()) - 60),
    "expired, by the shared secret": lambda token: token.shared(exp=int(time.time()) - 60),
    "not a token": lambda _: "nonsense",
}


@pytest.mark.parametrize("verifier", VERIFIERS)
async def test_a_token_of_auth_is_believed_everywhere(
    verifiers: Verifiers, token: Token, verifier: Verifier
) -> None:
    assert await verifiers.accepts(verifier, token.value)


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("verifier", VERIFIERS)
async def test_a_forged_token_is_believed_nowhere(
    verifiers: Verifiers, token: Token, verifier: Verifier, forgery: str
) -> None:
    assert not await verifiers.accepts(verifier, FORGERIES[forgery](token))


@pytest.mark.parametrize("verifier", VERIFIERS)
async def test_the_shared_secret_signs_too_but_is_never_published(
    verifiers: Verifiers, token: Token, verifier: Verifier
) -> None:
    assert await verifiers.accepts(verifier, token.shared()) == (verifier != "public key")


async def test_a_project_that_has_not_changed_to_asymmetric_keys(stack: Stack, verifiers: Verifiers) -> None:
    async with auth_with(stack, LOCAL_JWT_ALG="HS256") as older:
        value = (await older.sign_up())["access_token"]
    assert jwt.get_unverified_header(value)["alg"] == "HS256"
    for verifier in ("rest", "auth", "storage"):
        assert await verifiers.accepts(verifier, value)


@pytest.mark.parametrize("audience", ["somebody else", ["somebody", "else"], ""])
async def test_a_token_for_another_audience_is_refused_where_the_platform_looks_at_it(
    verifiers: Verifiers, token: Token, audience: str | list[str]
) -> None:
    for value in (token.signed(aud=audience), token.shared(aud=audience)):
        assert not await verifiers.accepts("public key", value)
        answer = await verifiers.auth.user(value)
        assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")
        # PostgREST (without jwt-aud, as Supabase runs it) and Storage look at role and subject alone: only
        # the project itself can sign such a token, and it may have reasons of its own.
        for service in ("rest", "storage"):
            assert await verifiers.accepts(service, value)


def _unsigned(token: Token, algorithm: str) -> str:
    return f"{_part(token.header | {'alg': algorithm})}.{_part(token.claims)}."


def _with_own_key(token: Token) -> str:
    own = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(own.public_key()))
    return jwt.encode(token.claims, own, "ES256", token.header | {"jwk": public})


def _hmac(token: Token, secret: bytes) -> str:
    """By hand: a good library refuses to make it."""
    signed = f"{_part(token.header | {'alg': 'HS256'})}.{_part(token.claims)}"
    return f"{signed}.{_encode(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _pem(public_key: dict[str, Any]) -> bytes:
    key = jwt.PyJWK(public_key, "ES256").key
    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def _part(value: dict[str, Any]) -> str:
    return _encode(json.dumps(value, separators=(",", ":")).encode())


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
