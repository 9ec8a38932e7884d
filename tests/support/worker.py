"""A worker process of a test's own, and a stack whose clocks run fast enough to watch it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from functions_py.local.processes import Processes
from functions_py.local.tools import ROOT
from tests.support.database import connect

if TYPE_CHECKING:
    import subprocess
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from functions_py.local.stack import Stack

FAST = {
    "video_poll_interval_seconds": 1,
    "video_submit_backoff_seconds": 0.5,
    "video_submit_backoff_max_seconds": 1,
    "video_submit_per_minute": 10000,
    "video_download_retry_seconds": 1,
    "video_reconcile_seconds": 30,
    "video_lease_seconds": 5,
    "video_concurrent_limit": 500,
}
PATIENCE_SECONDS = 90.0


def configure(stack: Stack, values: Mapping[str, object]) -> None:
    """Sets keys of system_configs."""
    with psycopg.connect(stack.admin_db_url, autocommit=True) as connection:
        for key, value in values.items():
            connection.execute(
                "update public.system_configs set value = %s::jsonb where key = %s", (json.dumps(value), key)
            )


@contextlib.contextmanager
def configured(stack: Stack, values: Mapping[str, object]) -> Iterator[None]:
    """Other values for a while, on a stack that has those of FAST otherwise."""
    configure(stack, values)
    try:
        yield
    finally:
        configure(stack, FAST)


@dataclass
class WorkerProcess:
    """A running `python -m worker`."""

    process: subprocess.Popen[bytes]
    url: str
    log_file: Path

    @property
    def log(self) -> list[dict[str, Any]]:
        """What it logged, one object a line."""
        lines = self.log_file.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [entry for entry in self.log if entry["event"] == name]

    async def wait_for(self, event: str) -> None:
        """Waits until it has logged an event."""

        async def is_logged() -> bool:
            return bool(self.events(event))

        await until(is_logged, f"{event} in the worker's log")

    async def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, timeout=60)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(timeout=10)

    def memory_from_now_on(self) -> int:
        """Resident bytes now; forgets the peak of what came before."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")
        return self._memory("VmRSS")

    def memory_peak(self) -> int:
        """The most resident bytes since."""
        return self._memory("VmHWM")

    def _memory(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (line,) = [line for line in status.splitlines() if line.startswith(name)]
        return int(line.split()[1]) * 1024


@contextlib.contextmanager
def running_worker(stack: Stack, log_file: Path, **settings: str) -> Iterator[WorkerProcess]:
    """Starts a worker with the stack's settings, some of them changed, and waits until it is ready."""
    with started_worker(stack, log_file, **settings) as worker:
        _wait_until_ready(worker)
        yield worker


@contextlib.contextmanager
def started_worker(stack: Stack, log_file: Path, **settings: str) -> Iterator[WorkerProcess]:
    """The same without waiting: for one that cannot become ready. It cannot outlive this process."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | stack.worker_env | settings
    url = f"http://127.0.0.1:{environment['WORKER_PORT']}"
    processes = Processes()
    try:
        with log_file.open("wb") as output:
            command = [sys.executable, "-m", "worker"]
            process = processes.spawn(command, env=environment, output=output, cwd=ROOT)
        yield WorkerProcess(process, url, log_file)
    finally:
        processes.close()


def _wait_until_ready(worker: WorkerProcess) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and worker.process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{worker.url}/readyz", timeout=5, trust_env=False).status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the worker is not ready:\n{worker.log_file.read_text()[-3000:]}")


@dataclass
class Google:
    """The emulator's own doors."""

    url: str
    _newest: int = 0

    async def creates(self, prompt: str) -> int:
        """How many create calls with this prompt have been read."""
        return len(await self.requests(kind="create", prompt=prompt))

    async def wait_for_create(self, prompt: str) -> None:
        """Waits until a create call with this prompt has been answered."""

        async def is_answered() -> bool:
            entries = await self.requests(kind="create", prompt=prompt)
            return any(entry["status"] is not None for entry in entries)

        await until(is_answered, "the answer to a create call")

    async def wait_for_arrival(self) -> None:
        """Waits until a create call has arrived since the outage began, whether or not it is answered."""

        async def has_arrived() -> bool:
            entries = await self.requests(kind="create")
            return any(entry["id"] > self._newest for entry in entries)

        await until(has_arrived, "a create call")

    async def requests(self, **filters: str) -> list[dict[str, Any]]:
        """What it was asked: kind, prompt, object, status (None while there is no answer)."""
        async with self._client() as client:
            answer = await client.get("/_emulator/requests", params={"limit": "1000", **filters})
        requests: list[dict[str, Any]] = answer.raise_for_status().json()["requests"]
        return requests

    async def behave(self, **behaviour: object) -> None:
        """An outage: mode, latency_seconds, services."""
        self._newest = max((entry["id"] for entry in await self.requests(kind="create")), default=0)
        async with self._client() as client:
            (await client.post("/_emulator/behaviour", json=behaviour)).raise_for_status()

    async def finish_when_accepted(self, prompt: str) -> None:
        """Ends a [slow] generation."""
        await self.wait_for_create(prompt)
        async with self._client() as client:
            (await client.post("/_emulator/finish", json={"prompt": prompt})).raise_for_status()

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30)


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits until an async condition holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        await asyncio.sleep(0.1)


