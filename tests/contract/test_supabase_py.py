"""supabase-py, unchanged, does what the contract says: accounts, keys and files. RPCs and tables: next door.

What its Auth and Storage clients do in detail is in test_auth_*.py and test_storage_client.py; the main job,
with the worker, in tests/stack/test_main_job.py.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import httpx
import pytest
import pytest_asyncio
from postgrest import CountMethod
from storage3.exceptions import StorageApiError
from supabase import AuthApiError, Client, ClientOptions, create_client
from supabase_auth.errors import AuthWeakPasswordError

from tests.contract.auth_http import PASSWORD, address
from tests.contract.rpc import call, refused_by_platform
from tests.support.people import anonymous_client, service_client, sign_up

if TYPE_CHECKING:
    from supabase import AsyncClient

    from functions_py.local.stack import Stack
    from tests.contract.conftest import Clients
    from tests.support.people import Person

PNG = b"\x89PNG\r\n\x1a\n0123456789"


@pytest_asyncio.fixture
async def service(stack: Stack) -> AsyncClient:
    """The server's client."""
    return await service_client(stack)


@pytest_asyncio.fixture
async def person(stack: Stack) -> Person:
    """Somebody signed in."""
    return await sign_up(stack)


@pytest_asyncio.fixture
async def stranger(stack: Stack) -> Person:
    """Somebody else."""
    return await sign_up(stack, name="stranger")


async def test_from_sign_up_to_sign_out(clients: Clients) -> None:
    client = await clients.new()
    email = address()
    signed_up = await client.auth.sign_up(
        {"email": email, "password": PASSWORD, "options": {"data": {"nickname": "Ada"}}}
    )
    assert signed_up.user is not None
    assert signed_up.user.user_metadata["nickname"] == "Ada"
    assert (await call(client, "get_credits"))["balance"] == 0

    before = await client.auth.get_session()
    refreshed = (await client.auth.refresh_session()).session
    assert before is not None
    assert refreshed is not None
    assert refreshed.refresh_token != before.refresh_token
    assert (await call(client, "get_credits"))["balance"] == 0

    await client.auth.sign_out()
    assert await refused_by_platform(client, "get_credits") == "42501"
    with pytest.raises(AuthApiError) as ended:
        await (await clients.new()).auth.refresh_session(refreshed.refresh_token)
    assert str(ended.value.code) == "refresh_token_not_found"

    again = await clients.new()
    await again.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert (await call(again, "get_credits"))["balance"] == 0


async def test_sign_in_errors_have_codes(clients: Clients) -> None:
    client = await clients.new()
    with pytest.raises(AuthApiError) as unknown:
        await client.auth.sign_in_with_password({"email": address(), "password": PASSWORD})
    assert (unknown.value.code, unknown.value.status) == ("invalid_credentials", 400)
    with pytest.raises(AuthWeakPasswordError):
        await client.auth.sign_up({"email": address(), "password": "short"})


async def test_an_anonymous_user_becomes_permanent_with_his_credits(
    clients: Clients, service: AsyncClient
) -> None:
    client = await clients.new()
    anonymous = (await client.auth.sign_in_anonymously()).user
    assert anonymous is not None
    assert anonymous.is_anonymous
    await call(service, "admin_grant_credits", user_id=anonymous.id, amount=7, reason="test")

    email = address("formerly-anonymous")
    await client.auth.update_user({"email": email, "password": PASSWORD})

    again = await clients.new()
    permanent = (await again.auth.sign_in_with_password({"email": email, "password": PASSWORD})).user
    assert permanent is not None
    assert (permanent.id, permanent.is_anonymous) == (anonymous.id, False)
    assert (await call(again, "get_credits"))["balance"] == 7


async def test_a_server_makes_finds_changes_and_deletes_users(
    stack: Stack, service: AsyncClient, person: Person
) -> None:
    admin = service.auth.admin
    made = (await admin.create_user({"email": address(), "password": PASSWORD, "email_confirm": True})).user
    changed = await admin.update_user_by_id(made.id, {"app_metadata": {"plan": "pro"}})
    assert changed.user.app_metadata["plan"] == "pro"
    assert (await admin.list_users(page=1, per_page=1))[0].id == made.id
    await admin.delete_user(made.id)
    with pytest.raises(AuthApiError) as gone:
        await admin.get_user_by_id(made.id)
    assert gone.value.code == "user_not_found"
    for client in (person.client, await anonymous_client(stack)):
        with pytest.raises(AuthApiError) as denied:
            await client.auth.admin.list_users()
        assert denied.value.code == "not_admin"


