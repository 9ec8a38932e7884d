"""`make mutate`."""

from __future__ import annotations

import argparse
import contextlib
import json
import queue
import secrets
import sys
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Final

import psycopg

from functions_py.local.tools import ROOT
from tests.mutate.mutants import Mutant, all_mutants
from tests.mutate.races import races_notice
from tests.mutate.suite import Suite

EQUIVALENT: Final = Path(__file__).with_name("equivalent.txt")
_CLUSTERS: Final = 2


class Results:
    """What became of each mutant, kept across runs: only survivors are tried again."""

    def __init__(self, file: Path, *, fresh: bool) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file
        self._lock = threading.Lock()
        if fresh:
            file.unlink(missing_ok=True)
        self.known: dict[str, str] = {}
        with contextlib.suppress(FileNotFoundError):
            for line in file.read_text().splitlines():
                entry = json.loads(line)
                self.known[entry["key"]] = entry["outcome"]

    def note(self, mutant: Mutant, outcome: str) -> None:
        with self._lock:
            self.known[mutant.key] = outcome
            with self._file.open("a") as file:
                file.write(json.dumps({"key": mutant.key, "name": mutant.name, "outcome": outcome}) + "\n")
            if outcome == "survived":
                say(f"survived  {mutant.name}")


def equivalents() -> dict[str, str]:
    """Name of each mutant that changes nothing a user could notice, and why."""
    lines = [line for line in EQUIVALENT.read_text().splitlines() if line and not line.startswith("#")]
    return {name.strip(): reason.strip() for name, _, reason in (line.rpartition(" :: ") for line in lines)}


def try_all(work: queue.SimpleQueue[Mutant], suite: Suite, results: Results) -> None:
    """One cluster's share."""
    while True:
        try:
            mutant = work.get_nowait()
        except queue.Empty:
            return
        results.note(mutant, outcome_of(mutant, suite))


def outcome_of(mutant: Mutant, suite: Suite) -> str:
    """killed by <file>, survived, or invalid: Postgres does not take it."""
    with psycopg.connect(suite.stack.db_url("postgres"), autocommit=True) as connection:
        try:
            connection.execute(mutant.do.encode())
        except psycopg.Error:
            return "invalid"
        try:
            # Twice, before it is said to survive: which row a query finds first is not for a test to say.
            killer = suite.notices(mutant.about, mutant.function) or suite.notices(
                mutant.about, mutant.function
            )
        finally:
            try:
                connection.execute(mutant.undo.encode())
            except psycopg.Error:
                suite.renew()
    # What only the order of sessions shows: a lock that is missing, or taken on something else.
    if killer is None and "lock" in mutant.name and races_notice(mutant.do):
        killer = "tests/concurrency"
    return f"killed by {killer}" if killer else "survived"


def main() -> int:
    """Exit code 0 if no mutant survived but those that are listed with a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutate", description=__doc__)
    parser.add_argument("--sample", type=int, help="try only so many")
    parser.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**6), help="of the sample and the order"
    )
    parser.add_argument("--only", default="", help="only mutants with this in their name")
    parser.add_argument("--fresh", action="store_true", help="forget what is known")
    parser.add_argument("--minutes", type=float, default=24 * 60, help="stop trying after so long")
    options = parser.parse_args()
    began = time.monotonic()
    results = Results(ROOT / ".local" / "mutate" / "results.jsonl", fresh=options.fresh)
    with contextlib.ExitStack() as exits:
        suites = [Suite(exits) for _ in range(_CLUSTERS)]
        broken = sorted({file for suite in suites for file in suite.learn()})
        if broken:
            say(f"do not pass as it is, and judge nothing: {', '.join(broken)}")
        with psycopg.connect(suites[0].stack.db_url("postgres"), autocommit=True) as connection:
            everything = all_mutants(connection)
        listed = equivalents()
        if unknown := listed.keys() - {mutant.name for mutant in everything}:
            raise SystemExit("\n".join(f"{EQUIVALENT.name}: there is no mutant {name}" for name in unknown))
        mutants = [mutant for mutant in everything if options.only in mutant.name]
        # In any order, so that a run that has to stop early has tried a bit of everything.
        Random(options.seed).shuffle(mutants)  # noqa: S311
        mutants = mutants[: options.sample]
        work: queue.SimpleQueue[Mutant] = queue.SimpleQueue()
        waiting = [
            m for m in mutants if m.name not in listed and results.known.get(m.key, "survived") == "survived"
        ]
        for mutant in waiting:
            work.put(mutant)
        say(f"{len(everything)} mutants, {len(waiting)} to try, seed {options.seed}")
        threads = [
            threading.Thread(target=try_all, args=(work, suite, results), daemon=True) for suite in suites
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(began + options.minutes * 60 - time.monotonic(), 0.1))
        while not work.empty():
            work.get()
        for thread in threads:
            thread.join()
    return report(mutants, results, listed, time.monotonic() - began)


def report(mutants: list[Mutant], results: Results, listed: dict[str, str], seconds: float) -> int:
    """Counts by operator, and who survived."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    survivors = []
    for mutant in mutants:
        outcome = "equivalent" if mutant.name in listed else results.known.get(mutant.key, "not tried")
        counts[mutant.operator][outcome.partition(" by ")[0]] += 1
        if outcome == "survived":
            survivors.append(mutant)
    columns = ("killed", "survived", "equivalent", "invalid", "not tried")
    say(f"\n{'operator':<12}" + "".join(f"{column:>12}" for column in columns))
    for operator, outcomes in sorted(counts.items()):
        say(f"{operator:<12}" + "".join(f"{outcomes[column]:>12}" for column in columns))
    for name in sorted(mutant.name for mutant in survivors):
        say(f"survived  {name}")
    killed = sum(outcomes["killed"] for outcomes in counts.values())
    say(f"in {seconds:.0f} s")
    say(f"{killed} passed, {len(survivors)} failed")
    return 1 if survivors or not killed else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
