"""What every identity can do to every table, column, view, function and bucket, as tried.

    python -m tests.rights     # writes expected.md anew

A cell is what came of the attempt: `-` refused, `own` the rows of the one who asks, `all`, `none` (allowed,
but there is nothing for him), for a function the code of its answer. Everything is rolled back.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.rights.storage import storage_rows
from tests.support.database import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from functions_py.local.stack import Stack
    from tests.rights.cast import Cast, Identity
    from tests.support.database import Connection

EXPECTED = Path(__file__).parent / "expected.md"
REFUSED = "-"
_BY_COLUMN = {"read columns", "update columns"}

_PREFACE = """\
# Who may do what

Written by `python -m tests.rights`, which tries everything below as everybody; a test compares. Ann and Bob
are users with rows of their own, `anonymous` signed in anonymously, `admin` has the role in his
`app_metadata`, `no grants` is a database role that was given nothing.

`-` refused, `own` his own rows alone, `all` every row, `none` allowed, but nothing there is his.
"""

# Runs a statement as somebody, tells what came of it, and leaves nothing behind.
_ATTEMPT = """
create function pg_temp.attempt(p_role text, p_claims text, p_statement text) returns jsonb
language plpgsql
as $$
declare
    v_rows bigint;
    v_state text;
    v_message text;
begin
    begin
        perform set_config('request.jwt.claims', coalesce(p_claims, ''), true);
        perform set_config('role', p_role, true);
        execute p_statement;
        get diagnostics v_rows = row_count;
        raise exception using errcode = 'TRIED', message = v_rows;
    exception
        when others then
            get stacked diagnostics v_state = returned_sqlstate, v_message = message_text;
    end;
    return jsonb_build_object('state', v_state, 'message', v_message);
end
$$;
create role nobody_in_particular nologin noinherit;
"""

_RELATIONS = """
    select
        c.oid::regclass::text as name,
        case c.relkind when 'v' then 'view' else 'table' end as kind,
        array_agg(quote_ident(a.attname) order by a.attnum) as columns,
        case
            when c.relname = 'profiles' then format('id = %L', '{user_id}')
            when bool_or(a.attname = 'user_id') then format('user_id = %L', '{user_id}')
            when bool_or(a.attname = 'account_id')
                then format(
                    'account_id in (select id from public.credit_accounts where user_id = %L)',
                    '{user_id}'
                )
            when bool_or(a.attname = 'task_id')
                then format(
                    'task_id in (select id from public.video_generation_history where user_id = %L)',
                    '{user_id}'
                )
        end as is_mine
    from pg_class as c
    inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace, 'worker_api'::regnamespace)
        and c.relkind in ('r', 'p', 'v', 'm', 'f')
    group by c.oid
    order by c.oid::regclass::text collate "C"
"""

_FUNCTIONS = """
    select
        p.oid::regproc::text as name,
        coalesce(p.proargnames, '{}') as argument_names,
        array(
            select format_type(t.oid, null) from unnest(p.proargtypes) with ordinality as t (oid, place)
            order by t.place
        ) as argument_types,
        p.pronargdefaults as defaults
    from pg_proc as p
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace, 'worker_api'::regnamespace)
        and p.prokind = 'f'
        and p.prorettype <> 'trigger'::regtype
    order by p.oid::regproc::text collate "C", p.oid::regprocedure::text collate "C"
