"""The HTTP functions start with settings that make sense, and say in one line what is wrong with others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest

from functions_py.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD = {
    "SUPABASE_URL": "https://project.supabase.co/",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_abc",
}
CREEM = {
    "SUPABASE_SECRET_KEY": "sb_secret_abc",
    "CREEM_API_KEY": "creem_abc",
    "CREEM_WEBHOOK_SECRET": "whsec_abc",
}


def legacy_key(role: str) -> str:
    return jwt.encode({"role": role}, "s" * 32, algorithm="HS256")


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


def test_two_settings_are_enough(load: Callable[..., Settings]) -> None:
    settings = load()
    assert settings.public_url == "https://project.supabase.co"
    assert settings.functions_cors_origins == ("*",)


def test_origins_are_a_list(load: Callable[..., Settings]) -> None:
    origins = load(FUNCTIONS_CORS_ORIGINS="https://a.example/, https://b.example").functions_cors_origins
    assert origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize("name", list(GOOD))
def test_a_missing_setting_is_named_in_one_line(load: Callable[..., Settings], name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: None})
    assert str(caught.value) == f"{name} is missing"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SUPABASE_URL": "project.supabase.co"}, "SUPABASE_URL must be an http"),
        ({"SUPABASE_PUBLISHABLE_KEY": "sb_secret_abc"}, "SUPABASE_PUBLISHABLE_KEY is a secret key"),
        (
            {"SUPABASE_PUBLISHABLE_KEY": legacy_key("service_role")},
            "SUPABASE_PUBLISHABLE_KEY is a secret key",
        ),
        ({"SUPABASE_SECRET_KEY": legacy_key("anon")}, "SUPABASE_SECRET_KEY is a public key"),
        ({"SUPABASE_JWT_SECRET": "short"}, "SUPABASE_JWT_SECRET"),
        ({"FUNCTIONS_PORT": "eighty"}, "FUNCTIONS_PORT"),
        ({**CREEM, "SUPABASE_SECRET_KEY": None}, "SUPABASE_SECRET_KEY is missing"),
        ({**CREEM, "CREEM_WEBHOOK_SECRET": None}, "CREEM_WEBHOOK_SECRET is missing"),
        ({**CREEM, "CREEM_API_KEY": None}, "CREEM_API_KEY is missing"),
        ({**CREEM, "CREEM_MODE": "test"}, "CREEM_MODE is test, but CREEM_API_KEY is of the other mode"),
        ({**CREEM, "CREEM_API_KEY": "creem_test_abc"}, "CREEM_MODE is prod, but CREEM_API_KEY"),
        ({"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere.json"}, "GOOGLE_APPLICATION_CREDENTIALS names a file"),
        ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_without_a_secret(
    load: Callable[..., Settings], changes: dict[str, str | None], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**changes)
    message = str(caught.value)
    assert said in message
    assert "\n" not in message
    assert not any(
        value in message for value in changes.values() if value and len(value) > 8 and "/" not in value
    )


def test_each_mode_of_creem_has_its_own_address(load: Callable[..., Settings]) -> None:
    assert load(**CREEM).creem_url == "https://api.creem.io"
    test_mode = load(**CREEM | {"CREEM_MODE": "test", "CREEM_API_KEY": "creem_test_abc"})
    assert test_mode.creem_url == "https://test-api.creem.io"


def test_the_example_file_lists_every_setting() -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text()
    listed = {line.lstrip("# ").partition("=")[0] for line in text.splitlines() if "=" in line}
    assert {name.upper() for name in Settings.model_fields} <= listed