class Customer:
    """A signed-in user with credits for many clips. Plain HTTP, as any client would send it."""

    def __init__(self, http: httpx.AsyncClient, user_id: str) -> None:
        self.id = user_id
        self._http = http

    @classmethod
    @contextlib.asynccontextmanager
    async def signed_up(cls, stack: Stack, credit: int = 100_000) -> AsyncIterator[Customer]:
        """A fresh user through Auth, given credits by the service role."""
        person = {"email": f"customer-{secrets.token_hex(6)}@example.com", "password": secrets.token_hex(12)}
        service = {"apikey": stack.env["SECRET_KEY"], "authorization": f"Bearer {stack.env['SECRET_KEY']}"}
        public = {"apikey": stack.env["PUBLISHABLE_KEY"]}
        async with httpx.AsyncClient(base_url=stack.env["API_URL"], trust_env=False, timeout=30) as http:
            made = await http.post(
                "/auth/v1/admin/users", headers=service, json={**person, "email_confirm": True}
            )
            user_id = made.raise_for_status().json()["id"]
            grant = {"user_id": user_id, "amount": credit, "reason": "test"}
            granted = await http.post("/rest/v1/rpc/admin_grant_credits", headers=service, json=grant)
            granted.raise_for_status()
            session = await http.post("/auth/v1/token?grant_type=password", headers=public, json=person)
            token = session.raise_for_status().json()["access_token"]
            http.headers.update(public | {"authorization": f"Bearer {token}"})
            yield cls(http, user_id)

    async def call(self, name: str, **arguments: object) -> Any:
        """An RPC's answer. Raises httpx.HTTPStatusError."""
        answer = await self._http.post(f"/rest/v1/rpc/{name}", json=arguments)
        return answer.raise_for_status().json()

    async def order(self, prompt: str, **options: object) -> str:
        """Orders the shortest clip; the id of the task."""
        task = await self.call("generate_video", prompt=prompt, **{"duration": 4, **options})
        return str(task["task_id"])

    async def status(self, task_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self.call("get_video_status", task_id=task_id)
        return answer

    async def ended(self, task_id: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """The status of a task once it is terminal."""
        deadline = time.monotonic() + seconds
        while True:
            status = await self._status_or_outage(task_id)
            if status.get("status") in {"completed", "failed", "cancelled"}:
                return status
            assert time.monotonic() < deadline, f"still {status}"
            await asyncio.sleep(0.2)

    async def _status_or_outage(self, task_id: str) -> dict[str, Any]:
        try:
            return await self.status(task_id)
        except httpx.HTTPStatusError as error:
            if error.response.status_code < 500:
                raise
            return {"outage": error.response.text}

    async def upload_image(self, name: str, content: bytes) -> str:
        """Uploads a reference image; its path."""
        path = f"{self.id}/{name}"
        url, headers = f"/storage/v1/object/reference-images/{path}", {"content-type": "image/png"}
        (await self._http.post(url, content=content, headers=headers)).raise_for_status()
        return path

    async def download(self, path: str) -> bytes:
        """An object of the bucket of videos."""
        answer = await self._http.get(f"/storage/v1/object/authenticated/videos/{path}")
        return answer.raise_for_status().content


async def job_of(stack: Stack, task_id: str) -> dict[str, Any] | None:
    """The row of the queue, if the task is still live."""
    async with connect(stack) as connection:
        cursor = await connection.execute("select * from private.video_jobs where task_id = %s", (task_id,))
        return await cursor.fetchone()


async def assert_books_in_order(stack: Stack) -> None:
    """The nightly audit finds nothing."""
    async with connect(stack) as connection:
        assert await (await connection.execute("select * from private.audit_ledger()")).fetchall() == []


async def check(stack: Stack) -> tuple[int, str]:
    """`python -m worker check` with the stack's settings: exit code and output."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | stack.worker_env
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "worker", "check"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), timeout=120)
    assert process.returncode is not None
    return process.returncode, output.decode()
