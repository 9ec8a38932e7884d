"""Workers that start, stop, die, lose their database, and meet each other."""

from __future__ import annotations

import asyncio
import secrets
import signal
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.database import connect
from tests.support.processes import free_port
from tests.support.worker import assert_books_in_order, job_of, running_worker, started_worker, until

if TYPE_CHECKING:
    from pathlib import Path

    from functions_py.local.stack import Stack
    from tests.support.worker import Customer, Google, WorkerProcess

CREATE_SECONDS = 4
"""How long the far end takes over a create call where a test wants to catch one in flight."""


@pytest.fixture
def prompt() -> str:
    return f"a harbour at dawn {secrets.token_hex(4)}"


async def test_a_shutdown_waits_for_the_paid_call_in_flight_and_records_it(
    workshop: Stack, google: Google, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    await google.behave(latency_seconds=CREATE_SECONDS, services=["vertex"])
    try:
        with running_worker(workshop, tmp_path / "first.log") as first:
            task_id = await customer.order(prompt)
            await google.wait_for_arrival()
            assert await first.terminate() == 0
            assert first.events("submitted")
            assert first.events("stopped")
    finally:
        await google.behave(mode="ok")
    assert (await customer.status(task_id))["status"] == "processing"
    with running_worker(workshop, tmp_path / "second.log"):
        assert (await customer.ended(task_id))["status"] == "completed"
    assert await google.creates(prompt) == 1


async def test_a_second_signal_ends_at_once(
    workshop: Stack, google: Google, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    await google.behave(latency_seconds=CREATE_SECONDS, services=["vertex"])
    try:
        with running_worker(workshop, tmp_path / "worker.log") as worker:
            await customer.order(prompt)
            await google.wait_for_arrival()
            worker.process.terminate()
            await worker.wait_for("draining")
            assert await worker.terminate() == 1
    finally:
        await google.behave(mode="ok")


async def test_a_worker_killed_before_it_read_the_answer_of_a_paid_call_never_pays_twice(
    workshop: Stack, google: Google, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    await google.behave(latency_seconds=CREATE_SECONDS, services=["vertex"])
    try:
        with running_worker(workshop, tmp_path / "first.log") as first:
            task_id = await customer.order(prompt)
            await google.wait_for_arrival()
            first.process.send_signal(signal.SIGSTOP)
            await google.wait_for_create(prompt)
            first.kill()
    finally:
        await google.behave(mode="ok")
    with running_worker(workshop, tmp_path / "second.log") as second:
        status = await customer.ended(task_id)
        assert second.events("clip_adopted")
    assert status["status"] == "completed", status
    assert await google.creates(prompt) == 1
    await assert_books_in_order(workshop)


async def test_a_shutdown_gives_leases_back(
    workshop: Stack, customer: Customer, google: Google, prompt: str, tmp_path: Path
) -> None:
    """What was begun and costs nothing is dropped, and its attempt is not counted."""
    await google.behave(latency_seconds=30, services=["storage"])
    try:
        with running_worker(workshop, tmp_path / "first.log") as first:
            task_id = await customer.order(prompt)

            async def is_being_transferred() -> bool:
                job = await job_of(workshop, task_id)
                return job is not None and job["download_attempt"] == 1

            await until(is_being_transferred, "the transfer")
            assert await first.terminate() == 0
            (released,) = first.events("leases_released")
            assert released["released"] >= 1
            job = await job_of(workshop, task_id)
            assert job is not None
            assert (job["stage"], job["lease_token"], job["download_attempt"]) == ("transfer", None, 0)
    finally:
        await google.behave(mode="ok")
    with running_worker(workshop, tmp_path / "second.log"):
        status = await customer.ended(task_id)
    assert (status["status"], status["retry_count"]) == ("completed", 0)


@pytest.mark.slow
async def test_tasks_survive_a_database_that_restarts_under_them(
    workshop: Stack, google: Google, customer: Customer, worker: WorkerProcess, prompt: str
) -> None:
    prompts = [f"{prompt} {number}" for number in range(6)]
    tasks = await asyncio.gather(*(customer.order(one) for one in prompts))
    await google.wait_for_create(prompts[0])
    await asyncio.to_thread(workshop.restart_postgres, crash=True)
    statuses = await asyncio.gather(*(customer.ended(task) for task in tasks))
    assert [status["status"] for status in statuses] == ["completed"] * len(tasks)
    assert [await google.creates(one) for one in prompts] == [1] * len(prompts)
    assert worker.process.poll() is None
    await assert_books_in_order(workshop)


@pytest.mark.slow
async def test_an_operation_id_is_recorded_although_the_database_is_away_when_it_comes(
    workshop: Stack, google: Google, customer: Customer, worker: WorkerProcess, prompt: str
) -> None:
    await google.behave(latency_seconds=CREATE_SECONDS, services=["vertex"])
    try:
        task_id = await customer.order(prompt)
        await google.wait_for_arrival()
        await asyncio.to_thread(workshop.stop, "postgres")
        await google.wait_for_create(prompt)
    finally:
        await google.behave(mode="ok")
        await asyncio.to_thread(workshop.start_service, "postgres")
    status = await customer.ended(task_id)
    assert status["status"] == "completed", status
    assert await google.creates(prompt) == 1
    assert worker.events("submitted")


async def test_two_workers_share_the_work_and_pay_once_for_each_task(
    workshop: Stack, google: Google, customer: Customer, worker: WorkerProcess, prompt: str, tmp_path: Path
) -> None:
    prompts = [f"{prompt} {number}" for number in range(20)]
    with running_worker(workshop, tmp_path / "second.log", WORKER_PORT=free_port()) as second:
        tasks = await asyncio.gather(*(customer.order(one) for one in prompts))
        statuses = await asyncio.gather(*(customer.ended(task) for task in tasks))
        done = [len(process.events("completed")) for process in (worker, second)]
    assert {status["status"] for status in statuses} == {"completed"}
    assert [await google.creates(one) for one in prompts] == [1] * len(prompts)
    assert sum(done) == len(prompts)


async def test_a_worker_without_its_database_claims_nothing_and_says_so(
    workshop: Stack, worker: WorkerProcess, customer: Customer
) -> None:
    await customer.upload_image("before.png", b"before")
    await asyncio.to_thread(workshop.stop, "postgres")
    try:
        async with httpx.AsyncClient(base_url=worker.url, trust_env=False, timeout=30) as client:
            answer = await client.get("/readyz")
            assert answer.status_code == 503
            assert "the database does not answer" in answer.json()["problems"]
            assert (await client.get("/healthz")).status_code == 200
    finally:
        await asyncio.to_thread(workshop.start_service, "postgres")

    async def is_ready() -> bool:
        async with httpx.AsyncClient(base_url=worker.url, trust_env=False, timeout=30) as client:
            return (await client.get("/readyz")).status_code == 200

    await until(is_ready, "the worker's recovery")
    await customer.upload_image("after.png", b"Storage has found the database again, too")


@pytest.mark.slow
async def test_a_worker_that_starts_before_its_database_waits_for_it(
    workshop: Stack, customer: Customer, prompt: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(workshop.stop, "postgres")
    with started_worker(workshop, tmp_path / "worker.log") as worker:
        try:
            await worker.wait_for("database_not_ready")
        finally:
            await asyncio.to_thread(workshop.start_service, "postgres")
        await worker.wait_for("heartbeat_healthy")
        assert (await customer.ended(await customer.order(prompt)))["status"] == "completed"


async def test_a_worker_refuses_a_database_that_speaks_another_version(
    workshop: Stack, tmp_path: Path
) -> None:
    version = (
        "create or replace function worker_api.contract_version() returns integer language sql immutable "
        "security invoker set search_path = '' as 'select {}'"
    )
    async with connect(workshop) as connection:
        await connection.execute(version.format(2).encode())
        try:
            with started_worker(workshop, tmp_path / "worker.log") as worker:
                assert await asyncio.to_thread(worker.process.wait, timeout=30) == 1
        finally:
            await connection.execute(version.format(1).encode())
    (refusal,) = worker.events("unsupported_contract")
    assert "worker_api 2" in refusal["error"]


async def test_a_worker_that_cannot_have_its_port_says_so_in_one_line(
    workshop: Stack, worker: WorkerProcess, tmp_path: Path
) -> None:
    with started_worker(workshop, tmp_path / "second.log") as second:
        assert await asyncio.to_thread(second.process.wait, timeout=30) == 2
    (line,) = second.log_file.read_text().splitlines()
    assert "WORKER_PORT" in line
