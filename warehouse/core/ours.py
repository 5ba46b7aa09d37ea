"""What is ours and what is not: nothing else is ever created over, renamed, dropped or written.

A database is recognised by what its server says of it, never by its address: two settings may lead to one database, and
a copy of the operational database may stand where the warehouse should be. In the warehouse's database each schema, and
each table in a schema that others may use, is ours only if the ledger has it (`ledger.made_here`, by its oid, so that
something of the same name which somebody made later is not ours).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.errors import NotOurs, SameDatabase

LEDGER = "ledger"
SCHEMAS = (
    *(LEDGER, "history", "versions", "as_known_at", "as_at"),
    *("seeds", "staging", "intermediate", "marts", "legacy", "extracts"),
)
"""The schemas that the warehouse makes for itself; the replica's own (`public`) is every database's."""

SHARED = "public"

_IDENTIFY = """
select
    (pg_control_system()).system_identifier,
    (select oid from pg_database where datname = current_database()),
    to_regclass('ledger.migrations') is not null and to_regclass('ledger.epochs') is not null
"""

_OCCUPIED = """
select 'schema ' || nspname from pg_namespace where nspname = any(%(schemas)s)
union all
select format('%%I.%%I', n.nspname, c.relname)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(shared)s and c.relkind in ('r', 'p', 'v', 'm', 'f')
    and not exists (
        select from pg_depend as d
        where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
order by 1
"""
_OWNED = """
select c.oid, n.nspname, c.relname, c.relkind::text,
    exists (
        select from ledger.made_here as m
        where (m.kind, m.object_oid) = ('table', c.oid) or (m.kind, m.object_oid) = ('schema', n.oid)
    )
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where (n.nspname, c.relname) in (select * from unnest(%s::text[], %s::text[]))
"""
_IS_OURS = """
select n.oid, exists (select from ledger.made_here as m where m.kind = 'schema' and m.object_oid = n.oid)
from pg_namespace as n where n.nspname = %s
"""
_CLAIM_SCHEMA = """
insert into ledger.made_here (kind, object_oid, name)
select 'schema', oid, nspname from pg_namespace where nspname = %s
on conflict (kind, object_oid) do nothing
"""
_CLAIM_TABLE = """
insert into ledger.made_here (kind, object_oid, name)
select 'table', c.oid, format('%%I.%%I', n.nspname, c.relname)
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s
on conflict (kind, object_oid) do nothing
"""
_OTHERS_TABLES = """
select format('%%I.%%I', n.nspname, c.relname)
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = any(%s)
    and not exists (select from ledger.made_here as m where m.kind = 'table' and m.object_oid = c.oid)
order by 1
"""


@dataclass(frozen=True)
class Database:
    """Which database a connection leads to.

    Attributes:
        system_id: of the database cluster; a physical copy of the cluster has the same.
        oid: of the database in the cluster.
        has_ledger: it is a warehouse.
    """

    system_id: int
    oid: int
    has_ledger: bool

    def is_same(self, other: Database) -> bool:
        """Whether both are one database, or one is a physical copy of the other's."""
        return (self.system_id, self.oid) == (other.system_id, other.oid)


def identify(connection: psycopg.Connection) -> Database:
    """What the server says of the database that a connection leads to."""
    system_id, oid, is_standby = one(connection, _IDENTIFY)
    return Database(int(system_id), int(oid), bool(is_standby))


def refuse_mistaken(source: Database | None, warehouse: Database | None) -> None:
    """Stop before anything is done when the two settings do not lead to an operational database and a warehouse.

    Args:
        source, warehouse: what is known of them; None when it was not connected to yet.

    Raises:
        SameDatabase: both are one, or the operational database is a warehouse.
    """
    if source and warehouse and source.is_same(warehouse):
        raise SameDatabase(
            "TRS_DATABASE_URL and WAREHOUSE_DATABASE_URL lead to the same database, or to two copies of it.",
            meaning="The warehouse would write its own tables over the operational ones. Nothing was done in either.",
            next_command="Set WAREHOUSE_DATABASE_URL to a database of the warehouse's own, then run again.",
        )
    if source and source.has_ledger:
        raise SameDatabase(
            "TRS_DATABASE_URL leads to a warehouse: that database has a ledger of ours.",
            meaning="The two settings may be swapped. A warehouse is never replicated from, and nothing was done.",
            next_command="Set TRS_DATABASE_URL to the operational database and WAREHOUSE_DATABASE_URL to the "
            "warehouse's, then run again.",
        )


def refuse_occupied(connection: psycopg.Connection) -> None:
    """Stop before the first table of a warehouse is made in a database that somebody else uses by the same names.

    Raises:
        NotOurs: names what is in the way.
    """
    rows = connection.execute(_OCCUPIED, {"schemas": list(SCHEMAS), "shared": SHARED}).fetchall()
    if rows:
        raise NotOurs(
            f"The database that WAREHOUSE_DATABASE_URL leads to is used by somebody else: {some(r[0] for r in rows)}.",
            meaning="The warehouse needs these names for itself and touches nothing that it did not make. Nothing was "
            "done. If this is the operational database, the two settings are swapped.",
            next_command="Make a database for the warehouse alone (CREATE DATABASE warehouse) and set "
            "WAREHOUSE_DATABASE_URL to it, or move these away; then run again.",
        )


def make_schema(connection: psycopg.Connection, name: str) -> None:
    """Make a schema of ours if it is not there.

    Raises:
        NotOurs: there is one of that name which we did not make.
    """
    if name == SHARED:
        return
    with connection.transaction():
        row = connection.execute(_IS_OURS, (name,)).fetchone()
        if row is None:
            connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
            claim_schema(connection, name)
        elif not row[1]:
            raise _in_the_way(f"the schema {name}")


def claim_schema(connection: psycopg.Connection, name: str) -> None:
    """Write down a schema that we have made just now; in the transaction that made it."""
    connection.execute(_CLAIM_SCHEMA, (name,))


def claim_table(connection: psycopg.Connection, schema: str, table: str) -> None:
    """Write down a table that we have made just now; in the transaction that made it."""
    connection.execute(_CLAIM_TABLE, (schema, table))


def refuse_others_tables(connection: psycopg.Connection, schema: str, tables: Iterable[str]) -> None:
    """Stop before tables are made or replaced where somebody else has relations by their names.

    Raises:
        NotOurs: names them.
    """
    rows = connection.execute(_OTHERS_TABLES, (schema, list(tables))).fetchall()
    if rows:
        raise _in_the_way(some(row[0] for row in rows))


def drop_tables(connection: psycopg.Connection, tables: Sequence[tuple[str, str]]) -> None:
    """Drop tables and views of ours that are there, all at once.

    Args:
        tables: as (schema, table).

    Raises:
        NotOurs: one of them is not ours, or something of somebody else rests on them; it is named, and nothing is
            dropped.
    """
    with connection.transaction():
        rows = connection.execute(_OWNED, ([schema for schema, _ in tables], [table for _, table in tables])).fetchall()
        others = [f"{schema}.{name}" for _, schema, name, _, is_ours in rows if not is_ours]
        if others:
            raise _in_the_way(some(others))
        try:
            for kinds, noun in (("vm", "view"), ("rp", "table")):
                of_kind = [sql.Identifier(row[1], row[2]) for row in rows if row[3] in kinds]
                if of_kind:
                    connection.execute(sql.SQL("drop {} {}").format(sql.SQL(noun), sql.SQL(", ").join(of_kind)))
        except psycopg.errors.DependentObjectsStillExist as error:
            dependants = some((error.diag.message_detail or "PostgreSQL does not say which").splitlines())
            raise NotOurs(
                "Something that the warehouse did not make depends on tables that have to be made again: "
                f"{dependants}.",
                meaning="Dropping the tables would drop it as well. Nothing was dropped.",
                next_command="Have its owner drop it (pg_get_viewdef gives the text of a view, to make it again "
                "later), then run again.",
            ) from None
        connection.execute(
            "delete from ledger.made_here where kind = 'table' and object_oid = any(%s)", ([row[0] for row in rows],)
        )


def some(names: Iterable[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    listed = list(names)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")


def _in_the_way(what: str) -> NotOurs:
    return NotOurs(
        f"Somebody else has made {what} in the warehouse's database, under a name that the warehouse needs.",
        meaning="The warehouse touches nothing that it did not make, so it stopped before changing anything there.",
        next_command="Have it moved away (ALTER … RENAME TO another name, or SET SCHEMA), then run again.",
    )
