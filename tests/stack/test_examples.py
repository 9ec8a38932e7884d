"""The examples of the documentation are programs that run, and the README shows one of them."""

from __future__ import annotations

import asyncio
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import httpx
import pytest
import pytest_asyncio

from functions_py.local.services import inherited_env
from functions_py.local.tools import ROOT
from tests.support.people import PASSWORD, service_client, sign_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from functions_py.local.stack import Stack

Program: TypeAlias = tuple[str | Path, ...]

EXAMPLES = ROOT / "functions_py" / "docs" / "examples"
# Where Node is older than the one that supabase-js asks for; newer ones do not need it.
OLDER_NODE = ROOT / "tests" / "contract" / "js" / "older-node.mjs"
_ADVICE = "Node.js 20 and below are deprecated"
_TIMEOUT_SECONDS = 90


def test_the_readme_shows_the_example() -> None:
    [shown] = re.findall(r"```js\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown == (EXAMPLES / "generate.mjs").read_text().split("// README\n")[1]


@pytest_asyncio.fixture
async def _a_quick_worker(stack: Stack) -> AsyncIterator[None]:
    """The worker polls every second."""
    configs = (await service_client(stack)).table("system_configs")
    await configs.update({"value": 1}).eq("key", "video_poll_interval_seconds").execute()
    yield
    await configs.update({"value": 10}).eq("key", "video_poll_interval_seconds").execute()


@pytest.mark.usefixtures("_a_quick_worker")
async def test_every_example_makes_a_video_that_plays(stack: Stack) -> None:
    programs = [(*node(), EXAMPLES / "generate.mjs"), *await typed_programs(stack)]
    for printed in await asyncio.gather(*(order(stack, program) for program in programs)):
        async with httpx.AsyncClient(trust_env=False) as http:
            film = await http.get(printed[0])
        assert (film.status_code, film.headers["content-type"]) == (200, "video/mp4")
        # The typed ones then list what the user has.
        assert all(line.endswith(" 8 s: A paper boat drifts down a rainy street") for line in printed[1:])


async def test_without_credits_an_example_says_what_it_costs(stack: Stack) -> None:
    poor = await sign_up(stack)
    for program in await typed_programs(stack):
        code, output = await run(stack, program, {"EMAIL": poor.email, "PASSWORD": PASSWORD})
        assert code == 1
        assert "This costs 80 credits and you have 0." in output


async def typed_programs(stack: Stack) -> list[Program]:
    """The examples that use the generated types."""
    return [
        (*node(), await compiled(stack, EXAMPLES / "generate.ts")),
        (sys.executable, EXAMPLES / "generate.py"),
    ]


async def order(stack: Stack, program: Program) -> list[str]:
    """What an example prints for a new user with credits."""
    user = await printed_by(stack, (*node(), EXAMPLES / "new-user.mjs"), {})
    return await printed_by(stack, program, dict(line.split("=", 1) for line in user))


async def compiled(stack: Stack, source: Path) -> Path:
    """A TypeScript program as JavaScript, where it finds the packages of this checkout."""
    target = stack.state_dir / "examples"
    compiler = ROOT / "node_modules" / ".bin" / "tsc"
    options = ("--project", ROOT, "--noEmit", "false", "--outDir", target, "--rootDir", ROOT)
    await printed_by(stack, (compiler, *options), {})
    return target / source.relative_to(ROOT).with_suffix(".js")


def node() -> Program:
    """The installed Node, whichever it is."""
    found = shutil.which("node")
    assert found is not None, "there is no node: run functions_py/local/setup.sh"
    return found, "--import", OLDER_NODE


async def printed_by(stack: Stack, program: Program, extra: dict[str, str]) -> list[str]:
    """The lines of a program that must succeed."""
    code, output = await run(stack, program, extra)
    assert code == 0, output
    return output.splitlines()


async def run(stack: Stack, program: Program, extra: dict[str, str]) -> tuple[int | None, str]:
    """Exit code and both outputs of a program that gets what `make env` prints."""
    own = {"NODE_NO_WARNINGS": "1", "PYTHONPATH": str(ROOT / "supabase" / "types")}
    child = await asyncio.create_subprocess_exec(
        *map(str, program),
        env=inherited_env() | stack.env | own | extra,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(child.communicate(), _TIMEOUT_SECONDS)
    finally:
        if child.returncode is None:
            child.kill()
    return child.returncode, "\n".join(line for line in output.decode().splitlines() if _ADVICE not in line)
