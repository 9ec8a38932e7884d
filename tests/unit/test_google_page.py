"""The page on Google: its commands are well-formed, and `worker check` names the same ones."""

from __future__ import annotations

import json
import re
import shlex
import subprocess

import pytest

from functions_py.local.tools import ROOT
from tests.support.worked_examples import blocks
from worker import mends
from worker.providers.gemini import check as gemini_check
from worker.providers.vertex.grants import (
    API,
    BUCKET_PERMISSIONS,
    BUCKET_ROLE,
    MODEL_PERMISSION,
    MODEL_ROLE,
    Grants,
)

PAGE = (ROOT / "functions_py" / "docs" / "google.md").read_text()
SCRIPTS = [block.text for block in blocks(PAGE) if block.language == "sh"]
COMMANDS = [line for script in SCRIPTS for line in script.splitlines() if line.startswith("gcloud ")]
GRANTS = Grants("$GOOGLE_CLOUD_PROJECT", "serviceAccount:$ACCOUNT", "$BUCKET", "$GOOGLE_CLOUD_LOCATION")
# What stands between gcloud and its arguments, and the flags each must have.
KNOWN = {
    "auth login": set(),
    "projects create": set(),
    "billing projects link": {"billing-account"},
    "services enable": {"project"},
    "iam service-accounts create": {"project"},
    "iam service-accounts keys create": {"iam-account", "project"},
    "iam service-accounts add-iam-policy-binding": {"member", "role", "project"},
    "projects add-iam-policy-binding": {"member", "role", "condition"},
    "storage buckets create": {
        "project",
        "location",
        "uniform-bucket-level-access",
        "public-access-prevention",
        "soft-delete-duration",
    },
    "storage buckets add-iam-policy-binding": {"member", "role"},
    "storage buckets update": {"lifecycle-file"},
    "services api-keys create": {"display-name", "api-target", "project"},
    "beta quotas info list": {"service", "project"},
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_has_the_flags_it_needs_and_no_other(command: str) -> None:
    words = shlex.split(command)[1:]
    flags = {word.removeprefix("--").partition("=")[0] for word in words if word.startswith("--")}
    path = " ".join(words)
    (known,) = [name for name in KNOWN if path.startswith(name + " ") or path == name]
    assert flags == KNOWN[known]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_one_that_a_shell_reads(script: str) -> None:
    subprocess.run(["/bin/sh", "-n", "-c", script], check=True, capture_output=True, timeout=10)
    for variable in re.findall(r"\$(\w+)", script):
        assert variable.isupper()


@pytest.mark.parametrize(
    "command",
    [
        GRANTS.enable_api,
        GRANTS.use_models,
        GRANTS.create_bucket,
        GRANTS.use_bucket,
        GRANTS.create_key,
        GRANTS.show_quota,
        gemini_check.ENABLE_API,
        gemini_check.CREATE_KEY,
    ],
)
def test_the_check_and_the_page_name_the_same_command(command: str) -> None:
    assert command in COMMANDS


def test_the_check_and_the_page_name_the_same_roles_and_permissions() -> None:
    roles = set(re.findall(r"roles/[\w.]+", PAGE)) - {"roles/iam.workloadIdentityUser"}
    assert roles == {MODEL_ROLE, BUCKET_ROLE}
    permissions = set(re.findall(r"`((?:aiplatform|storage)\.\w+\.\w+)`", PAGE)) - {API}
    assert permissions == {MODEL_PERMISSION, *BUCKET_PERMISSIONS}


def test_the_model_is_put_on_sale_as_the_check_says() -> None:
    assert any(mends.sell("gemini-omni") in script for script in SCRIPTS)


def test_the_lifecycle_rule_outlives_the_wait_for_a_clip() -> None:
    (rule,) = re.findall(r"^\{.*\}$", PAGE, re.MULTILINE)
    (only,) = json.loads(rule)["rule"]
    assert only == {"action": {"type": "Delete"}, "condition": {"age": 3}}
