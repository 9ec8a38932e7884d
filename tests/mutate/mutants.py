"""What is mutated, and how it is done and undone; all of it read from the catalog."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.mutate.statements import changes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

_FUNCTIONS: Final = r"""
    select
        p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.prosrc, l.lanname = 'plpgsql'
    from pg_proc as p
    inner join pg_language as l on l.oid = p.prolang
    where p.pronamespace::regnamespace::text in ('public', 'private', 'worker_api')
        and p.prosqlbody is null
        and p.prokind = 'f'
        and p.provolatile = 'v' -- what only reads moves no money
        and p.proname || ' ' || p.prosrc ~ (
            '\m(credit_accounts|credit_transactions|post_entry|end_task|lock_(account|task)|reserve_spend|book_call)\M'
        )
    order by 1
"""
_CONSTRAINTS: Final = """
    select c.conrelid::regclass::text, c.conname, pg_get_constraintdef(c.oid)
    from pg_constraint as c
    where c.conrelid in (
        'public.credit_accounts'::regclass, 'public.credit_transactions'::regclass,
        'public.video_generation_history'::regclass, 'private.video_jobs'::regclass
    ) and c.contype in ('c', 'u', 'f')
    order by 1, 2
"""
_TRIGGERS: Final = """
    select t.tgrelid::regclass::text, t.tgname
    from pg_trigger as t
    inner join pg_proc as p on p.oid = t.tgfoid
    where not t.tgisinternal and p.pronamespace::regnamespace::text in ('private', 'public')
    order by 1, 2
"""
_POLICIES: Final = """
    select
        p.polrelid::regclass::text, p.polname, p.polpermissive,
        case p.polcmd
            when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
            else 'all'
        end,
        (
            select string_agg(case r when 0 then 'public' else quote_ident(pg_get_userbyid(r)) end, ', ')
            from unnest(p.polroles) as r
        ),
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
    from pg_policy as p
    where p.polrelid::regclass::text not like 'cron.%'
    order by 1, 2
"""
_SECURED: Final = """
    select c.oid::regclass::text
    from pg_class as c
    where c.relrowsecurity and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace
    order by 1
"""


@dataclass(frozen=True)
class Mutant:
    """One change of the database."""

    name: str
    operator: str
    about: str
    do: str
    undo: str
    function: str | None = None
    """Signature of a mutated function: only tests that run it matter."""

    @property
    def key(self) -> str:
        """Names the change and what it was made to."""
        return hashlib.sha256(f"{self.name}\0{self.do}".encode()).hexdigest()[:16]


def all_mutants(connection: psycopg.Connection[Any]) -> list[Mutant]:
    """In the order of the catalog."""
    found = [*_of_functions(connection), *_of_tables(connection), *_of_policies(connection)]
    seen: Counter[str] = Counter()
    named = []
    for mutant in found:
        seen[mutant.name] += 1
        number = f" #{seen[mutant.name]}" if seen[mutant.name] > 1 else ""
        named.append(Mutant(mutant.name + number, *list(vars(mutant).values())[1:]))
    return named


def _of_functions(connection: psycopg.Connection[Any]) -> Iterator[Mutant]:
    for signature, definition, source, is_procedural in connection.execute(_FUNCTIONS.encode()):
        about = signature.partition("(")[0]
        for change in changes_of(source, is_procedural=is_procedural):
            mutated = source[: change.start] + change.replacement + source[change.end :]
            before = " ".join(source[change.start : change.end].split())
            line = source.count("\n", 0, change.start) + 1
            context = " ".join(source.splitlines()[line - 1].split())
            what = before if len(before) > 12 else f"{before} in: {context}"
            what = what if len(what) <= 90 else what[:87] + "..."
            arrow = f" -> {change.replacement}" if change.replacement else ""
            do = definition.replace(source, mutated)
            yield Mutant(
                f"{about} | {change.operator} | {what}{arrow}",
                change.operator,
                about,
                do,
                definition,
                signature,
            )


def _of_tables(connection: psycopg.Connection[Any]) -> Iterator[Mutant]:
    for table, name, definition in connection.execute(_CONSTRAINTS.encode()):
        do = f"alter table {table} drop constraint {name}"
        undo = f"alter table {table} add constraint {name} {definition}"
        yield Mutant(f"{table} | constraint | {name}", "constraint", name, do, undo)
    for table, name in connection.execute(_TRIGGERS.encode()):
        if not table.startswith("auth."):  # those are Auth's own table: only its owner may
            do, undo = (f"alter table {table} {verb} trigger {name}" for verb in ("disable", "enable"))
            yield Mutant(f"{table} | trigger | {name}", "trigger", name, do, undo)


def _of_policies(connection: psycopg.Connection[Any]) -> Iterator[Mutant]:
    for table, name, permissive, command, roles, using, check in connection.execute(_POLICIES.encode()):
        rest = (f" using ({using})" if using else "") + (f" with check ({check})" if check else "")
        kind = "permissive" if permissive else "restrictive"
        drop = f"drop policy {name} on {table}"
        create = f"create policy {name} on {table} as {kind} for {command} to {roles}{rest}"
        yield Mutant(f"{table} | policy | {name} dropped", "policy", name, drop, create)
        for clause, expression in (("using", using), ("with check", check)):
            if expression:
                do, undo = (f"alter policy {name} on {table} {clause} ({e})" for e in ("true", expression))
                yield Mutant(f"{table} | policy | {name} {clause} (true)", "policy", name, do, undo)
    for (table,) in connection.execute(_SECURED.encode()):
        do, undo = (f"alter table {table} {verb} row level security" for verb in ("disable", "enable"))
        yield Mutant(f"{table} | policy | no row level security", "policy", table.partition(".")[2], do, undo)
