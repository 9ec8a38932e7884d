"""What the parts of the platform process share: its settings, its connection pools and its keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - pydantic reads the annotation
from typing import Literal

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import make_conninfo
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from functions_py.local.platform.keys import Keys


class Settings(BaseSettings):
    """The environment of the platform process; the supervisor sets it."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    port: int = Field(validation_alias="LOCAL_PORT", ge=1, le=65535)
    host: str = Field(default="127.0.0.1", validation_alias="LOCAL_HOST")
    state_dir: Path = Field(validation_alias="LOCAL_STATE_DIR")
    postgrest_url: str = Field(validation_alias="LOCAL_POSTGREST_URL")

    db_host: str = Field(validation_alias="LOCAL_DB_HOST")
    db_port: int = Field(validation_alias="LOCAL_DB_PORT")
    db_name: str = Field(default="postgres", validation_alias="LOCAL_DB_NAME")
    db_password: SecretStr = Field(validation_alias="LOCAL_DB_PASSWORD")

    jwt_secret: SecretStr = Field(validation_alias="JWT_SECRET", min_length=32)
    jwt_algorithm: Literal["ES256", "HS256"] = Field(default="ES256", validation_alias="LOCAL_JWT_ALG")
    jwt_expiry_seconds: int = Field(default=3600, validation_alias="LOCAL_JWT_EXPIRY", ge=1)
    signing_key_file: Path = Field(validation_alias="LOCAL_SIGNING_KEY_FILE")

    publishable_key: SecretStr = Field(validation_alias="LOCAL_PUBLISHABLE_KEY")
    secret_key: SecretStr = Field(validation_alias="LOCAL_SECRET_KEY")
    anon_key: SecretStr = Field(validation_alias="ANON_KEY")
    service_role_key: SecretStr = Field(validation_alias="SERVICE_ROLE_KEY")

    auth_autoconfirm: bool = Field(default=True, validation_alias="LOCAL_AUTH_AUTOCONFIRM")
    auth_anonymous_sign_ins: bool = Field(default=True, validation_alias="LOCAL_ANONYMOUS_SIGN_INS")
    auth_signup_enabled: bool = Field(default=True, validation_alias="LOCAL_SIGNUP_ENABLED")
    auth_password_min_length: int = Field(default=6, validation_alias="LOCAL_PASSWORD_MIN_LENGTH", ge=1)
    auth_bcrypt_cost: int = Field(default=10, validation_alias="LOCAL_BCRYPT_COST", ge=4, le=15)
    auth_refresh_reuse_seconds: int = Field(default=10, validation_alias="LOCAL_REFRESH_REUSE_SECONDS", ge=0)

    log_level: str = Field(default="info", validation_alias="LOG_LEVEL")

    @property
    def api_url(self) -> str:
        """The address clients use, without a trailing slash; part of the issuer of every access token."""
        return f"http://{self.host}:{self.port}"

    def conninfo(self, role: str) -> str:
        """A libpq connection string for one of the login roles, which share a generated password."""
        return make_conninfo(
            host=self.db_host,
            port=self.db_port,
            dbname=self.db_name,
            user=role,
            password=self.db_password.get_secret_value(),
            application_name=f"local-platform ({role})",
            connect_timeout=5,
        )


@dataclass(frozen=True, slots=True)
class Context:
    """One per process. The pools are open while the application runs."""

    settings: Settings
    pool_auth: AsyncConnectionPool[AsyncConnection[DictRow]]
    pool_storage: AsyncConnectionPool[AsyncConnection[DictRow]]
    keys: Keys

    @classmethod
    def create(cls, settings: Settings) -> Context:
        """Build the context; opens no connection yet."""
        keys = Keys.load(
            signing_key_file=settings.signing_key_file,
            jwt_secret=settings.jwt_secret.get_secret_value(),
            algorithm=settings.jwt_algorithm,
            publishable_key=settings.publishable_key.get_secret_value(),
            secret_key=settings.secret_key.get_secret_value(),
            anon_key=settings.anon_key.get_secret_value(),
            service_role_key=settings.service_role_key.get_secret_value(),
        )
        return cls(
            settings=settings,
            pool_auth=_pool(settings, "supabase_auth_admin"),
            pool_storage=_pool(settings, "supabase_storage_admin"),
            keys=keys,
        )


def _pool(settings: Settings, role: str) -> AsyncConnectionPool[AsyncConnection[DictRow]]:
    async def check(connection: AsyncConnection[DictRow]) -> None:
        # A test may restart Postgres under a running platform: a dead connection must not reach a request.
        # Where one is dead all are, and to find them one by one takes twice as long with each.
        try:
            await AsyncConnectionPool.check_connection(connection)
        except psycopg.Error:
            await pool.drain()
            raise

    pool = AsyncConnectionPool(
        settings.conninfo(role),
        connection_class=AsyncConnection[DictRow],
        kwargs={"row_factory": dict_row},
        check=check,
        min_size=1,
        max_size=10,
        timeout=10,
        # Nor may a restart make requests wait for the pauses of a long outage: the next request tries again.
        reconnect_timeout=3,
        open=False,
        name=role,
    )
    return pool
