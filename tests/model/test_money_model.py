"""The database keeps the books that the model keeps. `make model` compares many more steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from functions_py.local.stack import Stack
from tests.model.database import Database
from tests.model.run import compare
from tests.support.stacks import own_name

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with (
        own_name() as name,
        Stack.start(name, services=("postgres",)) as stack,
        Database.opened(stack) as opened,
    ):
        yield opened


def test_some_histories_leave_the_books_of_the_model(database: Database) -> None:
    assert compare(database, steps=300, first_seed=1) >= 300


@pytest.mark.parametrize(
    ("function", "right", "wrong"),
    [
        pytest.param(
            "post_entry",
            "v_entry.balance_after > 0 and v_entry.debt_after > 0",
            "false",
            id="income does not repay a debt",
        ),
        pytest.param(
            "end_task",
            "'video_refund', p_task.credit_cost,",
            "'video_refund', p_task.credit_cost - 1,",
            id="a refund is a credit short",
        ),
        pytest.param(
            "cancel_video", "or v_stage <> 'submit'", "", id="a video is cancelled while it is submitted"
        ),
        pytest.param(
            "replay_generation",
            "'balance', p_balance",
            "'balance', p_balance + 1",
            id="a replay tells another balance",
        ),
        pytest.param(
            "settle_payment",
            ")::integer - v_payment.refunded_credits",
            ")::integer",
            id="a refund that is told again is taken back again",
        ),
        pytest.param(
            "admin_refund_video",
            "t.type = 'goodwill_refund'",
            "t.type = 'video_refund'",
            id="a finished video is given back twice",
        ),
        pytest.param(
            "admin_rollback",
            "'video_generation_enabled', 'false'",
            "'video_generation_enabled', 'true'",
            id="a rollback leaves generation on",
        ),
    ],
)
def test_a_broken_rule_is_found(database: Database, function: str, right: str, wrong: str) -> None:
    with database.broken(f"private.{function}", right, wrong), pytest.raises(Exception, match=r"."):
        compare(database, steps=5000, first_seed=3, shrink=False)
