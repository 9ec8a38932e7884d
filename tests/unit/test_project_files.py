"""What keeps the project in order agrees with it: locks, workflow, update bot, hooks, change log."""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from functions_py.local.migration import PLACEHOLDER
from functions_py.local.tools import ROOT
from worker import __version__

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EVERYTHING = "requirements-dev.txt"
IMAGE = "requirements.txt"
PIN = re.compile(
    r"^(?P<name>[\w.-]+)(?:\[[\w,-]+\])?==(?P<version>\S+)[^\n]*(?P<hashes>(?:\\\n +--hash=\S+ ?)+)",
    re.MULTILINE,
)


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def pins(path: str) -> dict[str, str]:
    """Name and version of everything that a lock file installs."""
    return {pin["name"]: pin["version"] for pin in PIN.finditer((ROOT / path).read_text())}


@pytest.mark.parametrize(("path", "extras"), [(EVERYTHING, None), (IMAGE, ["worker", "functions"])])
def test_a_lock_file_holds_what_the_project_asks_for(path: str, extras: list[str] | None) -> None:
    optional = PROJECT["optional-dependencies"]
    asked = PROJECT["dependencies"] + [
        line for name in (optional if extras is None else extras) for line in optional[name]
    ]
    locked = pins(path)
    for requirement in map(Requirement, asked):
        version = locked.get(canonicalize_name(requirement.name))
        relock = f"{path} has {version} of {requirement}: see CONTRIBUTING.md, section Dependencies"
        assert version is not None, relock
        assert version in requirement.specifier, relock


def test_everything_locked_has_a_hash_and_no_address() -> None:
    for path in (EVERYTHING, IMAGE):
        text = (ROOT / path).read_text()
        assert len(pins(path)) == len(re.findall(r"^[\w.-]+.*==", text, re.MULTILINE)) > 0
        assert not re.search(r"https?://|file://|index-url", text.replace("--no-emit-index-url", ""))


def test_the_image_runs_what_the_tests_ran() -> None:
    assert pins(IMAGE).items() <= pins(EVERYTHING).items()


def test_what_is_installed_is_what_is_locked() -> None:
    listed = subprocess.run(
        [ROOT / ".venv" / "bin" / "python", "-m", "pip", "list", "--format=freeze"],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    installed = {
        canonicalize_name(name): version
        for name, _, version in (line.partition("==") for line in listed.splitlines())
    }
    locked = pins(EVERYTHING)
    different = {
        name: (installed[name], locked[name])
        for name in installed.keys() & locked.keys()
        if installed[name] != locked[name]
    }
    assert not different


def test_the_workflow_runs_what_a_person_runs() -> None:
    job = load(".github/workflows/ci.yml")["jobs"]["test"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[1:] == ["${{ matrix.command }}"]
    per_distribution = {run["container"]: run["command"] for run in job["strategy"]["matrix"]["include"]}
    assert per_distribution == {"debian:12": ".ci/run", "ubuntu:24.04": "make test"}
    assert commands[0].startswith("apt-get update && apt-get install ")
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_every_action_is_pinned_to_a_commit() -> None:
    workflows = list((ROOT / ".github" / "workflows").glob("*.yml"))
    assert workflows
    for workflow in workflows:
        for job in yaml.safe_load(workflow.read_text())["jobs"].values():
            used = [step["uses"] for step in job["steps"] if "uses" in step]
            assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action) for action in used)


def test_the_update_bot_looks_at_all_that_is_pinned() -> None:
    watched = {update["package-ecosystem"] for update in load(".github/dependabot.yml")["updates"]}
    assert watched == {"pip", "npm", "docker", "github-actions"}


def test_the_hooks_are_valid_and_call_the_pinned_tools() -> None:
    subprocess.run(
        [ROOT / ".venv" / "bin" / "pre-commit", "validate-config", ".pre-commit-config.yaml"],
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    (repository,) = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    for hook in repository["hooks"]:
        tool = ROOT / hook["entry"].split()[0]
        assert tool.is_relative_to(ROOT / ".venv" / "bin"), hook["id"]
        assert tool.exists(), hook["id"]


def test_the_change_log_begins_with_the_version_of_the_project() -> None:
    versions = re.findall(r"^## \[(.+?)\] - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    newest, released = versions[0]
    assert newest == PROJECT["version"] == __version__
    assert re.fullmatch(r"Unreleased|\d{4}-\d\d-\d\d", released)


def test_every_migration_begins_with_why() -> None:
    migrations = sorted((ROOT / "supabase" / "migrations").glob("*.sql"))
    assert migrations
    for path in migrations:
        first = path.read_text().splitlines()[0]
        assert re.match(r"-- \w", first), path.name
        assert first != PLACEHOLDER, f"{path.name}: `make migration` left this line for you"


def test_no_link_of_a_page_leads_nowhere() -> None:
    pages = [
        page
        for folder in (".", "functions_py/docs", "sql", "worker")
        for page in (ROOT / folder).glob("*.md")
    ]
    links = 0
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            aim = (page.parent / path) if path else page
            assert aim.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(aim), f"{page.name}: {target}"
            links += 1
    assert links


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
