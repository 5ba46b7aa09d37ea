"""Schemas beside those that readers see: the candidates, in which a build is made and tested, and those of vintages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import psycopg
from psycopg import sql

from warehouse.core.errors import ObjectInTheWay

PREFIX = "trw_build_"

Kind = Literal["candidate", "vintage"]

_COMMENTS: Final[dict[Kind, str]] = {
    "candidate": "Made by a build of the warehouse. The next build drops it with everything in it.",
    "vintage": "A vintage, made by `warehouse build --name`. `warehouse build drop` drops it with everything in it.",
}

_RECORDED = """
select m.name
from ledger.made_here as m
join pg_namespace as n on n.oid = m.object_oid and n.nspname = m.name
where m.kind = %(kind)s and (%(schemas)s::text[] is null or m.name = any(%(schemas)s))
order by 1
"""
_IS_THERE = "select nspname, pg_get_userbyid(nspowner) from pg_namespace where nspname = %s"
_RECORD = """
insert into ledger.made_here (kind, object_oid, name) select %s, oid, nspname from pg_namespace
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
where m.kind = %(kind)s and (%(schemas)s::text[] is null or m.name = any(%(schemas)s))
    and c.relkind in ('r', 'v', 'm', 'f', 'p')
order by 1, 2, 3
"""
_FORGET = """
delete from ledger.made_here
where kind = %(kind)s and (%(schemas)s::text[] is null or name = any(%(schemas)s))
"""


def make(connection: psycopg.Connection, schemas: Iterable[str], kind: Kind = "candidate") -> None:
    """Make schemas beside those of readers, empty, and write down that they are ours.

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
            connection.execute(sql.SQL("comment on schema {} is {}").format(name, sql.Literal(_COMMENTS[kind])))
            connection.execute(_RECORD, (kind, schema))


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
    _drop(connection, "candidate", None, f"The schemas {PREFIX}…, in which the last build was made,")


def drop_vintage(connection: psycopg.Connection, name: str, schemas: Iterable[str]) -> None:
    """Drop the schemas of one vintage: those that the ledger knows to be a vintage's, and no others.

    Raises:
        ObjectInTheWay: see drop_all().
    """
    _drop(connection, "vintage", sorted(schemas), f"The schemas of the vintage {name}")


def _drop(connection: psycopg.Connection, kind: Kind, schemas: list[str] | None, called: str) -> None:
    asked = {"kind": kind, "schemas": schemas}
    # One that was renamed since belongs to whoever renamed it.
    recorded = connection.execute(_RECORDED, asked).fetchall()
    try:
        with connection.transaction():
            connection.execute("set local lock_timeout = '60s'")
            content = connection.execute(_CONTENT, asked).fetchall()
            for schema, _, name, owner, is_ours in content:
                if not is_ours:
                    raise _in_the_way(called, f"{schema}.{name} of {owner} is in one of them")
            # Never by cascade: that would take what others made on these tables.
            for statement, kinds in (("drop view {}", "v"), ("drop table {}", "rp")):
                found = [sql.Identifier(schema, name) for schema, relkind, name, *_ in content if relkind in kinds]
                if found:
                    connection.execute(sql.SQL(statement).format(sql.SQL(", ").join(found)))
            for (schema,) in recorded:
                connection.execute(sql.SQL("drop schema {}").format(sql.Identifier(schema)))
            connection.execute(_FORGET, asked)
    except psycopg.errors.DependentObjectsStillExist as error:
        hanging = (error.diag.message_detail or "").splitlines()
        raise _in_the_way(called, hanging[0] if hanging else "something hangs on it") from None
    except psycopg.errors.LockNotAvailable:
        raise _in_the_way(called, "a reader has held them for more than 60 seconds") from None


def _in_the_way(called: str, what: str) -> ObjectInTheWay:
    return ObjectInTheWay(
        f"{called} cannot be dropped: {what}.",
        meaning="They were left alone. Readers and receivers see the last good build.",
        next_command="Move what is needed to a schema of its own (alter … set schema …) or drop it, then run again.",
    )
