"""Everything that may happen to a task, by the stage it is in, and the sessions that do it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from tests.concurrency.shop import STORED_VIDEO, Job
from tests.support.sessions import Session, open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from functions_py.local.stack import Stack

AUTH = "supabase_auth_admin"
ROLES = ("authenticator", "video_worker", AUTH, "postgres")
MADE = '{"google_video_url": "gs://clips/1.mp4"}'


@dataclass(frozen=True)
class Act:
    """Something that somebody does about a task; the statement names {task}, {lease} or {user}."""

    name: str
    statement: str
    role: str = "video_worker"

    def about(self, job: Job, user_id: UUID) -> str:
        """The statement about this task."""
        return self.statement.format(task=job.task_id, lease=job.lease, user=user_id)


SWEEP = Act("sweep", "select private.sweep()", "postgres")

ANYWHERE = (
    Act("cancel", "select public.cancel_video('{task}')", "authenticator"),
    Act("delete user", "delete from auth.users where id = '{user}'", AUTH),
    Act("delete softly", "update auth.users set deleted_at = now() where id = '{user}'", AUTH),
    SWEEP,
    Act("refund", "select public.admin_refund_video('{task}', 'test')", "postgres"),
    Act("roll back", "select public.admin_rollback('test')", "postgres"),
    Act("order another", "select public.generate_video('a dog')", "authenticator"),
    Act("claim", "select to_jsonb(count(*)) from worker_api.claim_jobs('worker-2', 50, 50, 50)"),
)

BY_STAGE = {
    "submit": (
        Act("begin", "select worker_api.begin_submit('{task}', '{lease}')"),
        Act("reject", "select worker_api.fail_video('{task}', '{lease}', 'prompt_rejected', '{{}}')"),
    ),
    "submitting": (
        Act("accepted", "select worker_api.record_operation('{task}', 1, 'operations/{task}')"),
        Act("refused", "select worker_api.requeue_submit('{task}', 1, 'refused', '{{}}', null)"),
        Act("unknown", "select worker_api.requeue_submit('{task}', 1, 'unknown', '{{}}', null)"),
        Act("reject", "select worker_api.fail_video('{task}', '{lease}', 'invalid_request', '{{}}')"),
    ),
    "reconcile": (
        Act("accepted", "select worker_api.record_operation('{task}', 1, 'operations/{task}')"),
        Act("missing", "select worker_api.record_poll('{task}', '{lease}', 'missing', '{{}}')"),
        Act("found", f"select worker_api.record_poll('{{task}}', '{{lease}}', 'succeeded', '{{{MADE}}}')"),
    ),
    "poll": (
        Act("running", "select worker_api.record_poll('{task}', '{lease}', 'running', '{{}}')"),
        Act("made", f"select worker_api.record_poll('{{task}}', '{{lease}}', 'succeeded', '{{{MADE}}}')"),
        Act("again", "select worker_api.record_poll('{task}', '{lease}', 'retryable', '{{}}')"),
        Act("filtered", "select worker_api.fail_video('{task}', '{lease}', 'safety_filter', '{{}}')"),
    ),
    "transfer": (
        Act("begin", "select worker_api.begin_transfer('{task}', '{lease}')"),
        Act("complete", f"select worker_api.complete_video('{{task}}', '{{lease}}', '{{{STORED_VIDEO}}}')"),
        Act("failed", "select worker_api.fail_video('{task}', '{lease}', 'download_failed', '{{}}')"),
        Act("expired", "select worker_api.fail_video('{task}', '{lease}', 'video_expired', '{{}}')"),
        Act("extend", "select worker_api.extend_lease('{task}', '{lease}')"),
    ),
}


@dataclass(frozen=True)
class Cast:
    """For each role one session for whoever is first, and one for whoever is second."""

    first: dict[str, Session]
    second: dict[str, Session]

    async def sign_in(self, user_id: UUID) -> None:
        """Makes the authenticator's sessions what PostgREST would make them for this user."""
        claims = json.dumps({"sub": str(user_id), "role": "authenticated"})
        for sessions in (self.first, self.second):
            await sessions["authenticator"].call(
                "select set_config('role', 'authenticated', false),"
                " set_config('request.jwt.claims', %s, false)",
                (claims,),
            )


@contextlib.asynccontextmanager
async def opened_cast(stack: Stack) -> AsyncIterator[Cast]:
    async with contextlib.AsyncExitStack() as exits:
        cast = Cast({}, {})
        for role, sessions in product(ROLES, (cast.first, cast.second)):
            sessions[role] = await exits.enter_async_context(open_session(stack, role))
        yield cast
