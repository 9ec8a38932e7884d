"""Storage over plain HTTP, callers of every kind, and the policies that decide what they may.

The tests of Storage have a platform of their own without Reelbase's objects: what is recorded was recorded
on an empty project, and their policies and triggers must be nobody else's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt
import psycopg

if TYPE_CHECKING:
    import httpx

    from functions_py.local.stack import Stack

OWNER = "11111111-1111-1111-1111-111111111111"
STRANGER = "22222222-2222-2222-2222-222222222222"

OWN_FOLDER = "bucket_id = 'docs' and (storage.foldername(name))[1] = (select auth.uid()::text)"


@dataclass(frozen=True)
class StorageApi:
    """Storage of one running stack."""

    stack: Stack
    http: httpx.Client

    @property
    def url(self) -> str:
        """Address of the API, as the gateway shows it."""
        return f"{self.stack.env['API_URL']}/storage/v1"

    def authorization(self, caller: str) -> dict[str, str]:
        """The header of `service`, `anon`, `owner`, `stranger`, a user id, `expired` or `garbage`."""
        if caller == "garbage":
            return {"authorization": "Bearer garbage"}
        now = int(time.time())
        subjects = {"owner": OWNER, "expired": OWNER, "stranger": STRANGER}
        if caller in ("service", "anon"):
            claims: dict[str, object] = {"role": "service_role" if caller == "service" else "anon"}
        else:
            claims = {"role": "authenticated", "aud": "authenticated", "sub": subjects.get(caller, caller)}
        claims["exp"] = now - 60 if caller == "expired" else now + 3600
        token = jwt.encode(claims, self.stack.env["JWT_SECRET"], algorithm="HS256")
        return {"authorization": f"Bearer {token}"}

    def send(
        self,
        method: str,
        path: str,
        caller: str | None = "service",
        *,
        content: bytes | str | None = None,
        json: object = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One request below `/storage/v1`."""
        sent = (headers or {}) | (self.authorization(caller) if caller is not None else {})
        return self.http.request(method, self.url + path, content=content, json=json, headers=sent)

    def execute(self, statements: str, role: str = "postgres") -> None:
        """Run SQL in one transaction; as role postgres, which is what a project's migrations run as."""
        with psycopg.connect(self.stack.db_url(role)) as connection:
            connection.execute(statements.encode())

    def allow(self, *operations: str, condition: str = OWN_FOLDER) -> None:
        """Let signed-in users do this to objects, and nothing else; replaces what an earlier call allowed."""
        drops = [
            f"drop policy if exists storage_test_{operation} on storage.objects;"
            for operation in ("insert", "select", "update", "delete")
        ]
        creates = []
        for operation in operations:
            clause = "with check" if operation == "insert" else "using"
            creates.append(
                f"create policy storage_test_{operation} on storage.objects for {operation} to authenticated "
                f"{clause} ({condition});"
            )
        self.execute("\n".join(drops + creates))
