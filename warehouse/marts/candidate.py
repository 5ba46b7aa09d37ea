"""The candidate schemas: a build is made and tested in them, beside what readers see."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg
from psycopg import sql

from warehouse.core.errors import ObjectInTheWay

PREFIX = "trw_build_"

_COMMENT = "Made by a build of the warehouse. The next build drops it with everything in it."

_RECORDED = """
select m.name
from ledger.made_here as m
join pg_namespace as n on n.oid = m.object_oid and n.nspname = m.name
where m.kind = 'candidate'
order by 1
"""
_IS_THERE = "select nspname, pg_get_userbyid(nspowner) from pg_namespace where nspname = %s"
_RECORD = """
insert into ledger.made_here (kind, object_oid, name) select 'candidate', oid, nspname from pg_namespace
where nspname = %s
on conflict (kind, object_oid) do update set name = excluded.name
"""

_IS_EXPIRED = """
select exists (
    select from ledger.made_here
    where kind = 'candidate' and made_at < clock_timestamp() - %s * interval '1 day'
)
"""
_CONTENT = """
select m.name, c.relkind::text, c.relname, pg_get_userbyid(c.relowner), pg_has_role(c.relowner, 'usage')
from ledger.made_here as m
join pg_namespace as n on n.oid = m.object_oid and n.nspname = m.name
join pg_class as c on c.relnamespace = m.object_oid
where m.kind = 'candidate' and c.relkind in ('r', 'v', 'm', 'f', 'p')
order by 1, 2, 3
"""


def make(connection: psycopg.Connection, schemas: Iterable[str]) -> None:
    """Make the candidate schemas, empty, and write down that they are ours.

    Raises:
        ObjectInTheWay: a schema of such a name is there that no build made.
    """
    for schema in sorted(set(schemas)):
        found = connection.execute(_IS_THERE, (schema,)).fetchone()
        if found:
            raise ObjectInTheWay(
                f"There is a schema {schema} of {found[1]} that no build of this warehouse made.",
                meaning="It was left alone, and nothing was built. Readers and receivers see the last good build.",
                next_command=f"If it is not needed, drop it (drop schema {schema}), then run again.",
            )
        with connection.transaction():
            name = sql.Identifier(schema)
            connection.execute(sql.SQL("create schema {}").format(name))
            connection.execute(sql.SQL("comment on schema {} is {}").format(name, sql.Literal(_COMMENT)))
            connection.execute(_RECORD, (schema,))


def drop_expired(connection: psycopg.Connection, days: float) -> bool:
    """Drop the candidate schemas if they are older than so many days; returns whether they were.

    Raises:
        ObjectInTheWay: see drop_all().
    """
    row = connection.execute(_IS_EXPIRED, (days,)).fetchone()
    expired = bool(row and row[0])
    if expired:
        drop_all(connection)
    return expired


def drop_all(connection: psycopg.Connection) -> None:
    """Drop the candidate schemas that builds left behind: those that the ledger knows, and no others.

    Raises:
        ObjectInTheWay: something of somebody else is in one of them, or hangs on a table there.
    """
    # One that was renamed since belongs to whoever renamed it.
    schemas = connection.execute(_RECORDED).fetchall()
    try:
        with connection.transaction():
            connection.execute("set local lock_timeout = '60s'")
            content = connection.execute(_CONTENT).fetchall()
            for schema, _, name, owner, is_ours in content:
                if not is_ours:
                    raise _in_the_way(f"{schema}.{name} of {owner} is in one of them")
            # Never by cascade: that would take what others made on these tables.
            for statement, kinds in (("drop view {}", "v"), ("drop table {}", "rp")):
                found = [sql.Identifier(schema, name) for schema, kind, name, *_ in content if kind in kinds]
                if found:
                    connection.execute(sql.SQL(statement).format(sql.SQL(", ").join(found)))
            for (schema,) in schemas:
                connection.execute(sql.SQL("drop schema {}").format(sql.Identifier(schema)))
            connection.execute("delete from ledger.made_here where kind = 'candidate'")
    except psycopg.errors.DependentObjectsStillExist as error:
        hanging = (error.diag.message_detail or "").splitlines()
        raise _in_the_way(hanging[0] if hanging else "something hangs on it") from None
    except psycopg.errors.LockNotAvailable:
        raise _in_the_way("a reader has held them for more than 60 seconds") from None


def _in_the_way(what: str) -> ObjectInTheWay:
    return ObjectInTheWay(
        f"The schemas {PREFIX}…, in which the last build was made, cannot be dropped: {what}.",
        meaning="They were left alone. Readers and receivers see the last good build.",
        next_command="Move what is needed to a schema of its own (alter … set schema …) or drop it, then run again.",
    )
