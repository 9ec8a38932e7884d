"""Every setting of the worker, read once from the environment, with the names their owners gave them."""

from __future__ import annotations

import base64
import binascii
import json
import re
import tempfile
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from worker.signatures import webhook_keys

CREEM_URLS: Final = {"prod": "https://api.creem.io", "test": "https://test-api.creem.io"}


class SettingsError(Exception):
    """A setting is missing or contradicts another; the message is one line that names the variable."""


class Settings(BaseSettings):
    """Field names are the environment variables in lower case; ``.env.example`` explains each."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    database_url: SecretStr
    supabase_url: str
    supabase_secret_key: SecretStr
    worker_token: Annotated[SecretStr, Field(min_length=16)]
    webhook_secret: SecretStr | None = None

    google_cloud_project: str | None = None
    google_cloud_location: str = "us-central1"
    google_application_credentials: Path | None = None
    google_vertex_base_url: str | None = None
    storage_emulator_host: str | None = None
    video_output_gcs_uri: str | None = None

    google_ai_api_key: SecretStr | None = None
    google_gemini_base_url: str | None = None

    worker_host: str = "0.0.0.0"  # noqa: S104  a container is reached from outside itself
    worker_port: Annotated[int, Field(ge=1, le=65535)] = 8080
    worker_submit_slots: Annotated[int, Field(ge=0, le=50)] = 10
    worker_poll_slots: Annotated[int, Field(ge=0, le=50)] = 50
    worker_transfer_slots: Annotated[int, Field(ge=0, le=50)] = 4
    worker_file_slots: Annotated[int, Field(ge=0, le=50)] = 4
    worker_webhook_slots: Annotated[int, Field(ge=0, le=50)] = 4
    worker_database_connections: Annotated[int, Field(ge=1, le=50)] = 8
    worker_drain_seconds: Annotated[float, Field(gt=0)] = 100
    worker_temp_dir: Path = Path(tempfile.gettempdir())
    video_create_timeout_seconds: Annotated[float, Field(ge=1, le=300)] = 90
    video_transfer_timeout_seconds: Annotated[float, Field(ge=1)] = 900
    video_max_bytes: Annotated[int, Field(ge=1)] = 500 * 1024**2

    creem_api_key: SecretStr | None = None
    creem_mode: Literal["test", "prod"] = "prod"
    creem_api_url: str | None = None
    creem_moderation: bool = True
    creem_moderation_seconds: Annotated[float, Field(ge=0, le=300)] = 30

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr) -> SecretStr:
        if urlsplit(value.get_secret_value()).scheme not in {"postgres", "postgresql"}:
            raise ValueError("must be a postgresql:// URL")
        return value

    @field_validator(
        "supabase_url",
        "google_vertex_base_url",
        "google_gemini_base_url",
        "storage_emulator_host",
        "creem_api_url",
    )
    @classmethod
    def _is_http(cls, value: str | None, info: object) -> str | None:
        if value is None:
            return None
        # Google's own libraries take STORAGE_EMULATOR_HOST with or without a scheme.
        if "://" not in value and getattr(info, "field_name", "") == "storage_emulator_host":
            value = f"http://{value}"
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("must be an http:// or https:// URL")
        return value.rstrip("/")

    @field_validator("supabase_secret_key")
    @classmethod
    def _is_secret(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value()
        if key.startswith("sb_publishable_") or _jwt_role(key) in {"anon", "authenticated"}:
            raise ValueError("is a public key; the worker needs the secret (service_role) key")
        return value

    @field_validator("google_ai_api_key")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9._-]+", value.get_secret_value()):
            raise ValueError("is no API key: those are letters, digits, dots, dashes and underscores")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _can_sign(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            webhook_keys(value.get_secret_value())
        return value

    @field_validator("video_output_gcs_uri")
    @classmethod
    def _is_gcs(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if urlsplit(value).scheme != "gs" or not urlsplit(value).netloc:
            raise ValueError("must be gs://bucket or gs://bucket/folder")
        return value.rstrip("/")

    @field_validator("google_application_credentials")
    @classmethod
    def _file_exists(cls, value: Path | None) -> Path | None:
        if value is not None and not value.is_file():
            raise ValueError(f"names a file that does not exist: {value}")
        return value

    @field_validator("worker_temp_dir")
    @classmethod
    def _directory_exists(cls, value: Path) -> Path:
        if not value.is_dir():
            raise ValueError(f"is not a directory: {value}")
        return value

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.google_cloud_project is None and self.video_output_gcs_uri is not None:
            raise ValueError(
                "GOOGLE_CLOUD_PROJECT is missing: VIDEO_OUTPUT_GCS_URI is set, which belongs to it"
            )
        if self.google_cloud_project is not None and self.video_output_gcs_uri is None:
            raise ValueError(
                "VIDEO_OUTPUT_GCS_URI is missing: GOOGLE_CLOUD_PROJECT is set, and a clip whose create call "
                "was cut off can be found again only in a bucket"
            )
        if self.google_cloud_project is None and self.google_ai_api_key is None:
            raise ValueError(
                "GOOGLE_CLOUD_PROJECT is missing (for Veo on Vertex AI), and so is GOOGLE_AI_API_KEY "
                "(for Gemini Omni): without one of them no video provider is configured"
            )
        if self.worker_drain_seconds <= self.video_create_timeout_seconds:
            raise ValueError(
                "WORKER_DRAIN_SECONDS must be above VIDEO_CREATE_TIMEOUT_SECONDS, or a shutdown could "
                "cut off a paid call before its operation is recorded"
            )
        return self

    @property
    def creem_url(self) -> str:
        """Where Creem's API of this mode is, without a trailing slash."""
        return self.creem_api_url or CREEM_URLS[self.creem_mode]


def load_settings() -> Settings:
    """The settings of this process. Raises SettingsError with one line that names what is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("; ".join(_problems(error))) from None


def _problems(error: ValidationError) -> list[str]:
    problems = []
    for item in error.errors(include_url=False, include_input=False, include_context=False):
        name = "".join(str(part) for part in item["loc"][:1]).upper()
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "missing":
            message = "is missing"
        problems.append(f"{name} {message}".strip())
    return problems


def _jwt_role(key: str) -> str | None:
    """The role a legacy API key (a JWT) speaks for, unverified; None where the key is not a JWT."""
    parts = key.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    return claims.get("role") if isinstance(claims, dict) else None
