"""The secrets of one stack: invented when it is first made, kept in its state directory, used only there."""

from __future__ import annotations

import hmac
import json
import secrets
import string
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path

_TEN_YEARS = 10 * 365 * 24 * 3600
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Secrets:
    """Everything in clear text; the file that holds them is readable by its owner only."""

    db_password: str
    """Of every login role of the cluster, video_worker included."""
    jwt_secret: str
    """Signs the legacy HS256 keys below; PostgREST accepts it beside the ES256 key."""
    anon_key: str
    service_role_key: str
    publishable_key: str
    secret_key: str
    worker_token: str
    signing_key: dict[str, Any]
    """Private ES256 JWK with which Auth signs access tokens."""

    @property
    def creem_api_key(self) -> str:
        """Of the stand-in for Creem, by whose prefix it is a key of test mode."""
        return f"creem_test_{self._derived('creem api key')}"

    @property
    def creem_webhook_secret(self) -> str:
        """Signs the events of the stand-in for Creem."""
        return f"whsec_{self._derived('creem webhook secret')}"

    def _derived(self, purpose: str) -> str:
        return hmac.new(self.jwt_secret.encode(), purpose.encode(), "sha256").hexdigest()[:32]


def load_or_create(path: Path) -> Secrets:
    """Reads the secrets of an existing stack, or invents and stores new ones (mode 0600)."""
    if path.exists():
        return Secrets(**json.loads(path.read_text()))
    fresh = _generate()
    write_private(path, json.dumps(asdict(fresh), indent=2))
    return fresh


def write_private(path: Path, content: str) -> None:
    """Writes a file that only its owner may read, atomically."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(content)
    draft.rename(path)


def jwks(found: Secrets) -> dict[str, list[dict[str, Any]]]:
    """What PostgREST verifies tokens with: the public ES256 key and the shared HS256 secret."""
    public = {name: value for name, value in found.signing_key.items() if name != "d"}
    shared = jwt.algorithms.HMACAlgorithm.to_jwk(found.jwt_secret.encode(), as_dict=True)
    return {"keys": [public | {"key_ops": ["verify"]}, {**shared, "alg": "HS256"}]}


def _generate() -> Secrets:
    jwt_secret = _random(48)
    return Secrets(
        db_password=_random(32),
        jwt_secret=jwt_secret,
        anon_key=_legacy_key("anon", jwt_secret),
        service_role_key=_legacy_key("service_role", jwt_secret),
        publishable_key=f"sb_publishable_{_random(22)}_{_random(8)}",
        secret_key=f"sb_secret_{_random(22)}_{_random(8)}",
        worker_token=_random(48),
        signing_key=_signing_key(),
    )


def _random(length: int) -> str:
    """Letters and digits only, so that a secret needs quoting nowhere (URLs, shells, .pgpass)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _legacy_key(role: str, jwt_secret: str) -> str:
    now = int(time.time())
    claims = {"iss": "supabase-local", "role": role, "iat": now, "exp": now + _TEN_YEARS}
    return jwt.encode(claims, jwt_secret, algorithm="HS256")


def _signing_key() -> dict[str, Any]:
    private = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(private, as_dict=True)
    return {**jwk, "kid": _random(22), "alg": "ES256", "use": "sig"}
