"""`make crash`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import secrets
import statistics
import sys
import time
from collections import Counter
from random import Random
from typing import Final

from functions_py.local.cli import signals_interrupt
from functions_py.local.stack import Stack
from tests.crash.control import Control
from tests.crash.crew import Crew
from tests.crash.faults import Chaos
from tests.crash.load import Load
from tests.crash.verdict import Verdict
from tests.support.stacks import own_name
from tests.support.worker import configure

WORKERS: Final = 3
LEASE_SECONDS: Final = 10
TICK_SECONDS: Final = 10
SETTINGS: Final = {
    # Production has 60 s; shorter, so that many crashes fit into the time.
    "video_lease_seconds": LEASE_SECONDS,
    "video_poll_interval_seconds": 1,
    "video_submit_backoff_seconds": 0.5,
    "video_submit_backoff_max_seconds": 2,
    "video_submit_per_minute": 10000,
    "video_download_retry_seconds": 10,
    "video_reconcile_seconds": 30,
    "video_concurrent_limit": 500,
}
_SETTLED_WITHIN_SECONDS: Final = 600.0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def run(tasks: int, seed: int, *, brief: bool) -> Verdict:
    """Everything, from an empty database to the verdict."""
    random = Random(seed)  # noqa: S311  a plan, not a secret
    services = ("postgrest", "platform", "google")
    verdict = Verdict()
    with own_name() as name, Stack.start(name, services=services) as stack:
        configure(stack, SETTINGS)
        control = Control(stack)
        with Crew.at_work(stack, WORKERS) as crew:
            async with Load.opened(stack, control, random) as load:
                chaos = Chaos(control, crew, load, random, say)
                is_over = asyncio.Event()
                async with asyncio.TaskGroup() as both:
                    both.create_task(load.feed(tasks, is_over))
                    await chaos.run(brief=brief)
                    is_over.set()
                say(f"{len(load.orders):5} ordered  no more orders, no more faults")
                await _settled(control, crew, verdict)
                await verdict.judge(control, load.orders, random)
            longest = LEASE_SECONDS + TICK_SECONDS
            verdict.expect(
                max(chaos.kill_recoveries) <= longest,
                "after a kill nothing waits longer than a lease and a tick",
            )
            verdict.figures += [
                f"{crew.kills} workers killed; nothing waited for them after {_spread(chaos.kill_recoveries)}"
                f" (at most a lease of {LEASE_SECONDS} s and a tick of {TICK_SECONDS} s)",
                f"{len(chaos.outage_recoveries)} outages; the next clip came after"
                f" {_spread(chaos.outage_recoveries)}",
                f"{load.repeated} orders repeated because their answer was lost",
                f"steps nobody came to: {sum('nobody' in fault for fault in chaos.done)}",
            ]
            crashes = sum(log.read_text(errors="replace").count('"job_crashed"') for log in crew.logs())
            verdict.expect(crashes == 0, f"{crashes} jobs ended by an error nobody expected")
    return verdict


async def _settled(control: Control, crew: Crew, verdict: Verdict) -> None:
    deadline = time.monotonic() + _SETTLED_WITHIN_SECONDS
    while live := await control.rows("select stage from private.video_jobs"):
        if time.monotonic() > deadline:
            verdict.broken.append(f"never settled: {Counter(row['stage'] for row in live)}")
            return
        crew.revive()
        await asyncio.sleep(0.5)


def _spread(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.1f} s (median), {max(seconds):.1f} s (most)" if seconds else "-"


def main() -> int:
    """Exit code 0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--brief", action="store_true", help="eight kills and one outage of each kind")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    say(f"crash: {options.tasks} tasks, {WORKERS} workers, seed {options.seed}")
    began = time.monotonic()
    with contextlib.suppress(KeyboardInterrupt), signals_interrupt():
        verdict = asyncio.run(run(options.tasks, options.seed, brief=options.brief))
        for line in (*verdict.figures, *(f"BROKEN: {line}" for line in verdict.broken[:50])):
            say(line)
        say(f"in {time.monotonic() - began:.0f} s")
        say(f"{verdict.kept} passed, {len(verdict.broken)} failed")
        return 1 if verdict.broken else 0
    return 130


if __name__ == "__main__":
    raise SystemExit(main())
