"""supabase-js, unchanged, does everything of the contract: each test of `tests/contract/js` is one test here.

They run on the stack that all tests share, by whichever Node is installed. By hand, after `make up`:

    node --env-file=.local/dev/env tests/contract/js/auth.test.mjs     # Node 22 or newer

supabase-js asks for Node 22. An older one (Debian 12 has 18) lacks two globals, which `older-node.mjs` adds.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel, ValidationError

from functions_py.local.services import inherited_env
from functions_py.local.tools import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from functions_py.local.stack import Stack

FOLDER = ROOT / "tests" / "contract" / "js"
FILES = sorted(FOLDER.glob("*.test.mjs"))
WITHOUT_WORKER = {"rpc.test.mjs", "rest.test.mjs"}
"""Files whose tasks must stay `pending`."""

_TIMEOUT_SECONDS = 180
_TITLE = re.compile(r"""^\s*test\((["'`])(?P<title>.+)\1, """, re.MULTILINE)


class Result(BaseModel):
    """A line of the reporter."""

    name: str
    depth: int
    passed: bool
    skipped: bool
    error: str


class Run(BaseModel):
    """What came of one file."""

    results: dict[str, Result]
    output: str
    exit_code: int


def titles(file: Path) -> list[str]:
    """The tests of a file as they stand in it; one made by a loop has its placeholder as a title."""
    return [match["title"] for match in _TITLE.finditer(file.read_text())]


CASES = [pytest.param(file, title, id=f"{file.name}: {title}") for file in FILES for title in titles(file)]


@pytest.fixture(scope="session")
def runs(stack: Stack) -> Runs:
    """Runs each file once, when the first of its tests is asked for."""
    return Runs(stack)


class Runs:
    """The runs of a session."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.of = cache(self._run)

    def _run(self, file: Path) -> Run:
        if file.name not in WITHOUT_WORKER:
            return run_node(file, self._stack.env)
        self._stack.stop("worker")
        try:
            return run_node(file, self._stack.env)
        finally:
            self._stack.start_service("worker")


def run_node(file: Path, env: dict[str, str]) -> Run:
    """Runs one file of tests to its end."""
    node = shutil.which("node")
    assert node is not None, "there is no node: run functions_py/local/setup.sh"
    done = subprocess.run(
        [
            node,
            "--no-warnings",
            f"--import={FOLDER / 'older-node.mjs'}",
            f"--test-reporter={FOLDER / 'reporter.mjs'}",
            file,
        ],
        check=False,
        cwd=ROOT,
        env=inherited_env() | env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT_SECONDS,
    )
    results = {}
    for line in done.stdout.splitlines():
        try:
            result = Result.model_validate_json(line)
        except ValidationError:
            continue
        results[result.name] = result
    return Run(results=results, output=done.stdout, exit_code=done.returncode)


def fits(title: str, name: str) -> bool:
    """Whether a test of that name comes from this title: `${…}` stands for anything."""
    parts = re.split(r"\$\{[^}]*\}", title.replace("\\'", "'"))
    return re.fullmatch(".+".join(map(re.escape, parts)), name) is not None


@pytest.mark.parametrize(("file", "title"), CASES)
def test_supabase_js(runs: Runs, file: Path, title: str) -> None:
    run = runs.of(file)
    found = [result for result in run.results.values() if fits(title, result.name)]
    if not found:
        pytest.fail(f"node did not get to this test:\n{run.output[-4000:]}", pytrace=False)
    for result in found:
        if not result.passed or result.skipped:
            pytest.fail(f"{result.name}\n{result.error or 'was skipped'}", pytrace=False)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_test_of_the_file_was_overlooked(runs: Runs, file: Path) -> None:
    run = runs.of(file)
    unknown = [name for name in run.results if not any(fits(title, name) for title in titles(file))]
    assert not unknown
    assert (run.exit_code == 0) == all(result.passed for result in run.results.values()), run.output[-4000:]


def test_the_version_under_test_is_the_pinned_one() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]["@supabase/supabase-js"]
    installed = ROOT / "node_modules" / "@supabase" / "supabase-js" / "package.json"
    assert json.loads(installed.read_text())["version"] == wanted
    assert re.fullmatch(r"\d+\.\d+\.\d+", wanted), "an exact version"


def test_the_tests_and_types_compile() -> None:
    done = subprocess.run(
        [ROOT / "node_modules" / ".bin" / "tsc", "--project", ROOT, "--pretty", "false"],
        check=False,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
    )
    assert done.returncode == 0, done.stdout
