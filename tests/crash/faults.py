"""What happens to the system while it works."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.support.worker import Google

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from random import Random

    from tests.crash.control import Control
    from tests.crash.crew import Crew
    from tests.crash.load import Load

STEPS: Final = {
    "claim submit": "",
    "begin submit": "",
    "record operation": "",
    "requeue submit": "[429:1]",
    "claim reconcile": "[drop]",
    "claim poll": "",
    "record poll": "[poll_503]",
    "clip is made": "",
    "claim transfer": "",
    "begin transfer": "",
    "store file": "",
    "store poster": "",
    "completed": "",
    "failed": "[safety]",
    "claim file job": "",
    "file is deleted": "",
}
"""Every step of a task at which its worker is killed, and a marker that leads there."""

MOMENTS: Final = ("just before", "just after", "a moment later")
_PATIENCE_SECONDS: Final = 45.0
_OUTAGE_SECONDS: Final = 4.0
_BETWEEN_FAULTS: Final = 6
"""Clips delivered from one fault to the next."""


@dataclass
class Chaos:
    """Does one fault after another, and measures how long it takes until nothing waits for the dead."""

    control: Control
    crew: Crew
    load: Load
    random: Random
    say: Callable[[str], None]
    kill_recoveries: list[float] = field(default_factory=list)
    outage_recoveries: list[float] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    async def run(self, *, brief: bool) -> None:
        for fault in self._plan(brief=brief):
            await fault
            self.crew.revive()
            # Else the next fault would meet the very tasks that the last one has met.
            await self._delivered(_BETWEEN_FAULTS)

    def _plan(self, *, brief: bool) -> Iterator[Awaitable[None]]:
        kills = list(itertools.product(STEPS, MOMENTS))
        outages: list[Callable[[], Awaitable[None]]] = [
            self._postgres_crashes,
            self._storage_is_away,
            self._google_is_away,
            self._google_is_overloaded,
            self._pokes_are_lost_and_cron_stands_still,
        ]
        if brief:
            kills = [(step, self.random.choice(MOMENTS)) for step in self.random.sample(list(STEPS), 8)]
        else:
            outages *= 2
        self.random.shuffle(kills)
        pause = max(len(kills) // len(outages), 1)
        for number, (step, moment) in enumerate(kills):
            yield self._kill_at(step, moment)
            if number % pause == 0 and outages:
                yield outages.pop(0)()
        for outage in outages:
            yield outage()

    async def _kill_at(self, step: str, moment: str) -> None:
        """The worker that comes to this step first; the step itself is committed or not."""
        async with self.control.trap(step) as trap:
            ordering = asyncio.create_task(self.load.order(STEPS[step]))
            worker = await trap.caught(_PATIENCE_SECONDS)
            if worker is None:
                self._note(f"nobody came to: {step}")
                await ordering
                return
            if moment == "a moment later":
                await trap.commit()
                await asyncio.sleep(self.random.uniform(0.0, 0.4))
            is_killed = await asyncio.to_thread(self.crew.kill, worker)
            began = time.monotonic()
            if moment == "just before":
                await trap.undo()
            elif moment == "just after":
                await trap.commit()
        await ordering
        if is_killed:
            await self._until_nothing_waits_for(worker)
            self.kill_recoveries.append(time.monotonic() - began)
            self._note(f"killed {moment}: {step}, {self.kill_recoveries[-1]:.1f} s")

    async def _until_nothing_waits_for(self, worker: str) -> None:
        """No task, that is: a file to delete may stand in a line."""
        held = "select from private.video_jobs as j where j.leased_by = %s"
        await self._until(lambda: self.control.one(f"select not exists ({held})", worker))

    async def _postgres_crashes(self) -> None:
        await asyncio.to_thread(self.control.stack.restart_postgres, crash=True)
        await self._back_from("Postgres crashed")

    async def _storage_is_away(self) -> None:
        await asyncio.to_thread(self.control.stack.kill, "platform")
        await asyncio.sleep(_OUTAGE_SECONDS)
        await asyncio.to_thread(self.control.stack.start_service, "platform")
        await self._back_from("Storage, Auth and the API were away")

    async def _google_is_away(self) -> None:
        await asyncio.to_thread(self.control.stack.kill, "google")
        await asyncio.sleep(_OUTAGE_SECONDS)
        await asyncio.to_thread(self.control.stack.start_service, "google")
        await self._back_from("Google was away")

    async def _google_is_overloaded(self) -> None:
        google = Google(self.control.stack.env["GOOGLE_EMULATOR_URL"])
        await google.behave(mode="503", services=["vertex"])
        await asyncio.sleep(_OUTAGE_SECONDS)
        await google.behave(mode="ok")
        await self._back_from("Google answered 503")

    async def _pokes_are_lost_and_cron_stands_still(self) -> None:
        await self.control.rows("select cron.alter_job(jobid, active => false) from cron.job")
        for _ in range(20):
            await self.control.rows("truncate net.http_request_queue")
            await asyncio.sleep(_OUTAGE_SECONDS / 10)
        await self.control.rows("select cron.alter_job(jobid, active => true) from cron.job")
        await self._back_from("pg_net forgot and pg_cron stood still")

    async def _back_from(self, what: str) -> None:
        """Until the next clip is delivered."""
        began = time.monotonic()
        await self._delivered(1)
        self.outage_recoveries.append(time.monotonic() - began)
        self._note(f"{what}, {self.outage_recoveries[-1]:.1f} s")

    async def _delivered(self, clips: int) -> None:
        """Until so many more are in Storage."""
        finished = "select count(*) from public.video_generation_history where status = 'completed'"
        goal = clips + await self.control.one(finished)
        await self._until(lambda: self.control.one(f"select ({finished}) >= %s", goal))

    async def _until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        while not await condition():  # noqa: ASYNC110  nobody tells us
            await asyncio.sleep(0.1)

    def _note(self, what: str) -> None:
        self.done.append(what)
        self.say(f"{len(self.load.orders):5} ordered  {what}")
