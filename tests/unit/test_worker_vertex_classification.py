from __future__ import annotations

from typing import Any

import httpx2
import pytest
from google.auth.exceptions import TransportError
from google.genai import errors, types

from worker.providers.base import (
    AmbiguousError,
    Failed,
    RefusedError,
    RejectedError,
    Retryable,
    Running,
    Succeeded,
    UnavailableError,
)
from worker.providers.verdicts import support_codes
from worker.providers.vertex.classify import create_failure, operation_outcome, poll_failure

REQUEST = httpx2.Request("POST", "https://example.test")
RETIRED = "This model models/veo-3.1-generate-001 is no longer available. Please update your code."


def api_error(
    code: int, message: str = "", details: list[Any] | None = None, headers: dict[str, str] | None = None
) -> errors.APIError:
    body = {"error": {"code": code, "message": message, "status": "X", "details": details or []}}
    kind = errors.ClientError if code < 500 else errors.ServerError
    return kind(code, body, httpx2.Response(code, headers=headers or {}, request=REQUEST))


def operation(**fields: Any) -> types.GenerateVideosOperation:
    return types.GenerateVideosOperation.model_validate({"name": "op", **fields})


@pytest.mark.parametrize(
    "error",
    [
        api_error(429),
        api_error(503),
        httpx2.ConnectError("refused", request=REQUEST),
        httpx2.ConnectTimeout("slow", request=REQUEST),
        TransportError("no token"),  # type: ignore[no-untyped-call]
    ],
)
def test_a_create_call_that_was_surely_not_accepted_is_refused(error: Exception) -> None:
    assert isinstance(create_failure(error), RefusedError)


@pytest.mark.parametrize(
    "error",
    [
        api_error(500),
        api_error(502),
        api_error(504),
        api_error(408),
        api_error(307),
        httpx2.ReadTimeout("slow", request=REQUEST),
        httpx2.WriteError("broken pipe", request=REQUEST),
        httpx2.RemoteProtocolError("peer closed", request=REQUEST),
        TimeoutError(),
        ValueError("the answer is not JSON"),
        RuntimeError("nobody foresaw this"),
    ],
)
def test_every_doubt_about_a_create_call_is_ambiguous(error: Exception) -> None:
    assert isinstance(create_failure(error), AmbiguousError)


@pytest.mark.parametrize(
    ("error", "error_code"),
    [
        (api_error(400, "durationSeconds is out of range"), "invalid_request"),
        (
            api_error(400, "The prompt violates our usage guidelines. Support codes: 58061214"),
            "safety_filter",
        ),
        (api_error(401), "provider_error"),
        (api_error(403), "provider_error"),
        (api_error(404, RETIRED), "model_retired"),
        (api_error(404, "Publisher model was not found"), "provider_error"),
    ],
)
def test_a_final_answer_to_a_create_call_has_its_code(error: Exception, error_code: str) -> None:
    failure = create_failure(error)
    assert isinstance(failure, RejectedError)
    assert failure.error_code == error_code


def test_the_providers_wish_to_wait_is_kept() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3.5s"}
    failure = create_failure(api_error(429, details=[info], headers={"retry-after": "60"}))
    assert isinstance(failure, RefusedError)
    assert failure.retry_after == 3.5
    failure = create_failure(api_error(503, headers={"retry-after": "60"}))
    assert isinstance(failure, RefusedError)
    assert failure.retry_after == 60


@pytest.mark.parametrize("code", [401, 403, 408, 429, 500, 502, 503, 504])
def test_a_poll_that_may_mend_itself_is_no_verdict(code: int) -> None:
    assert isinstance(poll_failure(api_error(code)), UnavailableError)
    assert isinstance(poll_failure(httpx2.ReadTimeout("slow", request=REQUEST)), UnavailableError)


def test_an_operation_that_google_does_not_know_is_final() -> None:
    failure = poll_failure(api_error(404))
    assert isinstance(failure, RejectedError)
    assert failure.error_code == "provider_error"


def test_an_operation_runs_until_it_is_done() -> None:
    assert operation_outcome(operation()) == Running()
    assert operation_outcome(operation(done=False)) == Running()


def test_a_finished_clip_is_found_by_its_uri() -> None:
    video = {"generated_videos": [{"video": {"uri": "gs://bucket/a.mp4"}}]}
    assert operation_outcome(operation(done=True, response=video)) == Succeeded("gs://bucket/a.mp4")


def test_a_filtered_clip_fails_with_its_support_codes() -> None:
    reasons = ["Your clip was blocked. Support codes: 58061214, 17301594"]
    response = {"rai_media_filtered_count": 1, "rai_media_filtered_reasons": reasons}
    outcome = operation_outcome(operation(done=True, response=response))
    assert isinstance(outcome, Failed)
    assert outcome.error_code == "safety_filter"
    assert outcome.detail.support_codes == ("58061214", "17301594")


@pytest.mark.parametrize("code", [8, 13, 14])
def test_googles_own_faults_are_retryable(code: int) -> None:
    outcome = operation_outcome(operation(done=True, error={"code": code, "message": "internal"}))
    assert isinstance(outcome, Retryable)


@pytest.mark.parametrize(
    ("code", "message", "error_code"),
    [
        (3, "The input image violates our usage guidelines. Support codes: 15236754", "safety_filter"),
        (3, "aspectRatio is not supported", "invalid_request"),
        (5, "not found", "provider_error"),
        (7, "denied", "provider_error"),
    ],
)
def test_other_operation_errors_are_final(code: int, message: str, error_code: str) -> None:
    outcome = operation_outcome(operation(done=True, error={"code": code, "message": message}))
    assert isinstance(outcome, Failed)
    assert outcome.error_code == error_code


def test_an_operation_without_clip_or_reason_is_the_providers_error() -> None:
    responses: list[dict[str, Any] | None] = [{}, {"generated_videos": []}, None]
    for response in responses:
        outcome = operation_outcome(operation(done=True, response=response))
        assert isinstance(outcome, Failed)
        assert outcome.error_code == "provider_error"


def test_support_codes_are_named_once() -> None:
    assert support_codes("codes 58061214 and 58061214", "not 1234567") == ("58061214",)
