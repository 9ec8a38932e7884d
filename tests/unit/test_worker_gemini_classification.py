from __future__ import annotations

from typing import Any

import pytest
from google.genai.interactions import Interaction

from worker.providers.base import (
    AmbiguousError,
    Failed,
    RefusedError,
    RejectedError,
    Retryable,
    Running,
    UnavailableError,
)
from worker.providers.gemini.classify import create_failure, interaction_outcome, poll_failure
from worker.providers.gemini.files import file_id

URI = "https://generativelanguage.googleapis.com/v1beta/files/abc123:download?alt=media"


class AnsweredError(Exception):
    """As the SDK's private classes look from outside."""

    def __init__(self, status_code: int | None, body: object = None) -> None:
        super().__init__()
        self.status_code = status_code
        self.body = body


def error(code: int, message: str = "", status: str | int = "X") -> AnsweredError:
    return AnsweredError(code, {"error": {"code": code, "message": message, "status": status}})


def interaction(status: str, **fields: Any) -> Interaction:
    return Interaction.model_validate({"id": "v1_a", "object": "interaction", "status": status, **fields})


def failed(code: str, message: str = "") -> Interaction:
    return interaction("failed", errors=[{"code": code, "message": message}])


@pytest.mark.parametrize(
    ("failure", "meaning"),
    [
        (error(429), RefusedError),
        (error(503), RefusedError),
        (error(400, "duration is out of range"), RejectedError),
        (error(403), RejectedError),
        (error(404, "This model models/gemini-omni-1.0-flash is no longer available."), RejectedError),
        (error(500), AmbiguousError),
        (error(504), AmbiguousError),
        (error(408), AmbiguousError),
        # An answer of success that cannot be read: accepted, perhaps.
        (AnsweredError(200), AmbiguousError),
        (AnsweredError(502, "<html>Bad gateway</html>"), AmbiguousError),
        (AnsweredError(None), AmbiguousError),
        (RuntimeError("nobody foresaw this"), AmbiguousError),
    ],
)
def test_what_an_answer_to_a_create_call_means(failure: Exception, meaning: type[Exception]) -> None:
    assert type(create_failure(failure)) is meaning


def test_a_key_that_google_does_not_know_is_an_operators_slip() -> None:
    wrong = error(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT")
    rejected = create_failure(wrong)
    assert isinstance(rejected, RejectedError)
    assert rejected.error_code == "provider_error"
    assert isinstance(poll_failure(wrong), UnavailableError)
    assert isinstance(poll_failure(error(400)), RejectedError)
    assert isinstance(poll_failure(error(404)), RejectedError)


@pytest.mark.parametrize("status", ["in_progress", "queued"])
def test_an_interaction_runs_until_it_has_ended(status: str) -> None:
    assert interaction_outcome(interaction(status)) == Running()


@pytest.mark.parametrize(
    ("ended", "error_code"),
    [
        (failed("content_filtered", "You have not been charged."), "safety_filter"),
        (failed("https://example.com/errors/prohibited_content"), "safety_filter"),
        (failed("invalid_argument", "The input image was blocked by the safety filters."), "safety_filter"),
        (failed("invalid_argument", "The image is too small."), "invalid_request"),
        (failed("something_new", "Sorry."), "provider_error"),
        (interaction("completed"), "provider_error"),
        (interaction("cancelled"), "provider_error"),
        (interaction("incomplete"), "provider_error"),
        (interaction("budget_exceeded"), "provider_error"),
        (interaction("requires_action"), "provider_error"),
    ],
)
def test_an_interaction_without_a_clip_says_why(ended: Interaction, error_code: str) -> None:
    outcome = interaction_outcome(ended)
    assert isinstance(outcome, Failed)
    assert outcome.error_code == error_code
    assert outcome.detail.code


@pytest.mark.parametrize("code", ["internal", "INTERNAL", "resource_exhausted", "unavailable"])
def test_googles_own_fault_is_worth_a_further_attempt(code: str) -> None:
    assert isinstance(interaction_outcome(failed(code)), Retryable)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (URI, "abc123"),
        ("http://127.0.0.1:80/v1/files/abc-1", "abc-1"),
        ("https://example.com/clip.mp4", None),
        ("https://example.com/?x=/files/abc", None),
        ("gs://bucket/files/abc", None),
        ("files/abc", None),
        ("task/1/", None),
    ],
)
def test_a_file_is_known_by_its_address(url: str, name: str | None) -> None:
    assert file_id(url) == name
