"""`make types`: what the Supabase CLI says the schema looks like to a client, in TypeScript and in Python.

The files are the CLI's output, byte for byte: whoever runs `supabase gen types` against his own project gets
the same text, unless his schema differs.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from functions_py.local.bootstrap import cli_env
from functions_py.local.processes import CommandError
from functions_py.local.stack import Stack, StackBusyError
from functions_py.local.tools import ROOT, SetupError, supabase_cli

FILES = {
    "typescript": ROOT / "supabase" / "types" / "database.types.ts",
    "python": ROOT / "supabase" / "types" / "database_types.py",
}
"""Where the types of each language are kept."""

_NAME = "types"
_TIMEOUT_SECONDS = 60


def main() -> int:
    """Writes the files from a database made of the migrations; returns the exit code."""
    try:
        with Stack.start(_NAME, services=()) as stack:
            for language, path in FILES.items():
                text = generate(stack, language)
                is_new = not path.exists() or path.read_text() != text
                path.write_text(text)
                sys.stdout.write(f"{path.relative_to(ROOT)}: {'written' if is_new else 'unchanged'}\n")
    except (CommandError, SetupError, StackBusyError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    shutil.rmtree(ROOT / ".local" / _NAME)
    return 0


def generate(stack: Stack, language: str) -> str:
    """The types of schema public in one of the CLI's languages.

    Raises:
        CommandError: the CLI failed; the message holds what it said.
    """
    target = f"--remote={stack.db_url('postgres')}"
    done = subprocess.run(
        [supabase_cli(), "gen", "types", f"--lang={language}", "--schema=public", target],
        check=False,
        capture_output=True,
        cwd=ROOT,
        env=cli_env(stack.state_dir),
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=_TIMEOUT_SECONDS,
    )
    if done.returncode != 0:
        raise CommandError(f"supabase gen types --lang={language}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
