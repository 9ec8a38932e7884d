"""What a database holds of Reelbase, as comparable text: everything a migration could get wrong.

`supabase db diff` compares too, and knows how to write the migration; this looks also at what it leaves out:
storage, statistics objects, default privileges, roles, cron jobs, and the rows the schema brings with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import psycopg

Catalog: TypeAlias = dict[str, dict[str, str]]
"""For each kind of object: its identity, and everything about it."""

_OURS = "('public', 'private', 'worker_api')"

_KINDS = {
    "schemas": f"""
        select n.nspname, row(
            pg_get_userbyid(n.nspowner), acl(n.nspacl), obj_description(n.oid, 'pg_namespace')
        )
        from pg_namespace as n
        where n.nspname in {_OURS}
    """,
    "extensions": "select e.extname, row(e.extnamespace::regnamespace) from pg_extension as e",
    "relations": f"""
        select c.oid::regclass, row(
            c.relkind, c.relpersistence, pg_get_userbyid(c.relowner), c.relrowsecurity, c.relforcerowsecurity,
            c.relreplident, c.reloptions, acl(c.relacl), obj_description(c.oid, 'pg_class'),
            case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end
        )
        from pg_class as c
        where c.relnamespace::regnamespace::text in {_OURS} and c.relkind not in ('i', 'I')
    """,
    "columns": f"""
        select c.oid::regclass || '.' || a.attname, row(
            a.attnum, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, a.attidentity,
            a.attstorage, a.attstattarget, a.attcollation::regcollation, acl(a.attacl),
            pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)
        )
        from pg_class as c
        inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef as d on d.adrelid = c.oid and d.adnum = a.attnum
        where c.relnamespace::regnamespace::text in {_OURS} and c.relkind not in ('i', 'I')
    """,
    "sequences": f"""
        select s.schemaname || '.' || s.sequencename, row(s.data_type, s.start_value, s.increment_by, s.cycle)
        from pg_sequences as s
        where s.schemaname in {_OURS}
    """,
    "indexes": f"""
        select i.indexrelid::regclass, row(
            pg_get_indexdef(i.indexrelid), i.indisvalid, obj_description(i.indexrelid, 'pg_class')
        )
        from pg_index as i
        inner join pg_class as c on c.oid = i.indrelid
        where c.relnamespace::regnamespace::text in {_OURS}
    """,
    "constraints": f"""
        select c.conrelid::regclass || ' ' || c.conname, row(
            pg_get_constraintdef(c.oid), c.convalidated, obj_description(c.oid, 'pg_constraint')
        )
        from pg_constraint as c
        where c.connamespace::regnamespace::text in {_OURS}
    """,
    "functions": f"""
        select p.oid::regprocedure, row(
            pg_get_userbyid(p.proowner), pg_get_functiondef(p.oid), acl(p.proacl),
            obj_description(p.oid, 'pg_proc')
        )
        from pg_proc as p
        where p.pronamespace::regnamespace::text in {_OURS} and p.prokind <> 'a'
    """,
    "types": f"""
        select t.oid::regtype, row(
            t.typtype, pg_get_userbyid(t.typowner), acl(t.typacl),
            (
                select array_agg(e.enumlabel order by e.enumsortorder)
                from pg_enum as e
                where e.enumtypid = t.oid
            )
        )
        from pg_type as t
        where t.typnamespace::regnamespace::text in {_OURS}
    """,
    # Of all schemas: ours are also on the tables of Auth and Storage.
    "triggers": """
        select t.tgrelid::regclass || ' ' || t.tgname, row(
            pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger')
        )
        from pg_trigger as t
        where not t.tgisinternal
    """,
    "policies": """
        select p.polrelid::regclass || ' ' || p.polname, row(
            p.polcmd, p.polpermissive, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid),
            pg_get_expr(p.polwithcheck, p.polrelid), obj_description(p.oid, 'pg_policy')
        )
        from pg_policy as p
    """,
    "statistics": """
        select s.stxnamespace::regnamespace || '.' || s.stxname, row(
            pg_get_statisticsobjdef(s.oid), s.stxstattarget
        )
        from pg_statistic_ext as s
    """,
    "default privileges": """
        select
            concat_ws(' ', d.defaclnamespace::regnamespace, d.defaclobjtype, pg_get_userbyid(d.defaclrole)),
            row(acl(d.defaclacl))
        from pg_default_acl as d
    """,
    "roles": """
        select r.rolname, row(
            r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolbypassrls,
            r.rolreplication, r.rolconnlimit, r.rolconfig,
            (
                select array_agg(m.roleid::regrole order by m.roleid::regrole::text)
                from pg_auth_members as m
                where m.member = r.oid
            )
        )
        from pg_roles as r
        where r.rolname !~ '^pg_'
    """,
    "publications": """
        select p.pubname || ' ' || coalesce(t.schemaname || '.' || t.tablename, ''), row(p.puballtables)
        from pg_publication as p
        left join pg_publication_tables as t on t.pubname = p.pubname
    """,
    "cron jobs": "select j.jobname, row(j.schedule, j.command, j.active, j.username) from cron.job as j",
    "buckets": """
        select b.id, to_jsonb(b) - '{created_at,updated_at}'::text[]
        from storage.buckets as b
    """,
    "configuration": "select s.key, to_jsonb(s) - 'updated_at' from public.system_configs as s",
    "error codes": "select e.code, to_jsonb(e) from private.error_codes as e",
    "failure codes": "select f.code, to_jsonb(f) from private.failure_codes as f",
    "models": "select m.id, to_jsonb(m) from public.video_models as m",
    "options": """
        select concat_ws(' ', o.model, o.resolution, o.duration, o.valid_from), to_jsonb(o)
        from public.video_model_options as o
    """,
}

# Grants in one order, whatever the order in which they were given; a null list is the built-in one.
_ACL = """
    create function pg_temp.acl(aclitem[]) returns text
    language sql
    as $$
        select coalesce((select string_agg(a::text, ' ' order by a::text) from unnest($1) as a), 'default')
    $$
"""


def read_catalog(connection: psycopg.Connection) -> Catalog:
    """Everything, read as a superuser in the caller's transaction; leaves only a temporary function."""
    connection.execute("set local search_path = pg_catalog")
    if connection.execute("select to_regprocedure('pg_temp.acl(aclitem[])')").fetchone() == (None,):
        connection.execute(_ACL)
    return {kind: _read(connection, query) for kind, query in _KINDS.items()}


def _read(connection: psycopg.Connection, query: str) -> dict[str, str]:
    query = query.replace("acl(", "pg_temp.acl(")
    rows = connection.execute(
        f"select k.name::text, k.definition::text from ({query}) as k (name, definition)".encode()
    )
    return {str(name): str(definition) for name, definition in rows.fetchall()}


def differences(left: Catalog, right: Catalog) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    """What is not the same: for each kind, the identity and both definitions (None where there is none)."""
    found = {
        kind: {
            name: (left[kind].get(name), right[kind].get(name))
            for name in sorted(left[kind].keys() | right[kind].keys())
            if left[kind].get(name) != right[kind].get(name)
        }
        for kind in left
    }
    return {kind: names for kind, names in found.items() if names}
