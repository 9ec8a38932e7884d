"""Every setting of the HTTP functions, read once from the environment, with the names of their owners."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (pydantic looks it up)
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

import jwt
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_CREEM_URLS = {"prod": "https://api.creem.io", "test": "https://test-api.creem.io"}


class SettingsError(Exception):
    """A setting is missing or contradicts another; the message is one line that names the variable."""


class Settings(BaseSettings):
    """Field names are the environment variables in lower case; ``.env.example`` explains each."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    supabase_url: str
    supabase_publishable_key: SecretStr
    supabase_secret_key: SecretStr | None = None
    supabase_jwt_secret: Annotated[SecretStr | None, Field(min_length=32)] = None
    supabase_public_url: str | None = None
    """The address by which clients know the project, which is also part of the `iss` of their tokens."""

    functions_host: str = "0.0.0.0"  # noqa: S104  a container is reached from outside itself
    functions_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    functions_cors_origins: Annotated[tuple[str, ...], NoDecode] = ("*",)
    functions_max_body_bytes: Annotated[int, Field(ge=1024)] = 256 * 1024
    functions_upstream_seconds: Annotated[float, Field(gt=0)] = 15
    """How long an answer of Supabase's is waited for."""
    functions_model_seconds: Annotated[float, Field(gt=0)] = 12
    """How long the text model has for a prompt, before the user gets his own back."""

    creem_api_key: SecretStr | None = None
    creem_webhook_secret: SecretStr | None = None
    creem_mode: Literal["test", "prod"] = "prod"
    creem_api_url: str | None = None
    creem_success_url: str | None = None
    creem_reconcile_seconds: Annotated[float, Field(ge=0)] = 900
    """Pause between two comparisons with Creem's own list of payments; 0 leaves it to the command."""

    google_cloud_project: str | None = None
    google_cloud_location: str = "us-central1"
    google_application_credentials: Path | None = None
    google_vertex_base_url: str | None = None
    google_ai_api_key: SecretStr | None = None
    google_gemini_base_url: str | None = None

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("functions_cors_origins", mode="before")
    @classmethod
    def _list(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(origin.strip().rstrip("/") for origin in value.split(",") if origin.strip())

    @field_validator(
        "supabase_url",
        "supabase_public_url",
        "creem_api_url",
        "creem_success_url",
        "google_vertex_base_url",
        "google_gemini_base_url",
    )
    @classmethod
    def _is_http(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("must be an http:// or https:// URL")
        return value.rstrip("/")

    @field_validator("supabase_publishable_key")
    @classmethod
    def _is_public(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value()
        if key.startswith("sb_secret_") or _role(key) == "service_role":
            raise ValueError("is a secret key; clients' calls are made with the publishable (anon) key")
        return value

    @field_validator("supabase_secret_key")
    @classmethod
    def _is_secret(cls, value: SecretStr | None) -> SecretStr | None:
        key = value.get_secret_value() if value else ""
        if key.startswith("sb_publishable_") or _role(key) in {"anon", "authenticated"}:
            raise ValueError("is a public key; it must be the secret (service_role) key")
        return value

    @field_validator("google_application_credentials")
    @classmethod
    def _file_exists(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"names a file that does not exist: {value}")
        return value

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if (self.creem_webhook_secret or self.creem_api_key) and self.supabase_secret_key is None:
            raise ValueError(
                "SUPABASE_SECRET_KEY is missing: CREEM_* are set, and payments are recorded with it"
            )
        if (self.creem_webhook_secret is None) != (self.creem_api_key is None):
            missing = "CREEM_API_KEY" if self.creem_api_key is None else "CREEM_WEBHOOK_SECRET"
            raise ValueError(f"{missing} is missing: Creem needs both CREEM_API_KEY and CREEM_WEBHOOK_SECRET")
        if self.creem_api_key and self.creem_api_url is None:
            is_test_key = self.creem_api_key.get_secret_value().startswith("creem_test_")
            if is_test_key != (self.creem_mode == "test"):
                raise ValueError(f"CREEM_MODE is {self.creem_mode}, but CREEM_API_KEY is of the other mode")
        return self

    @property
    def public_url(self) -> str:
        """Where clients reach Supabase, without a trailing slash."""
        return self.supabase_public_url or self.supabase_url

    @property
    def creem_url(self) -> str:
        """Where Creem's API of this mode is, without a trailing slash."""
        return self.creem_api_url or _CREEM_URLS[self.creem_mode]


def load_settings() -> Settings:
    """The settings of this process. Raises SettingsError with one line that names what is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_problem(item) for item in error.errors())) from None


def _problem(item: ErrorDetails) -> str:
    name = "".join(str(part) for part in item["loc"][:1]).upper()
    message = "is missing" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
    return f"{name} {message}".strip()


def _role(key: str) -> object:
    """The role a legacy API key (a JWT) speaks for, unverified; None where the key is not a JWT."""
    try:
        return jwt.decode(key, options={"verify_signature": False}).get("role")
    except jwt.InvalidTokenError:
        return None
