"""The environment of the stand-in; the supervisor sets it."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of this process."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    port: int = Field(validation_alias="LOCAL_PORT", ge=1, le=65535)
    host: str = Field(default="127.0.0.1", validation_alias="LOCAL_HOST")
    api_key: SecretStr = Field(validation_alias="LOCAL_CREEM_API_KEY")
    webhook_secret: SecretStr = Field(validation_alias="LOCAL_CREEM_WEBHOOK_SECRET")
    webhook_url: str = Field(validation_alias="LOCAL_CREEM_WEBHOOK_URL")

    @property
    def url(self) -> str:
        """The stand-in's own address, without a trailing slash."""
        return f"http://{self.host}:{self.port}"
