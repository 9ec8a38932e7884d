"""The environment of the emulator; the supervisor sets it."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (pydantic looks it up)

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of this process."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    port: int = Field(validation_alias="LOCAL_PORT", ge=1, le=65535)
    host: str = Field(default="127.0.0.1", validation_alias="LOCAL_HOST")
    state_dir: Path = Field(validation_alias="LOCAL_STATE_DIR")
    seconds: float = Field(default=2.0, validation_alias="LOCAL_GOOGLE_SECONDS", ge=0)
    """How long a generation takes when nothing is the matter (rendering the clip may take longer)."""
    token_seconds: int = Field(default=3599, validation_alias="LOCAL_GOOGLE_TOKEN_SECONDS", ge=1)
    film_cache: Path | None = Field(default=None, validation_alias="LOCAL_GOOGLE_FILM_CACHE")
    """Where rendered clips are kept. Stacks that share it do not render the same clip twice."""

    @property
    def url(self) -> str:
        """The emulator's own address, without a trailing slash."""
        return f"http://{self.host}:{self.port}"

    @property
    def home(self) -> Path:
        """Everything the emulator keeps apart from the credentials it hands out."""
        return self.state_dir / "google"
