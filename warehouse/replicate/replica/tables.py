"""The replica's tables in the warehouse: the source's current rows, and what brought each of them.

Beside the published columns a row has `_known_from_xid`, the warehouse's transaction that brought this version, and
`_operation`, whether as an insert (I) or an update (U). What was there before is in warehouse/replicate/history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import psycopg
from psycopg import sql

from warehouse.core import ours
from warehouse.core.database import qualified
from warehouse.replicate import history_functions as functions
from warehouse.replicate.catalog.names import HISTORY, KNOWN_FROM, OPERATION, VERSIONS
from warehouse.replicate.catalog.relations import SourceColumn, declared

_TABLE = """
create table {} (
    {},
    {} xid8 not null default pg_current_xact_id(),
    {} "char" not null default {}
)
"""

_STORED_OTHERWISE = """
select attname from pg_attribute as a join pg_type as t on t.oid = a.atttypid
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped and typstorage = 'x' and attstorage <> %s
order by attnum
"""


def create_schemas(connection: psycopg.Connection, schema: str) -> None:
    """Make the schemas of the replica, its history, the views of both and the functions that ask them.

    Raises:
        NotOurs: somebody else has one of them.
    """
    for name in (schema, HISTORY, VERSIONS):
        ours.make_schema(connection, name)
    functions.prepare(connection)


def create_tables(connection: psycopg.Connection, schema: str, tables: dict[str, list[SourceColumn]]) -> None:
    """Make the replica's tables, without keys: rows are copied into them first. Existing ones of ours are replaced.

    Raises:
        NotOurs: somebody else has a relation by the name of one of them, or something that rests on it.
    """
    with connection.transaction():
        ours.drop_tables(connection, [(schema, table) for table in tables])
        for table, columns in tables.items():
            # Types come from the source, never from a file of ours; widths and precision with them. Nothing but the key
            # is constrained: a row that the source accepted is never refused here.
            connection.execute(
                sql.SQL(_TABLE).format(
                    sql.Identifier(schema, table),
                    declared(columns),
                    sql.Identifier(KNOWN_FROM),
                    sql.Identifier(OPERATION),
                    sql.Literal("I"),
                )
            )
            ours.claim_table(connection, schema, table)


def add_key(connection: psycopg.Connection, schema: str, table: str, key: Sequence[str]) -> None:
    """Add the primary key; after the copy, because keeping it up during the copy costs more than anything else."""
    connection.execute(
        sql.SQL("alter table {} add primary key ({})").format(
            sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, key))
        )
    )


def compress_long_values(connection: psycopg.Connection, schema: str, tables: Iterable[str], *, compress: bool) -> None:
    """Whether PostgreSQL compresses the long texts and JSON that come from now on, as it does by itself.

    The rows that are there stay as they are stored.
    """
    storage = sql.SQL("extended" if compress else "external")
    for table in tables:
        names = connection.execute(_STORED_OTHERWISE, (qualified(schema, table), "x" if compress else "e")).fetchall()
        if names:
            changes = [sql.SQL("alter column {} set storage {}").format(sql.Identifier(n), storage) for (n,) in names]
            connection.execute(
                sql.SQL("alter table {} {}").format(sql.Identifier(schema, table), sql.SQL(", ").join(changes))
            )


def drop_all(connection: psycopg.Connection, schema: str, tables: Sequence[str]) -> None:
    """Drop replica, history and views of tables; for a first copy that was interrupted.

    Raises:
        NotOurs: something that the warehouse did not make rests on them, or has their name.
    """
    places = ((VERSIONS, "{}"), (HISTORY, "{}_log"), (schema, "{}"), (HISTORY, "{}"))
    ours.drop_tables(connection, [(place, form.format(table)) for table in tables for place, form in places])
    functions.drop(connection, tables)
