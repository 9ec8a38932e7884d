"""Schema storage as a project's migrations and policies meet it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.storage_api import StorageApi


@pytest.fixture
def bucket(storage_api: StorageApi) -> Iterator[str]:
    """A bucket made by SQL, as a migration makes it."""
    storage_api.execute("insert into storage.buckets (id, name) values ('by-sql', 'by-sql')")
    yield "by-sql"
    storage_api.execute(
        "set local storage.allow_delete_query = 'true';"
        "delete from storage.objects where bucket_id = 'by-sql';"
        "delete from storage.buckets where id = 'by-sql'"
    )


def value(api: StorageApi, expression: str, operation: str = "") -> Any:
    """An expression's value, during a request to Storage."""
    with psycopg.connect(api.stack.db_url("postgres")) as connection:
        connection.execute("select set_config('storage.operation', %s, true)", (operation,))
        row = connection.execute(f"select {expression}".encode()).fetchone()
    return row[0] if row is not None else None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("storage.foldername('a/b/c.tar.gz')", ["a", "b"]),
        ("storage.foldername('c.gz')", []),
        ("storage.foldername('')", []),
        ("storage.foldername('a/b/')", ["a", "b"]),
        ("storage.filename('a/b/c.tar.gz')", "c.tar.gz"),
        ("storage.filename('c.gz')", "c.gz"),
        ("storage.extension('a/b.d/c.tar.gz')", "gz"),
        ("storage.extension('a.b/c')", "c"),
    ],
)
def test_a_name_is_taken_apart(storage_api: StorageApi, expression: str, expected: object) -> None:
    assert value(storage_api, expression) == expected


@pytest.mark.parametrize(
    ("expression", "operation", "expected"),
    [
        ("storage.allow_only_operation('object.list')", "storage.object.list", True),
        ("storage.allow_only_operation('storage.object.list')", "storage.object.list", True),
        ("storage.allow_only_operation('object.list')", "storage.object.list_v2", False),
        ("storage.allow_only_operation('')", "", False),
        ("storage.allow_only_operation(null)", "storage.object.list", False),
        ("storage.allow_any_operation(array['object.sign', 'object.list'])", "storage.object.list", True),
        ("storage.allow_any_operation(array['object.sign'])", "storage.object.list", False),
        ("storage.allow_any_operation(null)", "storage.object.list", False),
        ("storage.operation()", "storage.object.list", "storage.object.list"),
    ],
)
def test_a_policy_can_ask_for_the_operation(
    storage_api: StorageApi, expression: str, operation: str, expected: object
) -> None:
    assert value(storage_api, expression, operation) == expected


@pytest.mark.parametrize("role", ["postgres", "supabase_admin"])
@pytest.mark.parametrize("table", ["objects", "buckets"])
def test_rows_cannot_be_deleted_by_sql_not_even_none(storage_api: StorageApi, role: str, table: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege, match="Use the Storage API instead") as refused:
        storage_api.execute(f"delete from storage.{table} where false", role)
    assert refused.value.diag.message_hint == "This prevents accidental data loss from orphaned objects."


def test_a_migration_may_add_policies_and_triggers(storage_api: StorageApi) -> None:
    storage_api.execute(
        """
        create policy storage_test_policy on storage.objects for select to authenticated using (true);
        create policy storage_test_policy on storage.buckets for select to authenticated using (true);
        create function public.storage_test_trigger() returns trigger language plpgsql
        as 'begin return null; end';
        create trigger storage_test_trigger after insert on storage.objects
        for each row execute function public.storage_test_trigger();
        drop trigger storage_test_trigger on storage.objects;
        drop function public.storage_test_trigger();
        drop policy storage_test_policy on storage.objects;
        drop policy storage_test_policy on storage.buckets;
        """
    )


@pytest.mark.parametrize(
    "statement",
    [
        "alter table storage.objects enable row level security",
        "alter table storage.objects add column mine text",
        "create table storage.mine (id int)",
        "create index mine on storage.objects (name)",
        "drop table storage.migrations",
        "drop function storage.filename(text)",
        "create or replace function storage.filename(name text) returns text language sql as 'select name'",
    ],
)
def test_a_migration_may_do_nothing_else_there(storage_api: StorageApi, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        storage_api.execute(statement)


def test_two_names_cannot_be_the_same_nor_a_bucket_name_be_too_long(
    storage_api: StorageApi, bucket: str
) -> None:
    row = f"insert into storage.objects (bucket_id, name) values ('{bucket}', 'a')"
    storage_api.execute(row)
    with pytest.raises(errors.UniqueViolation, match="bucketid_objname"):
        storage_api.execute(row)
    with pytest.raises(errors.ForeignKeyViolation, match="objects_bucketId_fkey"):
        storage_api.execute("insert into storage.objects (bucket_id, name) values ('missing', 'a')")
    with pytest.raises(errors.RaiseException, match="is too long"):
        storage_api.execute("insert into storage.buckets (id, name) values ('long', repeat('a', 101))")


def test_an_update_moves_updated_at_and_tokens_follow_the_name(storage_api: StorageApi, bucket: str) -> None:
    storage_api.execute(
        f"insert into storage.objects (bucket_id, name, updated_at) values ('{bucket}', 'a', '2000-01-01')"
    )
    storage_api.execute("update storage.objects set name = 'b/c' where name = 'a'")

    assert value(
        storage_api, "updated_at > now() - interval '1 minute' from storage.objects where name = 'b/c'"
    )
    assert value(storage_api, "path_tokens from storage.objects where name = 'b/c'") == ["b", "c"]


def test_a_row_without_content_reads_as_missing(storage_api: StorageApi, bucket: str) -> None:
    storage_api.execute(
        "insert into storage.objects (bucket_id, name, version) "
        f"values ('{bucket}', 'a', '../../secrets.json')"
    )

    answer = storage_api.send("GET", f"/object/{bucket}/a")

    assert answer.json()["code"] == "NoSuchKey"


def test_content_can_be_asked_for_before_it_is_there(storage_api: StorageApi, bucket: str) -> None:
    """can_insert_object answers by its way of failing, and leaves nothing."""
    with pytest.raises(psycopg.Error) as allowed:
        storage_api.execute(f"select storage.can_insert_object('{bucket}', 'a', null, null)")
    assert allowed.value.sqlstate == "PT200"
    assert value(storage_api, "count(*) from storage.objects") == 0


def test_the_size_of_a_bucket_is_the_sum_of_its_objects(storage_api: StorageApi, bucket: str) -> None:
    for name, content in (("a", b"12345"), ("b", b"678")):
        storage_api.send("POST", f"/object/{bucket}/{name}", content=content).raise_for_status()

    assert value(storage_api, "size from storage.get_size_by_bucket() where bucket_id = 'by-sql'") == 8
    storage_api.send("POST", f"/bucket/{bucket}/empty").raise_for_status()
