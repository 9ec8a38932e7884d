"""The real database, as each party sees it: one session a role, every call a transaction of its own."""

from __future__ import annotations

import contextlib
import json
import uuid
from typing import TYPE_CHECKING, Any

import psycopg

from tests.model.ledger import Entry
from tests.model.orders import PACKAGES
from tests.model.tasks import SETTINGS
from tests.support.sessions import refusal_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from functions_py.local.stack import Stack

_CLOCK = """
    create schema model;
    grant usage on schema model to public;
    create table model.clock (now timestamptz);
    insert into model.clock values ('2030-01-01 00:00:00+00');
    grant select on model.clock to public;

    create or replace function private.now() returns timestamptz
    language sql volatile security invoker set search_path = ''
    as 'select now from model.clock';
"""

_BOOKS = """
    select
        a.id::text, a.user_id::text, a.balance, a.debt,
        (
            select json_agg(
                json_build_array(t.type, t.amount, t.balance_after, t.debt_after, t.task_id)
                order by t.entry_no
            )
            from public.credit_transactions as t
            where t.account_id = a.id
        ),
        (
            select json_object_agg(
                h.id,
                json_build_array(
                    h.status, h.error_code, h.refund_id is not null, j.stage, j.counts_for_limit,
                    h.deleted_at is not null
                )
            )
            from public.video_generation_history as h
            left join private.video_jobs as j on j.task_id = h.id
            where h.account_id = a.id
        ),
        (
            select json_object_agg(p.order_id, json_build_array(p.status, p.refunded_credits))
            from public.payments as p
            where p.account_id = a.id
        )
    from public.credit_accounts as a
    where a.id = any (%s::uuid[])
"""

_HOUSE = """
    select json_build_object(
        'is_open', s.generation_enabled,
        'is_paused', exists (select from public.video_models as m where m.paused_at is not null),
        'cap', (s.daily_spend_cap_usd * 100)::integer,
        'spent', coalesce((
            select (d.usd * 100)::integer
            from private.daily_spend as d
            where d.day = (private.now() at time zone 'utc')::date
        ), 0),
        'jobs', (select count(*) from private.video_jobs)
    )
    from private.settings as s
"""


