"""What must be true when everything has ended, and the figures."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import av
import httpx

if TYPE_CHECKING:
    from random import Random

    from functions_py.local.stack import Stack
    from tests.crash.control import Control
    from tests.crash.load import Order

FULLY_DECODED: Final = 20
_TERMINAL: Final = {"completed", "failed", "cancelled"}


@dataclass
class Verdict:
    """Empty `broken` means that every promise was kept."""

    kept: int = 0
    broken: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)

    def expect(self, holds: object, promise: str) -> None:
        if holds:
            self.kept += 1
        else:
            self.broken.append(promise)

    async def judge(self, control: Control, orders: list[Order], random: Random) -> None:
        tasks = {
            str(row["id"]): row
            for row in await control.rows(
                "select h.*, (select count(*) from public.credit_transactions as t"
                " where t.task_id = h.id and t.type = 'video_refund') as refunds"
                " from public.video_generation_history as h"
            )
        }
        self._tasks(orders, tasks)
        findings = await control.rows("select * from private.audit_ledger()")
        self.expect(not findings, f"the audit found {findings}")
        await self._creates(control.stack)
        await self._files(control.stack, tasks, random)

    def _tasks(self, orders: list[Order], tasks: dict[str, dict[str, Any]]) -> None:
        self.expect(len({order.task_id for order in orders}) == len(orders), "one task for each order")
        self.expect(tasks.keys() == {order.task_id for order in orders}, "no task that nobody was told of")
        for task in tasks.values():
            must = int(task["status"] in {"failed", "cancelled"})
            self.expect(task["refunds"] == must, f"{task['id']} {task['status']}: {task['refunds']} refunds")
            self.expect(task["status"] in _TERMINAL, f"{task['id']} is still {task['status']}")
        valid = [tasks[order.task_id] for order in orders if order.is_valid]
        doomed = [tasks[order.task_id] for order in orders if not order.is_valid]
        self.expect(all(task["status"] == "failed" for task in doomed), "a prompt that cannot succeed failed")
        completed = sum(task["status"] == "completed" for task in valid)
        made = [task for task in valid if task["google_video_url"] is not None]
        lost = Counter(task["error_code"] for task in valid if task["status"] != "completed")
        delivered = sum(task["status"] == "completed" for task in made)
        self.figures += [
            f"{len(orders)} tasks, {len(valid)} with valid prompts:"
            f" {_percent(completed, len(valid))} completed (goal > 95 %); others: {dict(lost)}",
            f"{len(made)} clips made for them: {_percent(delivered, len(made))} delivered (goal > 99 %)",
        ]
        self.expect(completed > 0.95 * len(valid), "more than 95 % of valid prompts succeed")
        self.expect(delivered > 0.99 * len(made), "more than 99 % of finished clips are delivered")

    async def _creates(self, stack: Stack) -> None:
        """By the emulator's own count."""
        async with httpx.AsyncClient(base_url=stack.env["GOOGLE_EMULATOR_URL"], trust_env=False) as client:
            asked = {"kind": "create", "limit": "1000000"}
            listing = (await client.get("/_emulator/requests", params=asked, timeout=60)).json()["requests"]
        attempts = Counter(entry["storage_uri"] for entry in listing if entry["storage_uri"])
        twice = [place for place, count in attempts.items() if count > 1]
        self.expect(not twice, f"submitted twice: {twice}")
        self.figures.append(f"{len(listing)} create calls, {len(attempts)} attempts, {len(twice)} sent twice")

    async def _files(self, stack: Stack, tasks: dict[str, dict[str, Any]], random: Random) -> None:
        completed = [task for task in tasks.values() if task["status"] == "completed"]
        sample = {task["id"] for task in random.sample(completed, min(FULLY_DECODED, len(completed)))}
        key = stack.env["SECRET_KEY"]
        headers = {"apikey": key, "authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(
            base_url=f"{stack.env['API_URL']}/storage/v1/object", headers=headers, trust_env=False, timeout=60
        ) as client:
            for task in completed:
                answer = await client.get(f"/{task['permanent_video_url']}")
                problem = await asyncio.to_thread(_plays, answer.content, task, whole=task["id"] in sample)
                self.expect(problem is None, f"{task['id']} does not play: {problem}")
        self.figures.append(f"{len(completed)} files play; {len(sample)} of them decoded to the last frame")


def _plays(content: bytes, task: dict[str, Any], *, whole: bool) -> str | None:
    if len(content) != task["file_size_bytes"]:
        return f"{len(content)} bytes instead of {task['file_size_bytes']}"
    with av.open(io.BytesIO(content), mode="r") as container:
        video = container.streams.video[0]
        seconds = float((video.duration or 0) * (video.time_base or 0))
        is_asked = (video.width, video.height) == (task["width"], task["height"])
        if not is_asked or abs(seconds - task["duration"]) > 0.5:
            return f"{seconds} s of {video.width} x {video.height}"
        frames = sum(1 for _ in islice(container.decode(video), None if whole else 1))
    wanted = task["duration"] * 24 if whole else 1
    return None if frames == wanted else f"{frames} frames instead of {wanted}"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "none"
