"""What each process of the stack is told: its command, its environment, and how to see that it is ready.

Nothing of the caller's environment reaches a service except a few names that say where programs and temporary
files are: a developer's own GOOGLE_* or proxy settings must not decide what a local stack does.
"""

from __future__ import annotations

import os
import sys
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions_py.local.google.api_key import ApiKey
from functions_py.local.ports import HOST, PortReservations
from functions_py.local.tools import ROOT, postgrest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from functions_py.local.cluster import Cluster
    from functions_py.local.secrets import Secrets

PYTHON_SERVICES = {
    "platform": "functions_py.local.platform",
    "google": "functions_py.local.google",
    "worker": "worker",
    "functions": "functions_py",
    "creem": "functions_py.local.creem",
}
_INHERITED = ("PATH", "TMPDIR", "LANG", "LC_ALL", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")


@dataclass(frozen=True)
class Service:
    """One process."""

    name: str
    command: tuple[str | Path, ...]
    env: Mapping[str, str]
    ready_url: str
    """Answers once the service can be used."""
    ready_status: int | None
    """The status that means ready; None if any answer does."""


@dataclass(frozen=True)
class Layout:
    """Where everything of one stack is: its files, its ports, its secrets."""

    state_dir: Path
    ports: PortReservations
    secrets: Secrets
    cluster: Cluster

    def url(self, service: str) -> str:
        """Base URL of a service, without a trailing slash."""
        return f"http://{HOST}:{self.ports.port(service)}"

    def public_env(self) -> dict[str, str]:
        """What `make env` prints: enough for any client, and no more."""
        return {
            "API_URL": self.url("platform"),
            "DB_URL": self.cluster.url("postgres"),
            "PUBLISHABLE_KEY": self.secrets.publishable_key,
            "SECRET_KEY": self.secrets.secret_key,
            "ANON_KEY": self.secrets.anon_key,
            "SERVICE_ROLE_KEY": self.secrets.service_role_key,
            "JWT_SECRET": self.secrets.jwt_secret,
            "WORKER_URL": self.url("worker"),
            "WORKER_TOKEN": self.secrets.worker_token,
            "FUNCTIONS_URL": self.url("functions"),
            "GOOGLE_EMULATOR_URL": self.url("google"),
            "CREEM_STANDIN_URL": self.url("creem"),
        }

    def worker_env(self) -> dict[str, str]:
        """The worker's documented settings, and nothing that only a local worker would know."""
        return {
            "DATABASE_URL": self.cluster.url("video_worker"),
            "SUPABASE_URL": self.url("platform"),
            "SUPABASE_SECRET_KEY": self.secrets.secret_key,
            "WORKER_TOKEN": self.secrets.worker_token,
            "WORKER_HOST": HOST,
            "WORKER_PORT": str(self.ports.port("worker")),
            **self._google_client_env(),
            "STORAGE_EMULATOR_HOST": self.url("google"),
            "VIDEO_OUTPUT_GCS_URI": "gs://reelbase-local/videos",
            "GOOGLE_AI_API_KEY": ApiKey.prepare(self.state_dir / "google-api-key").key,
            "GOOGLE_GEMINI_BASE_URL": self.url("google"),
            "LOG_LEVEL": "info",
            "LOG_FORMAT": "json",
        }

    def functions_env(self) -> dict[str, str]:
        """The documented settings of the HTTP functions, as on any machine."""
        return {
            "SUPABASE_URL": self.url("platform"),
            "SUPABASE_PUBLISHABLE_KEY": self.secrets.publishable_key,
            "SUPABASE_SECRET_KEY": self.secrets.secret_key,
            "SUPABASE_JWT_SECRET": self.secrets.jwt_secret,
            "FUNCTIONS_HOST": HOST,
            "FUNCTIONS_PORT": str(self.ports.port("functions")),
            **self._google_client_env(),
            **self.creem_client_env(),
            "CREEM_WEBHOOK_SECRET": self.secrets.creem_webhook_secret,
            # A test that wants to compare says when.
            "CREEM_RECONCILE_SECONDS": "0",
            "LOG_LEVEL": "info",
            "LOG_FORMAT": "json",
        }

    def creem_client_env(self) -> dict[str, str]:
        """How a client of Creem's reaches the stand-in."""
        return {
            "CREEM_API_URL": self.url("creem"),
            "CREEM_API_KEY": self.secrets.creem_api_key,
            "CREEM_MODE": "test",
        }

    def _creem_env(self) -> dict[str, str]:
        return {
            "LOCAL_PORT": str(self.ports.port("creem")),
            "LOCAL_CREEM_API_KEY": self.secrets.creem_api_key,
            "LOCAL_CREEM_WEBHOOK_SECRET": self.secrets.creem_webhook_secret,
            "LOCAL_CREEM_WEBHOOK_URL": f"{self.url('functions')}/webhooks/creem",
        }

    def _google_client_env(self) -> dict[str, str]:
        """How a client of Google's reaches the emulator."""
        return {
            "GOOGLE_CLOUD_PROJECT": "reelbase-local",
            "GOOGLE_CLOUD_LOCATION": "us-central1",
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.state_dir / "google-service-account.json"),
            "GOOGLE_VERTEX_BASE_URL": self.url("google"),
        }

    def service(self, name: str) -> Service:
        """The definition of every service but Postgres, which cluster.py runs."""
        if name == "postgrest":
            return self._postgrest()
        url = self.url(name)
        ready_url, ready_status, own = {
            "platform": (f"{url}/healthz", 200, self._platform_env),
            "google": (f"{url}/_emulator/requests", None, self._google_env),
            "creem": (f"{url}/_creem/events", 200, self._creem_env),
            "worker": (f"{url}/readyz", 200, self.worker_env),
            "functions": (f"{url}/readyz", 200, self.functions_env),
        }[name]
        return Service(
            name=name,
            command=(sys.executable, "-m", PYTHON_SERVICES[name]),
            env=inherited_env() | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)} | own(),
            ready_url=ready_url,
            ready_status=ready_status,
        )

    def _postgrest(self) -> Service:
        api = tomllib.loads((ROOT / "supabase" / "config.toml").read_text())["api"]
        # Schema graphql_public comes with an extension that Debian does not package.
        schemas = [name for name in api["schemas"] if name != "graphql_public"]
        admin_port = self.ports.port("postgrest-admin")
        return Service(
            name="postgrest",
            command=(postgrest(),),
            env={
                "PGRST_DB_URI": self.cluster.url("authenticator"),
                "PGRST_DB_SCHEMAS": ",".join(schemas),
                "PGRST_DB_EXTRA_SEARCH_PATH": ",".join(api["extra_search_path"]),
                "PGRST_DB_MAX_ROWS": str(api["max_rows"]),
                "PGRST_DB_ANON_ROLE": "anon",
                "PGRST_JWT_SECRET": f"@{self.state_dir / 'jwks.json'}",
                "PGRST_SERVER_HOST": HOST,
                "PGRST_SERVER_PORT": str(self.ports.port("postgrest")),
                "PGRST_ADMIN_SERVER_PORT": str(admin_port),
                "PGRST_LOG_LEVEL": "warn",
            },
            ready_url=f"http://{HOST}:{admin_port}/ready",
            ready_status=200,
        )

    def _platform_env(self) -> dict[str, str]:
        return {
            "LOCAL_PORT": str(self.ports.port("platform")),
            "LOCAL_STATE_DIR": str(self.state_dir),
            "LOCAL_POSTGREST_URL": self.url("postgrest"),
            "LOCAL_DB_HOST": HOST,
            "LOCAL_DB_PORT": str(self.cluster.port),
            "LOCAL_DB_PASSWORD": self.secrets.db_password,
            "JWT_SECRET": self.secrets.jwt_secret,
            "LOCAL_SIGNING_KEY_FILE": str(self.state_dir / "signing-key.json"),
            "LOCAL_PUBLISHABLE_KEY": self.secrets.publishable_key,
            "LOCAL_SECRET_KEY": self.secrets.secret_key,
            "ANON_KEY": self.secrets.anon_key,
            "SERVICE_ROLE_KEY": self.secrets.service_role_key,
            "LOCAL_AUTH_AUTOCONFIRM": "true",
            "LOCAL_ANONYMOUS_SIGN_INS": "true",
            # Tests sign up many users; nobody attacks the passwords of a stack that is thrown away.
            "LOCAL_BCRYPT_COST": "10" if self.cluster.durable else "4",
        }

    def _google_env(self) -> dict[str, str]:
        return {"LOCAL_PORT": str(self.ports.port("google")), "LOCAL_STATE_DIR": str(self.state_dir)}


def inherited_env() -> dict[str, str]:
    """The part of the caller's environment that a child may see."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        "HOME": os.environ.get("HOME", "/")
    }