async def test_a_reference_image_from_upload_to_removal(person: Person, stranger: Person) -> None:
    images = person.client.storage.from_("reference-images")
    path = f"{person.id}/first frame.png"
    await images.upload(path, PNG, {"content-type": "image/png"})
    assert await images.download(path) == PNG
    assert [entry["name"] for entry in await images.list(str(person.id))] == ["first frame.png"]

    link = (await images.create_signed_url(path, 60))["signedURL"]
    async with httpx.AsyncClient(trust_env=False) as http:
        part = await http.get(str(link), headers={"range": "bytes=8-11"})
    assert (part.status_code, part.content) == (206, b"0123")

    theirs = stranger.client.storage.from_("reference-images")
    with pytest.raises(StorageApiError, match="not found"):
        await theirs.create_signed_url(path, 60)
    with pytest.raises(StorageApiError, match="row-level security"):
        await theirs.upload(f"{person.id}/planted.png", PNG, {"content-type": "image/png"})
    with pytest.raises(StorageApiError):
        await images.upload(path, PNG, {"content-type": "image/png", "upsert": "true"})

    signed = await images.create_signed_upload_url(f"{person.id}/by link.png")
    await images.upload_to_signed_url(signed["path"], signed["token"], PNG, {"content-type": "image/png"})
    removed = await images.remove([path, f"{person.id}/by link.png"])
    assert len(removed) == 2
    assert await images.list(str(person.id)) == []


async def test_a_server_moves_and_copies_in_a_bucket_of_its_own(service: AsyncClient) -> None:
    name = f"contract-{secrets.token_hex(4)}"
    await service.storage.create_bucket(name, options={"public": False})
    files = service.storage.from_(name)
    await files.upload("a.txt", b"content", {"content-type": "text/plain"})
    await files.move("a.txt", "b.txt")
    await files.copy("b.txt", "c.txt")
    assert await files.download("c.txt") == b"content"
    assert sorted(entry["name"] for entry in await files.list()) == ["b.txt", "c.txt"]
    await service.storage.empty_bucket(name)
    await service.storage.delete_bucket(name)
    with pytest.raises(StorageApiError, match="not found"):
        await service.storage.get_bucket(name)


@pytest.mark.parametrize("key", ["PUBLISHABLE_KEY", "ANON_KEY"])
async def test_a_key_for_clients_gives_what_the_user_may(clients: Clients, key: str) -> None:
    client = await clients.new(key)
    assert await call(client, "list_video_prices")
    assert await refused_by_platform(client, "get_credits") == "42501"
    signed_up = await client.auth.sign_up({"email": address(), "password": PASSWORD})
    assert signed_up.user is not None
    assert (await call(client, "get_credits"))["balance"] == 0
    assert await client.storage.from_("videos").list(signed_up.user.id) == []


@pytest.mark.parametrize("key", ["SECRET_KEY", "SERVICE_ROLE_KEY"])
async def test_a_key_for_servers_gives_everything(clients: Clients, person: Person, key: str) -> None:
    server = await clients.new(key)
    found = await server.table("profiles").select("id").eq("id", str(person.id)).execute()
    assert found.data == [{"id": str(person.id)}]
    assert (await server.auth.admin.get_user_by_id(str(person.id))).user.id == str(person.id)
    assert {"videos", "reference-images"} <= {bucket.name for bucket in await server.storage.list_buckets()}


def test_the_client_without_async_does_the_same(stack: Stack) -> None:
    with httpx.Client(trust_env=False, timeout=20) as http:
        options = ClientOptions(auto_refresh_token=False, persist_session=False, httpx_client=http)
        client: Client = create_client(stack.env["API_URL"], stack.env["PUBLISHABLE_KEY"], options)
        user = client.auth.sign_up({"email": address(), "password": PASSWORD}).user
        assert user is not None
        assert client.rpc("get_credits").execute().data == {
            "balance": 0,
            "active_tasks": 0,
            "concurrent_limit": 3,
        }
        rows = client.table("profiles").select("id", count=CountMethod.exact).execute()
        assert (rows.count, rows.data) == (1, [{"id": user.id}])
        images = client.storage.from_("reference-images")
        images.upload(f"{user.id}/a.png", PNG, {"content-type": "image/png"})
        assert images.download(f"{user.id}/a.png") == PNG
        images.remove([f"{user.id}/a.png"])