class Database:
    """Sessions of the schema's owner, of Auth, of PostgREST and of the worker; the clock stands still."""

    def __init__(self, stack: Stack, exits: contextlib.ExitStack) -> None:
        def session(role: str) -> psycopg.Connection:
            return exits.enter_context(psycopg.connect(stack.db_url(role), autocommit=True))

        self._owner, self._auth = session("postgres"), session("supabase_auth_admin")
        self._client, self._worker = session("authenticator"), session("video_worker")
        self._owner.execute("select cron.alter_job(jobid, active => false) from cron.job")
        self._owner.execute(_CLOCK.encode())
        self._owner.execute("delete from vault.secrets")  # nobody is there to be woken
        for key, value in SETTINGS.items():
            self._owner.execute(
                "update public.system_configs set value = to_jsonb(%s::integer) where key = %s", (value, key)
            )
        self.admin, _ = self.sign_up(is_confirmed=True, is_anonymous=False)
        self._auth.execute(
            'update auth.users set raw_app_meta_data = \'{"role": "admin"}\' where id = %s', (self.admin,)
        )
        for package in PACKAGES:
            self.rpc(
                self.admin,
                "admin_set_credit_package(%s, 'model', %s, %s, %s, 'USD', 'shop', 'prod', %s)",
                package.id,
                package.id,
                package.credits,
                package.price,
                package.id,
            )

    @classmethod
    @contextlib.contextmanager
    def opened(cls, stack: Stack) -> Iterator[Database]:
        with contextlib.ExitStack() as exits:
            yield cls(stack, exits)

    def set_time(self, second: int) -> None:
        self._owner.execute(
            "update model.clock set now = '2030-01-01'::timestamptz + %s * '1 s'::interval", (second,)
        )

    def sign_up(self, *, is_confirmed: bool, is_anonymous: bool) -> tuple[str, str]:
        """What Auth writes; the user's id and that of his account."""
        user_id = str(uuid.uuid4())
        self._auth.execute(
            "insert into auth.users (id, aud, role, email, email_confirmed_at, is_anonymous)"
            " values (%s, 'authenticated', 'authenticated', %s, case when %s then now() end, %s)",
            (user_id, None if is_anonymous else f"{user_id}@example.com", is_confirmed, is_anonymous),
        )
        account = self.one("select id::text from public.credit_accounts where user_id = %s", user_id)
        return user_id, account

    def confirm(self, user_id: str) -> None:
        """The e-mail address; an anonymous user becomes a full one by it."""
        self._auth.execute(
            "update auth.users"
            " set email = id || '@example.com', email_confirmed_at = now(), is_anonymous = false"
            " where id = %s",
            (user_id,),
        )

    def delete_user(self, user_id: str, *, softly: bool) -> None:
        hard, soft = (
            "delete from auth.users where id = %s",
            "update auth.users set deleted_at = now() where id = %s",
        )
        self._auth.execute(soft if softly else hard, (user_id,))

    def rpc(self, caller: str | None, call: str, *parameters: object) -> Any:
        """The answer of a public function, or the code of its refusal; without a user the service calls."""
        role = "authenticated" if caller else "service_role"
        claims = {"role": role} | ({"sub": caller} if caller else {})
        self._client.execute(
            "select set_config('role', %s, false), set_config('request.jwt.claims', %s, false)",
            (role, json.dumps(claims)),
        )
        return _ask(self._client, f"select public.{call}", parameters)

    def claim(self) -> dict[str, str]:
        """Everything that is due, by one worker: the new lease of each task."""
        rows = self._worker.execute("select worker_api.claim_jobs('worker-1', 50, 50, 50)").fetchall()
        return {claim["task_id"]: claim["lease_token"] for (claim,) in rows}

    def verb(self, call: str, *parameters: object) -> Any:
        """A verb's named result."""
        answer = _ask(self._worker, f"select worker_api.{call}", parameters)
        return answer["result"] if isinstance(answer, dict) else answer

    def store_file(self, task_id: str) -> None:
        self._owner.execute(
            "insert into storage.objects (bucket_id, name, metadata)"
            " select 'videos', user_id || '/' || id || '.mp4', '{\"size\": 1000}'"
            " from public.video_generation_history where id = %s on conflict do nothing",
            (task_id,),
        )

    def sweep(self) -> int:
        return int(self.one("select private.sweep(1000)"))

    def books(self, accounts: Collection[str]) -> dict[str, dict[str, Any]]:
        """Everything about these accounts."""
        return {
            account: {
                "user": user,
                "balance": balance,
                "debt": debt,
                "entries": [Entry(*entry) for entry in entries or []],
                "tasks": tasks or {},
                "orders": orders or {},
            }
            for account, user, balance, debt, entries, tasks, orders in self._owner.execute(
                _BOOKS, (list(accounts),)
            )
        }

    def house(self) -> Any:
        """What stands above all accounts."""
        return self.one(_HOUSE)

    def live_tasks(self) -> list[str]:
        return list(self.one("select coalesce(array_agg(task_id::text), '{}') from private.video_jobs"))

    def findings(self) -> list[Any]:
        """Of the audit."""
        return self._owner.execute("select * from private.audit_ledger()").fetchall()

    def clear(self) -> None:
        """Ends what lives; the ledger stays, as it must."""
        self._auth.execute("delete from auth.users where id <> %s", (self.admin,))
        for table in ("file_jobs", "model_brakes", "alerts"):
            self._owner.execute(f"delete from private.{table}".encode())
        self.configure("video_generation_enabled", "true")
        self.configure("video_daily_spend_cap_usd", None)
        self.resume_model()

    def configure(self, key: str, value: str | None) -> None:
        self.rpc(self.admin, "admin_set_config(%s, %s::jsonb, 'model')", key, value)

    def resume_model(self) -> None:
        self.rpc(self.admin, "admin_set_model('veo-3.1', 'model', clear_pause => true)")

    @contextlib.contextmanager
    def broken(self, function: str, right: str, wrong: str) -> Iterator[None]:
        """A function with one wrong place, to see that it is found."""
        definition = str(self.one("select pg_get_functiondef(%s::regproc)", function))
        assert definition.count(right) == 1, right
        self._owner.execute(definition.replace(right, wrong).encode())
        try:
            yield
        finally:
            self._owner.execute(definition.encode())
            self.clear()

    def one(self, query: str, *parameters: object) -> Any:
        row = self._owner.execute(query.encode(), parameters).fetchone()
        assert row is not None, query
        return row[0]


def _ask(session: psycopg.Connection, query: str, parameters: tuple[object, ...]) -> Any:
    try:
        row = session.execute(query.encode(), parameters).fetchone()
    except psycopg.Error as error:
        refusal = refusal_of(error)
        return refusal.constraint or refusal.code
    assert row is not None
    return row[0]
