"""All that a database holds, each thing with a digest: what was there before has to be there afterwards, as it was."""

from __future__ import annotations

import psycopg
from psycopg import sql

Belongings = dict[str, str]
"""What it is (`table public.users`), and a digest of its definition, its rights, its owner and its rows."""

_SYSTEM = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"

_RELATIONS = f"""
select c.oid, n.nspname, c.relname, c.relkind::text, md5(concat_ws('|',
    c.oid, pg_get_userbyid(c.relowner), c.relacl::text, c.relrowsecurity, c.reltablespace, c.reloptions::text,
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
    (select string_agg(concat_ws(' ', attnum, attname, format_type(atttypid, atttypmod), attnotnull, attacl::text),
        ',' order by attnum) from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped),
    (select string_agg(pg_get_constraintdef(oid), ',' order by oid) from pg_constraint where conrelid = c.oid),
    (select string_agg(pg_get_triggerdef(oid) || tgenabled::text, ',' order by oid) from pg_trigger
        where tgrelid = c.oid and not tgisinternal)
))
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where {_SYSTEM} and c.relkind in ('r', 'p', 'v', 'm', 'S', 'i', 'f')
"""

_OTHERS = f"""
select 'schema ' || n.nspname, md5(concat_ws('|', n.oid, pg_get_userbyid(n.nspowner), n.nspacl::text))
from pg_namespace as n where {_SYSTEM}
union all
select 'function ' || p.oid::regprocedure::text,
    md5(concat_ws('|', p.oid, pg_get_userbyid(p.proowner), p.proacl::text, p.prosrc, p.proconfig::text))
from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where {_SYSTEM}
union all
select 'type ' || n.nspname || '.' || t.typname, md5(concat_ws('|', t.oid, t.typowner, t.typacl::text))
from pg_type as t join pg_namespace as n on n.oid = t.typnamespace where {_SYSTEM} and t.typrelid = 0
union all
select 'extension ' || extname, md5(concat_ws('|', oid, extversion, extnamespace)) from pg_extension
union all
select 'publication ' || p.pubname, md5(concat_ws('|', p.*::text, (
    select string_agg(r::text, ',' order by r.oid) from pg_publication_rel as r where r.prpubid = p.oid
))) from pg_publication as p
union all
select 'subscription ' || subname, md5(concat_ws('|', oid, subslotname, subenabled)) from pg_subscription
where subdbid = (select oid from pg_database where datname = current_database())
union all
select 'event trigger ' || evtname, md5(e::text) from pg_event_trigger as e
union all
select 'default privileges ' || oid, md5(d::text) from pg_default_acl as d
union all
select 'slot ' || slot_name, slot_type from pg_replication_slots where database = current_database()
"""


def belongings(administrator: str) -> Belongings:
    """Everything in a database that is not PostgreSQL's own, as its superuser sees it."""
    with psycopg.connect(administrator, client_encoding="utf8") as connection:
        # The same text on every server, whatever its settings are.
        connection.execute("set datestyle = 'ISO'; set intervalstyle = 'postgres'; set timezone = 'UTC'")
        connection.execute("set row_security = off; set search_path = ''; set extra_float_digits = 1")
        found = dict(connection.execute(_OTHERS.encode()).fetchall())
        for _, schema, name, kind, definition in connection.execute(_RELATIONS.encode()).fetchall():
            content = _rows(connection, schema, name) if kind in ("r", "m", "p") else ""
            found[f"{kind} {schema}.{name}"] = f"{definition} {content}"
    return found


def _rows(connection: psycopg.Connection, schema: str, name: str) -> str:
    return digest(connection, schema, name)


def digest(connection: psycopg.Connection, schema: str, name: str, without: tuple[str, ...] = ()) -> str:
    """The number of rows of a table and a digest of them, whatever their order.

    Args:
        without: columns to leave out.
    """
    columns = [
        row[0]
        for row in connection.execute(
            "select attname from pg_attribute where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))"
            " and attnum > 0 and not attisdropped order by attnum",
            (schema, name),
        )
        if row[0] not in without
    ]
    row = connection.execute(
        sql.SQL(
            "select count(*) || ' rows ' || md5(coalesce(string_agg(md5(x::text), '' order by md5(x::text)"
            " collate \"C\"), '')) from (select {} from {}) as x"
        ).format(sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(schema, name))
    ).fetchone()
    assert row is not None
    return str(row[0])


def changed(before: Belongings, after: Belongings) -> list[str]:
    """What was there before and is not there any more, or not as it was. Named, so that a failure says it."""
    return sorted(
        f"{name} is {'gone' if name not in after else 'changed'}"
        for name, was in before.items()
        if after.get(name) != was
    )
