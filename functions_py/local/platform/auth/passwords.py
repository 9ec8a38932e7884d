"""Passwords: what is accepted, and bcrypt away from the event loop."""

from __future__ import annotations

import asyncio
import secrets

import bcrypt

from functions_py.local.platform.auth.errors import AuthError

_MAX_BYTES = 72  # bcrypt reads no further


def check_strength(password: str, min_length: int) -> None:
    """Raises AuthError: weak_password (422) if too short, validation_failed (400) if bcrypt would cut it."""
    if len(password.encode()) > _MAX_BYTES:
        raise AuthError(400, "validation_failed", f"Password cannot be longer than {_MAX_BYTES} characters")
    if len(password) < min_length:
        raise AuthError(
            422,
            "weak_password",
            f"Password should be at least {min_length} characters.",
            weak_reasons=["length"],
        )


def generate_password() -> str:
    """For a user an administrator creates without one: nobody will know it."""
    return secrets.token_urlsafe(48)


async def hash_password(password: str, cost: int) -> str:
    """A bcrypt hash in its text form. Takes tens of milliseconds of a thread, by design."""
    hashed = await asyncio.to_thread(bcrypt.hashpw, password.encode(), bcrypt.gensalt(cost))
    return hashed.decode()


async def is_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is the one behind the hash; False for no hash, or none that bcrypt knows."""
    if not password_hash or len(password.encode()) > _MAX_BYTES:
        return False
    try:
        return await asyncio.to_thread(bcrypt.checkpw, password.encode(), password_hash.encode())
    except ValueError:
        return False
