"""Whose access token is believed: every attack that is known to have worked somewhere fails here."""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from functions_py import access
from functions_py.access import Access
from functions_py.errors import ApiError
from functions_py.settings import Settings

URL = "https://project.supabase.co"
SECRET = "the-secret-that-auth-and-we-share-0123456789"
USER = uuid.uuid4()


class Auth:
    """The key set of a project: which keys it publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.is_down = False
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == f"{URL}/auth/v1/.well-known/jwks.json"
        self.asked += 1
        return httpx.Response(503) if self.is_down else httpx.Response(200, json={"keys": self.keys})

    def publish(self, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, kid: str) -> None:
        if isinstance(key, rsa.RSAPrivateKey):
            jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"alg": "RS256"}
        else:
            jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"alg": "ES256"}
        self.keys.append({**jwk, "kid": kid, "use": "sig"})


ES256 = ec.generate_private_key(ec.SECP256R1())
RS256 = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def auth() -> Auth:
    auth = Auth()
    auth.publish(ES256, "first")
    auth.publish(RS256, "second")
    return auth


def access_of(auth: Auth, *, secret: str | None = SECRET) -> Access:
    settings = Settings.model_validate(
        {"supabase_url": URL, "supabase_publishable_key": "sb_publishable_x", "supabase_jwt_secret": secret}
    )
    return Access(settings, auth.http)


def claims(**changes: object) -> dict[str, object]:
    """What Auth writes, changed; None leaves a claim out."""
    now = int(time.time())
    written: dict[str, object] = {
        "iss": f"{URL}/auth/v1",
        "aud": "authenticated",
        "sub": str(USER),
        "role": "authenticated",
        "iat": now,
        "exp": now + 3600,
    }
    return {name: value for name, value in (written | changes).items() if value is not None}


def es256(kid: str = "first", key: ec.EllipticCurvePrivateKey = ES256, **changes: object) -> str:
    return jwt.encode(claims(**changes), key, algorithm="ES256", headers={"kid": kid})


def unsigned(header: dict[str, object], payload: dict[str, object], signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_a_token_of_each_kind_of_key_is_believed(auth: Auth) -> None:
    verifier = access_of(auth)
    for token in (
        es256(),
        jwt.encode(claims(), RS256, algorithm="RS256", headers={"kid": "second"}),
        jwt.encode(claims(), SECRET, algorithm="HS256"),
        es256(aud=["authenticated", "other"]),
    ):
        caller = await verifier.verify(token)
        assert (caller.user_id, caller.token) == (USER, token)
    assert auth.asked == 1


def public_pem() -> bytes:
    return ES256.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def hs256_with_the_public_key() -> str:
    # PyJWT refuses to make it.
    header, payload, _ = jwt.encode(claims(), SECRET, algorithm="HS256", headers={"kid": "first"}).split(".")
    signed = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{header}.{payload}".encode(), public_pem()
    )
    return f"{header}.{payload}.{base64.urlsafe_b64encode(signed).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    ("attack", "token"),
    [
        ("not a token", "abc"),
        ("no signature", unsigned({"alg": "none", "kid": "first"}, claims())),
        ("none, written otherwise", unsigned({"alg": "nOnE", "kid": "first"}, claims())),
        ("an empty signature", unsigned({"alg": "ES256", "kid": "first"}, claims())),
        ("the public key as a secret", hs256_with_the_public_key()),
        ("the algorithm of another key", unsigned({"alg": "RS256", "kid": "first"}, claims(), b"x" * 64)),
        ("a key of the attacker's", es256(key=ec.generate_private_key(ec.SECP256R1()))),
        ("a key nobody published", es256(kid="third")),
        ("no key id", jwt.encode(claims(), ES256, algorithm="ES256")),
        ("a key id that is no text", unsigned({"alg": "ES256", "kid": ["first"]}, claims(), b"x" * 64)),
        ("another secret", jwt.encode(claims(), "x" * 40, algorithm="HS256")),
        ("HS512 of the secret", jwt.encode(claims(), SECRET * 2, algorithm="HS512")),
        ("expired", es256(exp=int(time.time()) - 60)),
        ("no expiry", es256(exp=None)),
        ("an expiry that is no number", es256(exp="tomorrow")),
        ("not valid yet", es256(nbf=int(time.time()) + 86_400)),
        ("another project", es256(iss="https://other.supabase.co/auth/v1")),
        ("no issuer", es256(iss=None)),
        ("another audience", es256(aud="other")),
        ("no audience", es256(aud=None)),
        ("no user", es256(sub=None)),
        ("a user id that is none", es256(sub="admin")),
        ("the anon key", jwt.encode({"iss": "supabase", "role": "anon", "exp": 2**31}, SECRET, "HS256")),
    ],
)
async def test_a_token_that_lies_is_refused(auth: Auth, attack: str, token: str) -> None:
    with pytest.raises(ApiError) as caught:
        await access_of(auth).verify(token)
    assert (caught.value.body["code"], caught.value.status) == ("not_authenticated", 401), attack
    assert caught.value.headers["www-authenticate"].startswith("Bearer")


async def test_keys_named_by_the_token_itself_are_ignored(auth: Auth) -> None:
    attacker = ec.generate_private_key(ec.SECP256R1())
    jwk = ECAlgorithm.to_jwk(attacker.public_key(), as_dict=True)
    header = {"kid": "first", "jwk": jwk, "jku": "https://attacker.example/jwks.json"}
    with pytest.raises(ApiError):
        await access_of(auth).verify(jwt.encode(claims(), attacker, algorithm="ES256", headers=header))


async def test_a_shared_secret_in_a_public_key_set_counts_for_nothing(auth: Auth) -> None:
    auth.keys.append(
        {
            "kty": "oct",
            "k": base64.urlsafe_b64encode(b"s" * 32).decode(),
            "kid": "oct",
            "alg": "HS256",
            "use": "sig",
        }
    )
    with pytest.raises(ApiError):
        await access_of(auth, secret=None).verify(
            jwt.encode(claims(), b"s" * 32, algorithm="HS256", headers={"kid": "oct"})
        )


async def test_without_the_legacy_secret_its_tokens_are_refused(auth: Auth) -> None:
    with pytest.raises(ApiError):
        await access_of(auth, secret=None).verify(jwt.encode(claims(), SECRET, algorithm="HS256"))


async def test_a_rotation_is_noticed_and_a_revoked_key_forgotten(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = access_of(auth)
    await verifier.verify(es256())
    fresh = ec.generate_private_key(ec.SECP256R1())
    auth.keys.clear()
    auth.publish(fresh, "third")
    with pytest.raises(ApiError):
        await verifier.verify(es256("third", fresh))
    assert auth.asked == 1, "an unknown key id is asked for at most once in a while"
    monkeypatch.setattr(access, "MISS_SECONDS", 0.0)
    await verifier.verify(es256("third", fresh))
    with pytest.raises(ApiError):
        await verifier.verify(es256())


async def test_an_outage_of_auth_signs_out_nobody_who_was_known(
    auth: Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier = access_of(auth)
    auth.is_down = True
    with pytest.raises(ApiError) as caught:
        await verifier.verify(es256())
    assert caught.value.body["code"] == "upstream_unavailable"
    auth.is_down = False
    await verifier.verify(es256())
    auth.is_down = True
    monkeypatch.setattr(access, "KEEP_SECONDS", 0.0)
    await verifier.verify(es256())
