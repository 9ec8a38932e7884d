"""Who is in the matrix, and what belongs to whom.

Ann owns what is tried, Bob owns the same of his own; the others own nothing. Every table that a client may
read has rows of both, so a cell that says `own` has something to hide.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt

from tests.support.database import connect
from tests.support.people import anonymous_client, sign_up

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.support.database import Connection
    from tests.support.people import Person

PRICE_OF_EVERYTHING = 5000
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)
STORED = {"size_bytes": len(PNG), "sha256": "ab" * 32, "width": 1280, "height": 720, "duration_seconds": 8.0}


@dataclass(frozen=True)
class Identity:
    """Somebody who tries: a database role, his token's claims, and the token where he comes by HTTP."""

    name: str
    role: str
    claims: dict[str, Any] | None
    token: str | None = None

    @property
    def user_id(self) -> UUID | None:
        subject = (self.claims or {}).get("sub")
        return UUID(subject) if subject else None


@dataclass(frozen=True)
class Cast:
    """All identities, and Ann's things by the names that RPCs give them."""

    identities: tuple[Identity, ...]
    things: dict[str, str] = field(default_factory=dict)
    """Argument name -> a value that is Ann's, as SQL text."""

    def __getitem__(self, name: str) -> Identity:
        return next(identity for identity in self.identities if identity.name == name)


async def assemble(stack: Stack) -> Cast:
    """Signs everybody up and gives Ann and Bob rows in every table that clients can read."""
    ann, bob = await sign_up(stack, name="ann"), await sign_up(stack, name="bob")
    chief = await sign_up(stack, admin=True, name="chief")
    visitor = await (await anonymous_client(stack)).auth.sign_in_anonymously()
    if visitor.session is None:
        raise AssertionError("nobody could sign in anonymously")
    identities = (
        Identity("anon", "anon", {"role": "anon"}, stack.env["PUBLISHABLE_KEY"]),
        _person("Ann", ann.access_token),
        _person("Bob", bob.access_token),
        _person("anonymous", visitor.session.access_token),
        _person("admin", chief.access_token),
        Identity("service_role", "service_role", {"role": "service_role"}, stack.env["SECRET_KEY"]),
        Identity("video_worker", "video_worker", None),
        Identity("no grants", "nobody_in_particular", {"role": "nobody_in_particular"}),
    )
    async with connect(stack) as database:
        things = await _furnish(database, stack, ann, identities[1])
        await _furnish(database, stack, bob, identities[2])
    return Cast(identities, things)


def _person(name: str, token: str) -> Identity:
    claims = jwt.decode(token, options={"verify_signature": False})
    return Identity(name, "authenticated", claims, token)


async def _furnish(database: Connection, stack: Stack, person: Person, identity: Identity) -> dict[str, str]:
    """A row of this person in every table that clients can read; his things by name."""
    user = str(person.id)
    await _call(database, "public.admin_grant_credits(%s, %s, 'matrix')", user, PRICE_OF_EVERYTHING)
    image_path = f"{user}/first.png"
    uploaded = await person.client.storage.from_("reference-images").upload(
        image_path, PNG, {"content-type": "image/png"}
    )
    assert uploaded.path == image_path
    task_id = await _completed_video(database, identity)
    pending = await _as(database, identity, "public.generate_video('one that waits')")
    assert pending["status"] == "pending"
    image = await (
        await database.execute(
            "insert into public.image_generation_history (user_id, prompt, bucket, path)"
            " values (%s, 'a picture', 'reference-images', %s) returning id",
            (user, image_path),
        )
    ).fetchone()
    assert image is not None
    return {"user_id": user, "task_id": task_id, "image_id": str(image["id"]), "path": image_path}


async def _completed_video(database: Connection, identity: Identity) -> str:
    task_id = (await _as(database, identity, "public.generate_video('a finished one')"))["task_id"]
    lease = await _claim(database, task_id)
    await _call(database, "worker_api.begin_submit(%s, %s)", task_id, lease)
    await _call(database, "worker_api.record_operation(%s, 1, %s)", task_id, f"operations/{task_id}")
    lease = await _claim(database, task_id)
    made = '{"google_video_url": "gs://clips/1.mp4"}'
    await _call(database, "worker_api.record_poll(%s, %s, 'succeeded', %s)", task_id, lease, made)
    lease = await _claim(database, task_id)
    await _call(database, "worker_api.begin_transfer(%s, %s)", task_id, lease)
    await database.execute(
        "insert into storage.objects (bucket_id, name, metadata)"
        " values ('videos', %s, jsonb_build_object('size', %s::bigint))",
        (f"{identity.user_id}/{task_id}.mp4", len(PNG)),
    )
    completed = await _call(
        database, "worker_api.complete_video(%s, %s, %s)", task_id, lease, json.dumps(STORED)
    )
    assert completed["result"] == "applied", completed
    return str(task_id)


async def _claim(database: Connection, task_id: str) -> str:
    await database.execute(
        "update private.video_jobs set due_at = '-infinity' where task_id = %s", (task_id,)
    )
    row = await (
        await database.execute(
            "select c ->> 'lease_token' as lease from worker_api.claim_jobs('matrix', 50, 50, 50) as c"
            " where c ->> 'task_id' = %s",
            (task_id,),
        )
    ).fetchone()
    assert row is not None
    return str(row["lease"])


async def _as(database: Connection, identity: Identity, call: str) -> Any:
    async with database.transaction():
        await database.execute(
            "select set_config('request.jwt.claims', %s, true), set_config('role', %s, true)",
            (json.dumps(identity.claims), identity.role),
        )
        return await _call(database, call)


async def _call(database: Connection, call: str, *arguments: object) -> Any:
    row = await (await database.execute(f"select {call} as answer".encode(), arguments)).fetchone()
    assert row is not None
    return row["answer"]
