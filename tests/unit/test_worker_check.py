"""What `worker check` makes of the database's report."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from worker.check_database import _check_cron, _check_models, _check_vault
from worker.contract import CronReport, ModelOnSale, VaultReport

TOKEN = "a-token-of-some-length"
FINGERPRINT = hashlib.sha256(TOKEN.encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    ("is_scheduled", "age", "passed"),
    [(True, 9.5, True), (True, 60, True), (True, 61, False), (True, None, False), (False, 1, False)],
)
def test_cron_is_well_while_it_ticks(is_scheduled: bool, age: float | None, passed: bool) -> None:
    check = _check_cron(CronReport(is_scheduled=is_scheduled, beat_age_seconds=age))
    assert check.passed is passed
    assert "cron." in check.mend


@pytest.mark.parametrize(
    ("url", "token", "fingerprint", "passed"),
    [
        (True, True, FINGERPRINT, True),
        (True, True, "0" * 12, False),
        (True, True, None, False),
        (True, False, None, False),
        # Nobody is poked, which is allowed: the worker looks by itself.
        (False, True, "0" * 12, None),
        (False, False, None, None),
    ],
)
def test_vault_has_a_token_for_its_url(
    url: bool, token: bool, fingerprint: str | None, passed: bool | None
) -> None:
    report = VaultReport(has_worker_url=url, has_worker_token=token, worker_token_fingerprint=fingerprint)
    (check,) = _check_vault(report, TOKEN)
    assert check.passed is passed


def model(name: str, provider: str, *, is_available: bool = True) -> ModelOnSale:
    return ModelOnSale(
        id=name,
        provider=provider,
        provider_model=f"{name}-001",
        is_available=is_available,
        retires_at=datetime(2027, 5, 4, tzinfo=UTC),
    )


def test_a_model_of_another_worker_is_said_and_no_failure() -> None:
    here, elsewhere = _check_models([model("veo", "vertex"), model("omni", "gemini")], {"vertex"})
    assert here.passed
    assert "2027-05-04" in here.seen
    assert elsewhere.passed is None
    assert "id = 'omni'" in elsewhere.mend


def test_nothing_to_sell_here_is_a_failure() -> None:
    for models in ([], [model("omni", "gemini")], [model("veo", "vertex", is_available=False)]):
        assert _check_models(models, {"vertex"})[-1].passed is False
