"""Each pair of those who can end a task, each with itself included, in both orders.

The second one starts while the first one's transaction is open, waits for the account and is told by name
what happened. One terminal state, one charge, at most one refund. That nobody holds a later lock while he
waits for an earlier one is the subject of `test_lock_order`.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import pytest

from tests.concurrency.acts import AUTH
from tests.concurrency.shop import STORED_VIDEO
from tests.support.sessions import Refusal, open_session

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from uuid import UUID

    from functions_py.local.stack import Stack
    from tests.concurrency.shop import Job, Shop
    from tests.support.sessions import Observer, Session

VERBS: Final = {
    # verb: (role, statement)
    "complete": (
        "video_worker",
        f"select worker_api.complete_video('{{task}}', '{{lease}}', '{{{STORED_VIDEO}}}')",
    ),
    "fail": ("video_worker", "select worker_api.fail_video('{task}', '{lease}', '{code}', '{{}}')"),
    "cancel": ("owner", "select public.cancel_video('{task}')"),
    "sweep": ("postgres", "select private.sweep()"),
    "refund": ("postgres", "select public.admin_refund_video('{task}', 'test')"),
    "rollback": ("postgres", "select public.admin_rollback('test')"),
    "deletion": (AUTH, "delete from auth.users where id = '{user}'"),
}
CODES: Final = {
    # stage: (what the worker fails with, what the sweep does)
    "submit": ("prompt_rejected", "timeout"),
    "poll": ("provider_error", "timeout"),
    "transfer": ("video_expired", "video_expired"),
}


def stage_of(*verbs: str) -> str:
    """A stage in which both apply; nobody can both complete and cancel, so there the cancel is refused."""
    if "complete" in verbs:
        return "transfer"
    return "submit" if "cancel" in verbs else "poll"


def winner(verb: str, stage: str) -> tuple[tuple[str, str | None], object]:
    """Where the task ends, and what the one who ended it is answered."""
    failed = {
        "fail": CODES[stage][0],
        "sweep": CODES[stage][1],
        "refund": "admin_refunded",
        "rollback": "rolled_back",
        "deletion": "user_deleted",
    }
    answers = {
        "complete": ("applied", "completed"),
        "fail": ("applied", "failed"),
        "cancel": "cancelled",
        "sweep": 1,
        "refund": ("applied", "failed"),
        "rollback": (1, 0),
        "deletion": None,
    }
    end = (
        ("failed", failed[verb])
        if verb in failed
        else (f"{verb}d" if verb == "complete" else "cancelled", None)
    )
    return end, answers[verb]


def loser(verb: str, first: str, status: str) -> object:
    """What is answered to who comes after the task has ended."""
    verdicts = {"complete", "fail"}
    match verb:
        case "complete" | "fail":
            # Both verdicts are given under one lease, which knows that it has spoken.
            return ("already_applied" if first in verdicts else "illegal_state", status)
        case "cancel" if first == "deletion":
            return "task_not_found"
        case "cancel":
            return "cancelled" if status == "cancelled" else ("illegal_state", status)
        case "refund":
            # A finished video is paid back and stays: not the refund of a failure, and not a second end.
            return ("applied" if status == "completed" else "already_applied", status)
        case "sweep":
            return 0
        case "rollback":
            return (0, 0)
    return None


def brief(answer: object) -> object:
    """An answer without what the pairs have in common."""
    match answer:
        case Refusal(code="illegal_state", details={"status": status}):
            return ("illegal_state", status)
        case Refusal(code=code):
            return code
        case {"result": result, "status": status}:
            return (result, status)
        case {"done": done, "remaining": remaining}:
            return (done, remaining)
        case {"status": status}:
            return status
    return answer


@pytest.mark.parametrize(("first", "second"), list(product(VERBS, VERBS)))
async def test_whoever_is_first_ends_the_task(
    stack: Stack, shop: Shop, watch: Observer, first: str, second: str
) -> None:
    stage = stage_of(first, second)
    user_id = await shop.user(1000)
    job = await shop.job(stage, user_id=user_id)
    if "sweep" in {first, second}:
        await _let_expire(shop, job)

    answers = []
    async with (
        _session(stack, first, user_id) as early,
        _session(stack, second, user_id) as late,
    ):
        calls = [
            VERBS[verb][1].format(task=job.task_id, lease=job.lease, user=user_id, code=CODES[stage][0])
            for verb in (first, second)
        ]
        await early.begin()
        answers.append(await early.ask(calls[0]))
        waiting = late.start(calls[1])
        # Who is refused lets go of his locks at once.
        assert await watch.until_blocked_or_done(late, waiting) is not isinstance(answers[0], Refusal)
        if isinstance(answers[0], Refusal):
            await early.rollback()
        else:
            assert await early.commit() is None
        answers.append(await waiting)

    if (first, second) == ("cancel", "complete"):
        end, applied = winner(second, stage)
        expected = [("illegal_state", "downloading"), applied]
    else:
        end, applied = winner(first, stage)
        expected = [applied, loser(second, first, end[0])]
    assert [brief(answer) for answer in answers] == expected

    task = await shop.task(job.task_id)
    assert (task["status"], task["error_code"]) == end
    assert await shop.one("select count(*) from private.alerts where kind = 'settlement_failed'") == 0
    assert await _entries(shop, job, "video_generation") == 1
    assert await _entries(shop, job, "video_refund") == int(end[0] != "completed")
    assert await _entries(shop, job, "goodwill_refund") == int((first, second) == ("complete", "refund"))


def _session(stack: Stack, verb: str, user_id: UUID) -> AbstractAsyncContextManager[Session]:
    role = VERBS[verb][0]
    return open_session(stack, user=user_id) if role == "owner" else open_session(stack, role)


async def _let_expire(shop: Shop, job: Job) -> None:
    await shop.database.execute(
        "update private.video_jobs set deadline_at = now() - interval '1 hour', due_at = now()"
        " where task_id = %s",
        (job.task_id,),
    )


async def _entries(shop: Shop, job: Job, kind: str) -> int:
    return int(
        await shop.one(
            "select count(*) from public.credit_transactions where task_id = %s and type = %s",
            (job.task_id, kind),
        )
    )