"""

# What a caller would give, where an argument needs something that is neither Ann's nor the default.
_ARGUMENTS = {
    "prompt": "a red fox in the snow",
    "reason": "because",
    "amount": "1",
    "stars": "5",
    "search": "fox",
    "key": "video_rollout_percent",
    "value": "100",
    "bucket": "reference-images",
    "package_id": "small",
    "model": "veo-3.1",
    "usd_per_second": "0.75",
    "content_type": "video",
    "decision": "approve",
    "outcome": "optimized",
}


@dataclass(frozen=True)
class Row:
    """One line of the matrix: what was tried, and a cell for each identity."""

    subject: str
    act: str
    cells: tuple[str, ...]

    @property
    def is_closed(self) -> bool:
        return all(cell == REFUSED for cell in self.cells)


@dataclass(frozen=True)
class Attempts:
    """A connection as the superuser, in a transaction that will be rolled back."""

    database: Connection
    cast: Cast

    async def outcomes(self, statement: str) -> list[tuple[str, str]]:
        """(SQLSTATE or our code, message) of the statement for each identity; `{user_id}` becomes his own."""
        cursor = await self.database.execute(
            "select pg_temp.attempt(a.role, a.claims, a.statement) as outcome from"
            " unnest(%s::text[], %s::text[], %s::text[])"
            " with ordinality as a (role, claims, statement, place)"
            " order by a.place",
            (
                [identity.role for identity in self.cast.identities],
                [json.dumps(i.claims) if i.claims else None for i in self.cast.identities],
                [statement.replace("{user_id}", _id(i)) for i in self.cast.identities],
            ),
        )
        return [_outcome(row["outcome"]) for row in await cursor.fetchall()]

    async def count(self, relation: str, condition: str = "true") -> int:
        query = f"select count(*) as n from {relation} where {condition}"
        row = await (await self.database.execute(query.encode())).fetchone()
        assert row is not None
        return int(row["n"])


async def build(stack: Stack, cast: Cast) -> str:
    """The whole matrix as text."""
    async with connect(stack, "supabase_admin") as database, database.transaction(force_rollback=True):
        await database.execute(_ATTEMPT)
        attempts = Attempts(database, cast)
        relations = await (await database.execute(_RELATIONS.encode())).fetchall()
        functions = await (await database.execute(_FUNCTIONS.encode())).fetchall()
        tables = [row for relation in relations for row in await _relation_rows(attempts, relation)]
        calls = [await _function_row(attempts, function) for function in functions]
    buckets = [Row(*row) for row in await storage_rows(stack, cast)]
    names = [identity.name for identity in cast.identities]
    return "\n".join(
        [
            *_PREFACE.splitlines(),
            "",
            "## Tables and views",
            "",
            *_table(names, [row for row in tables if row.act not in _BY_COLUMN and not row.is_closed]),
            "",
            "Nobody may touch these in any way, by any column:",
            *_closed(tables),
            "",
            "By column:",
            "",
            *_columns_of(names, [row for row in tables if row.act in _BY_COLUMN]),
            "",
            "## Functions",
            "",
            "Called with Ann's things. `ok` it answered; else the code of the refusal.",
            "",
            *_table(names, [row for row in calls if not row.is_closed]),
            "",
            "Nobody may call these by their name:",
            *_closed(calls),
            "",
            "## Files",
            "",
            "Through the Storage API, at an object of Ann's. `-` refused, or as if it were not there.",
            "",
            *_table(names, buckets),
            "",
        ]
    )


async def _relation_rows(attempts: Attempts, relation: dict[str, Any]) -> list[Row]:
    name, is_mine = relation["name"], relation["is_mine"]
    total = await attempts.count(name)
    rows = [Row(name, "read", await _seen(attempts, name, is_mine, total))]
    readable = await _columns(attempts, f"select {{column}} from {name} limit 0", relation["columns"])
    rows.append(Row(name, "read columns", readable))
    rows.append(Row(name, "insert", await _allowed(attempts, f"insert into {name} default values")))
    writable = await _columns(
        attempts, f"update {name} set {{column}} = default where false", relation["columns"]
    )
    rows.append(Row(name, "update columns", writable))
    rows.append(Row(name, "delete", await _allowed(attempts, f"delete from {name}")))
    if relation["kind"] == "table":
        rows.append(Row(name, "truncate", await _allowed(attempts, f"truncate {name} cascade")))
    opened = [row for row in rows if not row.is_closed]
    # One line for what is closed altogether, none for the acts that nobody may do to what is open.
    return opened or [Row(name, "all", rows[0].cells)]


async def _seen(attempts: Attempts, name: str, is_mine: str | None, total: int) -> tuple[str, ...]:
    """How many rows each sees; `own`: all that he sees are his, and he sees all that are his."""
    everything = await attempts.outcomes(f"select from {name}")
    mine = await attempts.outcomes(f"select from {name} where {is_mine or 'false'}")
    cells = []
    for identity, (state, seen), (_, of_mine) in zip(attempts.cast.identities, everything, mine, strict=True):
        owned = await attempts.count(name, is_mine.replace("{user_id}", _id(identity))) if is_mine else 0
        if state != "TRIED":
            cells.append(REFUSED if state == "42501" else state)
        elif int(seen) == 0:
            cells.append("none")
        elif int(seen) == total and int(seen) != owned:
            cells.append("all")
        elif seen == of_mine and int(seen) == owned:
            cells.append("own")
        else:
            cells.append(f"{seen} of {total}")
    return tuple(cells)


async def _columns(attempts: Attempts, statement: str, columns: Sequence[str]) -> tuple[str, ...]:
    """For each identity `all`, or the columns with which the statement is allowed."""
    by_column = [await attempts.outcomes(statement.replace("{column}", column)) for column in columns]
    cells = []
    for place in range(len(attempts.cast.identities)):
        allowed = [
            column
            for column, outcomes in zip(columns, by_column, strict=True)
            if outcomes[place][0] == "TRIED"
        ]
        cells.append("all" if len(allowed) == len(columns) else " ".join(allowed) or REFUSED)
    return tuple(cells)


async def _allowed(attempts: Attempts, statement: str) -> tuple[str, ...]:
    # 55000: a view that cannot be written; 0A000: a generated column. Neither is a right.
    return tuple(
        REFUSED if state in {"42501", "55000", "0A000"} else "yes"
        for state, _ in await attempts.outcomes(statement)
    )


async def _function_row(attempts: Attempts, function: dict[str, Any]) -> Row:
    names = function["argument_names"][: len(function["argument_types"])]
    required = len(function["argument_types"]) - function["defaults"]
    given = [
        f"{name} => {_literal(attempts.cast.things.get(name, _ARGUMENTS.get(name)))}::{kind}"
        for name, kind in list(zip(names, function["argument_types"], strict=False))[:required]
    ]
    if len(names) < len(function["argument_types"]):  # unnamed arguments
        given = [f"null::{kind}" for kind in function["argument_types"]]
    cells = tuple(
        "ok" if state == "TRIED" else REFUSED if state == "42501" else state
        for state, _ in await attempts.outcomes(f"select {function['name']}({', '.join(given)})")
    )
    return Row(f"{function['name']}({', '.join(names)})", "call", cells)


def _outcome(outcome: dict[str, str]) -> tuple[str, str]:
    if outcome["state"] == "PGRST":
        return json.loads(outcome["message"])["code"], outcome["message"]
    return outcome["state"], outcome["message"]


def _id(identity: Identity) -> str:
    return str(identity.user_id or "00000000-0000-0000-0000-000000000000")


def _literal(value: str | None) -> str:
    return "null" if value is None else "'" + value.replace("'", "''") + "'"


def _closed(rows: Iterable[Row]) -> list[str]:
    return ["", *sorted({f"- `{row.subject}`" for row in rows if row.is_closed})]


def _columns_of(names: Sequence[str], rows: Iterable[Row]) -> list[str]:
    """A line for each set of columns, with everybody who has it."""
    lines = []
    for row in rows:
        who: dict[str, list[str]] = {}
        for name, cell in zip(names, row.cells, strict=True):
            who.setdefault(cell, []).append(name)
        lines += [
            f"- `{row.subject}`, {row.act.removesuffix(' columns')} by {', '.join(who[cell])}: {cell}"
            for cell in who
            if cell != REFUSED
        ]
    return lines


def _table(names: Sequence[str], rows: Sequence[Row]) -> list[str]:
    lines = [f"| | | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    previous = None
    for row in rows:
        subject = f"`{row.subject}`" if row.subject != previous else ""
        lines.append(f"| {subject} | {row.act} | {' | '.join(row.cells)} |")
        previous = row.subject
    return lines
