"""The tables of a database with their columns, as PostgreSQL's catalogs have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from warehouse.core.database import qualified


@dataclass(frozen=True)
class SourceColumn:
    """A column as the operational database declares it; `type` is complete, such as `character varying(100)`."""

    name: str
    type: str
    key_position: int | None


Tables = dict[str, dict[str, SourceColumn]]

_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), array_position(i.indkey::int2[], a.attnum)
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_index as i on i.indrelid = c.oid and i.indisprimary
where n.nspname = %s and c.relkind in ('r', 'p') and not c.relispartition
order by c.relname, a.attnum
"""

_COLUMNS_OF = """
select attname, format_type(atttypid, atttypmod) from pg_attribute
where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum
"""


def read_tables(connection: psycopg.Connection, schema: str) -> Tables:
    """Every table of a schema with its columns, in their order."""
    tables: Tables = {}
    for table, column, type_, position in connection.execute(_COLUMNS, (schema,)):
        key_position = None if position is None else int(position)
        tables.setdefault(table, {})[column] = SourceColumn(column, type_, key_position)
    return tables


def columns_of(connection: psycopg.Connection, schema: str, table: str) -> dict[str, LiteralString]:
    """A table's columns in their order, each with its type as SQL; none when there is no such table."""
    return dict(connection.execute(_COLUMNS_OF, (qualified(schema, table),)).fetchall())


def key_of(columns: dict[str, SourceColumn]) -> list[str]:
    """The primary key's columns, in its order."""
    keyed = [(column.key_position, name) for name, column in columns.items() if column.key_position is not None]
    return [name for _, name in sorted(keyed)]


def declared(columns: Sequence[SourceColumn]) -> sql.Composed:
    """Columns as CREATE TABLE takes them."""
    return sql.SQL(", ").join(
        # format_type() gives the type as SQL, quoted where it has to be.
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.type))
        for column in columns
    )
