"""`make model`."""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from functions_py.local.stack import Stack
from tests.model.database import Database
from tests.model.run import compare
from tests.support.stacks import own_name


def main() -> int:
    """Exit code 0 if the database and the model never differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    options = parser.parse_args()
    sys.stdout.write(f"model: {options.steps} steps, seed {options.seed}\n")
    sys.stdout.flush()
    began = time.monotonic()
    with (
        own_name() as name,
        Stack.start(name, services=("postgres",)) as stack,
        Database.opened(stack) as database,
    ):
        steps = compare(database, options.steps, options.seed)
    sys.stdout.write(f"{steps} steps without a difference in {time.monotonic() - began:.0f} s\n")
    sys.stdout.write("1 passed, 0 failed\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
