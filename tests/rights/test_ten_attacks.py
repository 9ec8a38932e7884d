"""The ten holes that Supabase projects most often have, each attacked over HTTP as its attacker would.

What the catalogue can prove is proven in `supabase/tests/rights`; here somebody really tries, and afterwards
nothing may have changed.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest
import pytest_asyncio

from functions_py.local.tools import ROOT
from tests.rights.cast import PNG, assemble
from tests.support.database import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from functions_py.local.stack import Stack
    from tests.rights.cast import Cast
    from tests.support.database import Connection

_RELATIONS = """
    select
        c.relname as name,
        c.relkind = 'v' as is_view,
        array_agg(a.attname::text order by a.attnum) as columns,
        array_agg(a.attname::text order by a.attnum) filter (
            where has_column_privilege('authenticated', c.oid, a.attnum, 'select')
        ) as readable,
        array_agg(a.attname::text order by a.attnum) filter (
            where has_column_privilege('authenticated', c.oid, a.attnum, 'update')
        ) as writable
    from pg_class as c
    inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v')
    group by c.oid
    order by c.relname
"""


@dataclass(frozen=True, eq=False)
class Scene:
    """Ann, whose things are attacked, and whoever attacks."""

    stack: Stack
    cast: Cast
    database: Connection
    relations: list[dict[str, Any]]

    @contextlib.contextmanager
    def attacker(self, name: str, token: str | None = None) -> Iterator[httpx.Client]:
        """HTTP as this identity, or with another token."""
        key = self.stack.env["PUBLISHABLE_KEY"]
        bearer = token or self.cast[name].token
        headers = {"apikey": key, "Authorization": f"Bearer {bearer}"}
        with httpx.Client(
            base_url=self.stack.env["API_URL"], headers=headers, trust_env=False, timeout=30
        ) as http:
            yield http

    @property
    def ann(self) -> str:
        return self.cast.things["user_id"]

    async def state(self) -> dict[str, str]:
        """A digest of every table of ours and of all files."""
        query = """
            select c.oid::regclass::text as name from pg_class as c
            where c.relkind = 'r' and (
                c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
                or c.oid = 'storage.objects'::regclass
            )
        """
        tables = [row["name"] for row in await self.rows(query)]
        # Heartbeats and rate limits are there to be written.
        return {
            name: (
                await self.rows(
                    f"select md5(string_agg(t::text, ';' order by t::text)) as d from {name} as t"
                )
            )[0]["d"]
            for name in tables
            if name not in {"private.worker_heartbeats"}
        }

    async def rows(self, query: str) -> list[dict[str, Any]]:
        return await (await self.database.execute(query.encode())).fetchall()


def _tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True, timeout=30
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest_asyncio.fixture(scope="session")
async def scene(still_stack: Stack) -> AsyncIterator[Scene]:
    cast = await assemble(still_stack)
    async with connect(still_stack, "supabase_admin") as database:
        relations = await (await database.execute(_RELATIONS.encode())).fetchall()
        yield Scene(still_stack, cast, database, relations)


async def test_1_a_table_without_row_level_security_or_with_a_stray_grant(scene: Scene) -> None:
    before = await scene.state()
    with scene.attacker("anon") as http:
        for relation in scene.relations:
            path = f"/rest/v1/{relation['name']}"
            assert http.get(path).status_code == 401, relation["name"]
            assert http.post(path, json={}).status_code == 401, relation["name"]
            assert http.delete(path, params={relation["columns"][0]: "not.is.null"}).status_code == 401
    assert await scene.state() == before


async def test_2_a_policy_that_is_always_true(scene: Scene) -> None:
    looked_at = 0
    for name in ("Bob", "anonymous", "admin"):
        with scene.attacker(name) as http:
            for relation in scene.relations:
                if "user_id" in (relation["readable"] or ()):
                    answer = http.get(
                        f"/rest/v1/{relation['name']}",
                        params={"user_id": f"eq.{scene.ann}", "select": "user_id"},
                    )
                    assert (answer.status_code, answer.json()) == (200, []), relation["name"]
                    looked_at += 1
    assert looked_at >= 12


@pytest.mark.parametrize("attacker", ["anon", "Bob"])
async def test_3_a_policy_that_covers_only_some_operations(scene: Scene, attacker: str) -> None:
    before = await scene.state()
    with scene.attacker(attacker) as http:
        for relation in scene.relations:
            path = f"/rest/v1/{relation['name']}"
            owner = next((c for c in ("user_id", "id", "account_id") if c in relation["columns"]), None)
            of_ann = {owner: f"eq.{scene.ann}"} if owner else {relation["columns"][0]: "not.is.null"}
            for column in relation["columns"]:
                changed = http.patch(path, params=of_ann, json={column: None})
                # A column of his own that a user may write: the filter finds no row of Ann's.
                assert changed.status_code >= 400 or column in (relation["writable"] or ()), (path, column)
            assert http.delete(path, params=of_ann).status_code >= 400, path
            assert http.post(path, json={owner or "id": scene.ann}).status_code >= 400, path
    assert await scene.state() == before


async def test_4_mass_assignment_of_what_the_server_owns(scene: Scene) -> None:
    before = await scene.state()
    tried = 0
    with scene.attacker("Ann") as http:
        for relation in scene.relations:
            path = f"/rest/v1/{relation['name']}"
            for column in set(relation["columns"]) - set(relation["writable"] or ()):
                filters = {relation["columns"][0]: "not.is.null"}
                assert http.patch(path, params=filters, json={column: None}).status_code >= 400, (
                    path,
                    column,
                )
                upsert = {"Prefer": "resolution=merge-duplicates"}
                row = {"id": scene.ann, column: None}
                assert http.post(path, json=row, headers=upsert).status_code >= 400, (path, column)
                tried += 1
    assert tried >= 100
    assert await scene.state() == before


async def test_5_a_definer_function_that_trusts_an_id(scene: Scene) -> None:
    functions = await scene.rows(
        "select p.proname as name, p.proargnames[:p.pronargs] as arguments from pg_proc as p"
        " where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'"
        " and has_function_privilege('authenticated', p.oid, 'execute')"
    )
    with scene.attacker("Bob") as http:
        for function in functions:
            given = {
                name: scene.cast.things[name]
                for name in function["arguments"] or ()
                if name in scene.cast.things
            }
            if not {"task_id", "image_id", "user_id"} & given.keys():
                continue
            before = await scene.state()
            answer = http.post(f"/rest/v1/rpc/{function['name']}", json=given)
            assert answer.status_code >= 400, (function["name"], answer.text)
            assert scene.ann not in answer.text, function["name"]
            assert await scene.state() == before, function["name"]


async def test_6_a_view_or_a_count_that_sees_more_than_its_reader(scene: Scene) -> None:
    with scene.attacker("Bob") as http:
        for relation in scene.relations:
            if "user_id" not in (relation["readable"] or ()):
                continue
            counted = http.head(
                f"/rest/v1/{relation['name']}?select=user_id", headers={"Prefer": "count=exact"}
            )
            own = await scene.rows(
                f"select count(*) as n from public.{relation['name']}"
                f" where user_id = '{scene.cast['Bob'].user_id}'"
            )
            total = await scene.rows(f"select count(*) as n from public.{relation['name']}")
            assert counted.headers["content-range"].endswith(f"/{own[0]['n']}"), relation["name"]
            assert own[0]["n"] < total[0]["n"], relation["name"]


async def test_7_a_path_that_leaves_the_own_folder(scene: Scene) -> None:
    bob = scene.cast["Bob"].user_id
    before = await scene.state()
    with scene.attacker("Bob") as http:
        for path in (
            f"{scene.ann}/x.png",
            f"{bob}/../{scene.ann}/x.png",
            f"{bob}%2F..%2F{scene.ann}%2Fx.png",
            f"{bob}//x.png",
            f"{bob}/deeper/x.png",
            f"{bob}/..",
            "x.png",
        ):
            # As it is, without the client tidying the path up.
            url = httpx.URL(scene.stack.env["API_URL"]).copy_with(
                raw_path=f"/storage/v1/object/reference-images/{path}".encode()
            )
            answer = http.post(url, content=PNG, headers={"content-type": "image/png"})
            assert not answer.is_success, path
        for kind in ("text/html", "image/svg+xml", "application/octet-stream"):
            answer = http.post(
                f"/storage/v1/object/reference-images/{bob}/page.png",
                content=b"<script>",
                headers={"content-type": kind},
            )
            assert not answer.is_success, kind
    assert await scene.state() == before


async def test_8_a_secret_or_a_hidden_schema_within_reach(scene: Scene) -> None:
    # The form of real keys; the short ones in tests and docs are examples.
    secret = re.compile(
        rb"sb_secret_[A-Za-z0-9_-]{20,}|-----BEGIN [A-Z ]*PRIVATE KEY|AIza[0-9A-Za-z_-]{35}"
        rb"|creem_[A-Za-z0-9]{20,}|whsec_[A-Za-z0-9+/]{40,}"
    )
    assert [name for name in _tracked_files() if secret.search((ROOT / name).read_bytes())] == []
    for name in ("anon", "Bob", "admin"):
        with scene.attacker(name) as http:
            for schema in ("private", "worker_api", "vault", "net", "cron", "auth", "storage", "tests"):
                answer = http.get("/rest/v1/video_jobs", headers={"Accept-Profile": schema})
                assert (answer.status_code, answer.json()["code"]) == (406, "PGRST106"), schema


async def test_9_a_change_feed_or_broadcast_that_others_can_hear(scene: Scene) -> None:
    assert await scene.rows("select * from pg_publication_tables where schemaname <> 'storage'") == []
    # The last argument of realtime.send says whether the topic is private.
    loud = await scene.rows(
        "select p.oid::regprocedure::text as name from pg_proc as p"
        " where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)"
        r" and p.prosrc ~* 'realtime\.(send|broadcast_changes)\s*\(' and p.prosrc ~* ',\s*false\s*\)'"
    )
    assert loud == []


async def test_10_an_identity_that_is_only_claimed(scene: Scene) -> None:
    ann = scene.cast["Ann"].claims or {}
    bob = scene.cast["Bob"].token or ""
    without_signature = (scene.cast["Ann"].token or "").rpartition(".")[0]
    forged = {
        "nothing signed it": jwt.encode(ann, "", "none"),
        "signed by a guess": jwt.encode(
            ann, "super-secret-jwt-token-with-at-least-32-characters-long", "HS256"
        ),
        "its signature is Bob's": f"{without_signature}.{bob.rpartition('.')[2]}",
        "Ann is in its metadata": jwt.encode(
            {"user_metadata": {"sub": scene.ann}, "role": "authenticated"}, "x" * 40, "HS256"
        ),
    }
    before = await scene.state()
    for why, token in forged.items():
        with scene.attacker("Ann", token) as http:
            assert http.get("/rest/v1/videos").status_code == 401, why
            assert http.post("/rest/v1/rpc/get_credits", json={}).status_code == 401, why
            assert not http.get(
                f"/storage/v1/object/authenticated/reference-images/{scene.ann}/first.png"
            ).is_success
    with scene.attacker("Bob") as http:
        promoted = http.put("/auth/v1/user", json={"data": {"role": "admin", "sub": scene.ann}})
        assert promoted.is_success
        refused = http.post(
            "/rest/v1/rpc/admin_grant_credits",
            json={"user_id": str(scene.cast["Bob"].user_id), "amount": 1, "reason": "me"},
        )
        assert (refused.status_code, refused.json()["code"]) == (403, "not_admin")
    with scene.attacker("admin") as http:
        stolen = http.post(
            "/rest/v1/rpc/admin_grant_credits", json={"user_id": scene.ann, "amount": -1, "reason": "take"}
        )
        assert (stolen.status_code, stolen.json()["code"]) == (422, "invalid_parameter")
    assert await scene.state() == before
