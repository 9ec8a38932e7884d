"""What clients send: bodies of requests, and the small formats inside them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from functions_py.local.platform.auth.errors import AuthError

if TYPE_CHECKING:
    from starlette.requests import Request

Body = TypeVar("Body", bound=BaseModel)

_EMAIL = re.compile(r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?")
_EMAIL_MAX_LENGTH = 255
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
# Bans are given as "876000h" (a century); beyond this a date leaves what Postgres and Python can hold.
_MAX_DURATION = timedelta(days=200 * 365)


class _Body(BaseModel):
    """Unknown keys are ignored and null means absent, as in the original."""

    model_config = ConfigDict(extra="ignore", strict=True)


class SignupBody(_Body):
    """`POST /signup`. Without email and phone it is an anonymous sign-in."""

    email: str | None = None
    phone: str | None = None
    password: str | None = None
    data: dict[str, Any] | None = None


class PasswordGrantBody(_Body):
    """`POST /token?grant_type=password`."""

    email: str | None = None
    phone: str | None = None
    password: str | None = None


class RefreshGrantBody(_Body):
    """`POST /token?grant_type=refresh_token`."""

    refresh_token: str | None = None


class UserUpdateBody(_Body):
    """`PUT /user`."""

    email: str | None = None
    phone: str | None = None
    password: str | None = None
    data: dict[str, Any] | None = None
    app_metadata: dict[str, Any] | None = None


class AdminUserBody(_Body):
    """`POST /admin/users` and `PUT /admin/users/{id}`."""

    id: str | None = None
    role: str | None = None
    email: str | None = None
    phone: str | None = None
    password: str | None = None
    password_hash: str | None = None
    email_confirm: bool | None = None
    phone_confirm: bool | None = None
    user_metadata: dict[str, Any] | None = None
    app_metadata: dict[str, Any] | None = None
    ban_duration: str | None = None


class AdminDeleteBody(_Body):
    """`DELETE /admin/users/{id}`; the body is optional."""

    should_soft_delete: bool | None = None


async def read_body(request: Request, model: type[Body]) -> Body:
    """Parse a JSON body. Raises AuthError bad_json (400) if it is not JSON of the right shape."""
    content = await request.body()
    try:
        return model.model_validate_json(content or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise AuthError(400, "bad_json", f"Could not parse request body as JSON: {reason}") from None


def validate_email(email: str) -> str:
    """The address in lower case. Raises AuthError validation_failed (400)."""
    if len(email) > _EMAIL_MAX_LENGTH:
        raise AuthError(400, "validation_failed", "An email address is too long")
    if not _EMAIL.fullmatch(email):
        raise AuthError(400, "validation_failed", "Unable to validate email address: invalid format")
    return email.lower()


def validate_phone(phone: str) -> str:
    """The number in E.164 without the plus sign. Raises AuthError validation_failed (400)."""
    digits = phone.replace(" ", "").removeprefix("+")
    if not re.fullmatch(r"[1-9][0-9]{1,14}", digits):
        raise AuthError(400, "validation_failed", "Invalid phone number format (E.164 required)")
    return digits


def parse_uuid(value: str, complaint: str, status: int = 404) -> UUID:
    """Raises AuthError validation_failed with `complaint`."""
    try:
        return UUID(value)
    except ValueError:
        raise AuthError(status, "validation_failed", complaint) from None


def parse_ban_duration(text: str) -> timedelta:
    """A duration as Go writes it (`24h`, `1h30m`); `none` is zero and lifts a ban.

    Raises AuthError validation_failed (400).
    """
    if text in ("none", "0"):
        return timedelta()
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise AuthError(
            400,
            "validation_failed",
            f'invalid format for ban duration: time: invalid duration "{text}"',
        )
    seconds = sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    return min(timedelta(seconds=min(seconds, _MAX_DURATION.total_seconds())), _MAX_DURATION)
