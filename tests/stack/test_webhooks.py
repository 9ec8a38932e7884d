"""Webhooks from a running worker to a real receiver: signed, repeated until accepted, in nobody's way."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from functions_py.docs.examples.verify_webhook import verify
from tests.support.database import connect
from tests.support.worker import configure, running_worker, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from functions_py.local.stack import Stack
    from tests.support.worker import Customer, Google

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver:
    """Somebody else's server. ``answers`` are its next statuses, then 204; 0 is never an answer.

    Alerts are always accepted: whatever pg_cron finds worth one meanwhile must not use up an answer.
    """

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.alerts: list[bytes] = []
        self.closing = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if json.loads(body)["type"] == "alert.raised":
                    receiver.alerts.append(body)
                    status = 204
                else:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    receiver.got.append((headers, body))
                    status = receiver.answers.pop(0) if receiver.answers else 204
                if status == 0:
                    receiver.closing.wait(120)
                    return
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def about(self, subject: str) -> list[tuple[dict[str, str], bytes]]:
        return [(headers, body) for headers, body in self.got if subject in body.decode()]


@pytest.fixture
def receiver(workshop: Stack) -> Iterator[Receiver]:
    """One for videos and for alerts; afterwards there is none."""
    receiver = Receiver()
    urls = {"video_webhook_url": receiver.url, "video_alert_webhook_url": receiver.url}
    configure(workshop, urls | {"video_webhook_backoff_seconds": 0.1, "video_webhook_attempts": 3})
    yield receiver
    configure(workshop, dict.fromkeys(urls))
    receiver.close()


async def delivery_of(stack: Stack, subject: str) -> dict[str, Any]:
    async with connect(stack) as connection:
        query = "select * from private.webhook_deliveries where payload::text like %s"
        row = await (await connection.execute(query, (f"%{subject}%",))).fetchone()
    assert row is not None
    return row


async def has_ended(stack: Stack, subject: str) -> bool:
    return (await delivery_of(stack, subject))["ended_at"] is not None


async def is_told_of_silence(receiver: Receiver) -> bool:
    return any(b"webhook_undelivered" in body for body in receiver.alerts)


async def test_an_end_is_told_signed_and_again_until_it_is_accepted(
    workshop: Stack, customer: Customer, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [500, 302]
    with running_worker(workshop, tmp_path / "worker.log", WEBHOOK_SECRET=SECRET):
        task_id = await customer.order("a lighthouse")
        assert (await customer.ended(task_id))["status"] == "completed"
        await until(lambda: has_ended(workshop, task_id), "the webhook")
    assert (await delivery_of(workshop, task_id))["is_delivered"]
    told = receiver.about(task_id)
    assert len(told) == 3, "twice refused, once accepted, and not again"
    assert all(verify(SECRET, headers, body) for headers, body in told)
    assert len({(headers["webhook-id"], body) for headers, body in told}) == 1
    message = json.loads(told[0][1])
    assert message["type"] == "video.completed"
    assert message["data"] == {
        "task_id": task_id,
        "user_id": customer.id,
        "status": "completed",
        "error_code": None,
    }


async def test_a_dead_receiver_holds_up_no_video_and_is_given_up_with_an_alert(
    workshop: Stack, customer: Customer, google: Google, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [0] * 4
    with running_worker(workshop, tmp_path / "worker.log", WEBHOOK_SECRET=SECRET):
        silent = [await customer.order(f"a harbour {number} [safety]") for number in range(4)]
        for task_id in silent:
            await customer.ended(task_id)
        task_id = await customer.order("a mountain")
        assert (await customer.ended(task_id))["status"] == "completed"
        assert not receiver.about(task_id), "its webhook waits for a slot"
        receiver.answers = [503] * 100
        receiver.closing.set()
        await until(lambda: has_ended(workshop, task_id), "the last attempt")
        await until(lambda: is_told_of_silence(receiver), "the alert's own webhook")
    delivery = await delivery_of(workshop, task_id)
    assert (delivery["is_delivered"], delivery["attempts"]) == (False, 3)
    assert "503" in delivery["last_error"]
    async with connect(workshop) as connection:
        query = "select subject from private.alerts where kind = 'webhook_undelivered'"
        assert "video" in {row["subject"] for row in await (await connection.execute(query)).fetchall()}


async def test_a_worker_without_the_secret_sends_none(
    workshop: Stack, customer: Customer, receiver: Receiver, tmp_path: Path
) -> None:
    with running_worker(workshop, tmp_path / "worker.log"):
        task_id = await customer.order("a meadow [safety]")
        await customer.ended(task_id)
    assert not receiver.got
    assert not receiver.alerts
    assert (await delivery_of(workshop, task_id))["attempts"] == 0
