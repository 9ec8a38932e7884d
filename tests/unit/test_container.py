"""The files that a container is made and started from: valid, and in agreement with the worker's settings."""

from __future__ import annotations

import ast
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import TypeAdapter

from functions_py.local.bootstrap import cli_env
from functions_py.local.tools import ROOT, supabase_cli
from functions_py.settings import Settings as FunctionsSettings
from worker.clock import Alarm
from worker.http import create_app
from worker.metrics import Metrics
from worker.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_settings import BaseSettings

DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
COMPOSE = SERVICES["worker"]
DEPLOY = (ROOT / "functions_py" / "docs" / "deploy.md").read_text()
POD = yaml.safe_load(re.findall(r"```yaml\n(.+?)```", DEPLOY, re.DOTALL)[0])["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]

# What a drain may take beyond the paid calls: cancelled jobs (10 s), the HTTP server, giving leases back.
BEYOND_THE_DRAIN = 15.0


def default(name: str) -> Any:
    return Settings.model_fields[name].default


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / ".venv" / "bin" / command[0], *command[1:]],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_dockerfile_is_clean() -> None:
    linted = run("hadolint", "Dockerfile")
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("compose-spec", "compose.yaml"),
        ("github-workflows", ".github/workflows/ci.yml"),
        ("dependabot", ".github/dependabot.yml"),
    ],
)
def test_a_configuration_file_fits_the_schema_of_its_reader(schema: str, file: str) -> None:
    checked = run("check-jsonschema", "--builtin-schema", f"vendor.{schema}", file)
    assert checked.returncode == 0, checked.stdout


def test_every_image_is_named_by_release_and_nothing_runs_as_root() -> None:
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) - {"base"}
    assert all(re.fullmatch(r"\w+:\d+\.\d+\.\d+-[\w-]+", base) for base in bases), bases
    (user,) = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert POD["securityContext"]["runAsNonRoot"] is True


def test_what_is_copied_into_the_image_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.MULTILINE)
    assert "*" in ignored
    assert {line[1:] for line in ignored if line.startswith("!")} == set(copied)
    assert all((ROOT / path).exists() for path in copied)


def imports(folder: str) -> set[str]:
    """The modules that the files of a folder import, those of its subfolder `local` apart."""
    found = set()
    for file in (ROOT / folder).rglob("*.py"):
        if "local" in file.relative_to(ROOT).parts:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
    return found


def test_worker_and_functions_stand_alone_and_need_nothing_that_the_image_lacks() -> None:
    assert not {name for name in imports("worker") if name.split(".")[0] == "functions_py"}
    assert not {
        name
        for name in imports("functions_py")
        if name.split(".")[0] == "worker" or name.startswith("functions_py.local")
    }


def test_whoever_stops_a_container_waits_until_it_has_drained() -> None:
    needed = default("worker_drain_seconds") + BEYOND_THE_DRAIN
    compose = re.sub(r"(\d+)m", lambda found: f"{int(found[1]) * 60}", COMPOSE["stop_grace_period"])
    assert float(compose) >= needed
    assert POD["terminationGracePeriodSeconds"] >= needed
    (stop_timeout,) = re.findall(r"--stop-timeout (\d+)", DEPLOY)
    assert float(stop_timeout) >= needed


def test_probes_ask_for_paths_and_ports_that_the_worker_has() -> None:
    async def no_problems() -> list[str]:
        return []

    app = create_app(token="", alarm=Alarm(), metrics=Metrics(), problems=no_problems)
    paths = {getattr(route, "path", None) for route in app.routes}
    probed = {CONTAINER[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
    assert probed | set(re.findall(r"'GET', '(\S+)'", DOCKERFILE)) <= paths
    port = default("worker_port")
    assert CONTAINER["ports"][0]["containerPort"] == port
    assert f"EXPOSE {port}" in DOCKERFILE
    assert COMPOSE["environment"]["WORKER_PORT"] == str(port)
    # The image's probe finds the HTTP functions too: they run in it by another command.
    assert FunctionsSettings.model_fields["functions_port"].default == port
    assert SERVICES["functions"]["environment"]["FUNCTIONS_PORT"] == str(port)


@pytest.mark.parametrize(("service", "settings"), [("worker", Settings), ("functions", FunctionsSettings)])
def test_compose_sets_only_settings_that_exist(service: str, settings: type[BaseSettings]) -> None:
    assert {name.lower() for name in SERVICES[service]["environment"]} <= set(settings.model_fields)


def test_the_disk_of_the_example_holds_what_may_be_in_transfer() -> None:
    (clips,) = [volume for volume in POD["volumes"] if volume["name"] == "clips"]
    size = TypeAdapter(int).validate_python(clips["emptyDir"]["sizeLimit"].removesuffix("Gi")) * 1024**3
    assert size >= default("worker_transfer_slots") * default("video_max_bytes")


def test_every_command_of_the_page_exists_in_the_pinned_cli(tmp_path: Path) -> None:
    commands = re.findall(r"^npx supabase (.+)$", DEPLOY, re.MULTILINE)
    assert commands
    for command in commands:
        words = command.split()
        names = [word for word in words if not word.startswith(("-", '"'))]
        usage = subprocess.run(
            [supabase_cli(), *names, "--help"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env=cli_env(tmp_path),
        ).stdout
        flags = [word for word in words if word.startswith("-")]
        assert all(re.search(rf"{flag}\b", usage) for flag in flags), f"{command}\n{usage}"
