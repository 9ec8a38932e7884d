from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from worker.providers.registry import build_providers
from worker.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = {
    "DATABASE_URL": "postgresql://video_worker:password@localhost:5432/postgres",
    "SUPABASE_URL": "https://project.supabase.co",
    "SUPABASE_SECRET_KEY": "sb_secret_abc",
    "WORKER_TOKEN": "a-token-of-some-length",
    "GOOGLE_CLOUD_PROJECT": "project",
    "VIDEO_OUTPUT_GCS_URI": "gs://bucket/folder/",
}
ANON_JWT = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2ln"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Loads the settings from a good environment with some names changed; None unsets one."""

    def load_with(**changes: str | None) -> Settings:
        for name in Settings.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in {**GOOD, **changes}.items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return load_settings()

    return load_with


def test_a_complete_environment_is_accepted(load: Callable[..., Settings]) -> None:
    settings = load()
    assert settings.video_output_gcs_uri == "gs://bucket/folder"
    assert settings.google_cloud_location == "us-central1"


@pytest.mark.parametrize(
    "name", ["DATABASE_URL", "SUPABASE_URL", "SUPABASE_SECRET_KEY", "WORKER_TOKEN", "GOOGLE_CLOUD_PROJECT"]
)
def test_a_missing_setting_is_named_in_one_line(load: Callable[..., Settings], name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: None})
    assert f"{name} is missing" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_setting_is_a_missing_one(load: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="SUPABASE_URL is missing"):
        load(SUPABASE_URL="")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("DATABASE_URL", "mysql://nobody", "DATABASE_URL must be a postgresql:// URL"),
        ("SUPABASE_URL", "project.supabase.co", "SUPABASE_URL must be an http"),
        ("SUPABASE_SECRET_KEY", "sb_publishable_abc", "SUPABASE_SECRET_KEY is a public key"),
        ("SUPABASE_SECRET_KEY", ANON_JWT, "SUPABASE_SECRET_KEY is a public key"),
        ("WORKER_TOKEN", "short", "WORKER_TOKEN"),
        ("VIDEO_OUTPUT_GCS_URI", "s3://bucket", "VIDEO_OUTPUT_GCS_URI must be gs://"),
        (
            "GOOGLE_APPLICATION_CREDENTIALS",
            "/nowhere/key.json",
            "GOOGLE_APPLICATION_CREDENTIALS names a file",
        ),
        ("GOOGLE_AI_API_KEY", "AIza key", "GOOGLE_AI_API_KEY is no API key"),
        ("GOOGLE_GEMINI_BASE_URL", "localhost", "GOOGLE_GEMINI_BASE_URL must be an http"),
        ("WORKER_PORT", "eighty", "WORKER_PORT"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(
    load: Callable[..., Settings], name: str, value: str, said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_provider_is_enough_and_none_is_not(load: Callable[..., Settings]) -> None:
    no_vertex = {"GOOGLE_CLOUD_PROJECT": None, "VIDEO_OUTPUT_GCS_URI": None}
    assert build_providers(load()).keys() == {"vertex"}
    assert build_providers(load(GOOGLE_AI_API_KEY="AIza-key")).keys() == {"vertex", "gemini"}
    assert build_providers(load(**no_vertex, GOOGLE_AI_API_KEY="AIza-key")).keys() == {"gemini"}
    with pytest.raises(SettingsError, match=r"GOOGLE_CLOUD_PROJECT is missing.*GOOGLE_AI_API_KEY"):
        load(**no_vertex)


def test_settings_that_contradict_each_other_are_refused(load: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError, match="VIDEO_OUTPUT_GCS_URI is missing"):
        load(VIDEO_OUTPUT_GCS_URI=None)
    with pytest.raises(SettingsError, match="GOOGLE_CLOUD_PROJECT is missing: VIDEO_OUTPUT_GCS_URI is set"):
        load(GOOGLE_CLOUD_PROJECT=None, GOOGLE_AI_API_KEY="AIza-key")
    with pytest.raises(SettingsError, match="WORKER_DRAIN_SECONDS must be above"):
        load(WORKER_DRAIN_SECONDS="30", VIDEO_CREATE_TIMEOUT_SECONDS="60")


def test_no_message_repeats_a_secret(load: Callable[..., Settings]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(
            DATABASE_URL="mysql://user:hunter2@host",
            WORKER_TOKEN="hunter3",
            SUPABASE_SECRET_KEY=ANON_JWT,
            GOOGLE_AI_API_KEY="hunter 4",
        )
    assert "hunter" not in str(caught.value)
    assert ANON_JWT not in str(caught.value)


def test_googles_emulator_host_may_come_without_a_scheme(load: Callable[..., Settings]) -> None:
    assert load(STORAGE_EMULATOR_HOST="localhost:9199").storage_emulator_host == "http://localhost:9199"


def test_the_example_file_lists_every_setting() -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text()
    listed = {line.lstrip("# ").partition("=")[0] for line in text.splitlines() if "=" in line}
    assert {name.upper() for name in Settings.model_fields} <= listed
