"""Histories as the first version of this product kept them are brought into today's form, with nothing lost."""

from __future__ import annotations

import psycopg
from psycopg import sql

from warehouse.replicate.history.tables import keep, log_of, published_columns
from warehouse.replicate.replica import HISTORY, KNOWN_FROM, OPERATION, VERSIONS
from warehouse.replicate.source import SourceColumn

_FORMER_TRIGGERS = ("b_keep_history", "b_keep_history_of_deleted", "b_keep_history_of_truncated")


def upgrade(connection: psycopg.Connection, schema: str) -> list[str]:
    """Bring each history that is still a single table into the log, from where it is settled; returns their names."""
    former = connection.execute(
        "select c.relname from pg_class as c join pg_attribute as a on a.attrelid = c.oid"
        " where c.relnamespace = to_regnamespace(%s) and c.relkind = 'r' and a.attname = '_known_to_xid'"
        " order by c.relname",
        (HISTORY,),
    ).fetchall()
    for (table,) in former:
        with connection.transaction():
            _upgrade(connection, schema, table)
    return [table for (table,) in former]


def _upgrade(connection: psycopg.Connection, schema: str, table: str) -> None:
    current, before = sql.Identifier(schema, table), f"{table}_before"
    connection.execute(sql.SQL("lock table {} in access exclusive mode").format(current))
    columns = _columns(connection, schema, table)
    connection.execute(sql.SQL("drop view if exists {}").format(sql.Identifier(VERSIONS, table)))
    for trigger in _FORMER_TRIGGERS:
        connection.execute(sql.SQL("drop trigger if exists {} on {}").format(sql.Identifier(trigger), current))
    connection.execute(
        sql.SQL('alter table {} add column if not exists {} "char" not null default {}').format(
            current, sql.Identifier(OPERATION), sql.Literal("I")
        )
    )
    connection.execute(
        sql.SQL("alter table {} rename to {}").format(sql.Identifier(HISTORY, table), sql.Identifier(before))
    )
    keep(connection, schema, table, columns, _key(connection, schema, table))
    connection.execute(
        sql.SQL(
            "insert into {} (version, known_to_xid, ended_by)"
            " select row({}, {}, 'I')::{}, _known_to_xid, _ended_by from {}"
        ).format(
            log_of(table),
            sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
            sql.Identifier(KNOWN_FROM),
            current,
            sql.Identifier(HISTORY, before),
        )
    )
    connection.execute(sql.SQL("drop table {}").format(sql.Identifier(HISTORY, before)))


def _columns(connection: psycopg.Connection, schema: str, table: str) -> list[SourceColumn]:
    types: dict[str, str] = dict(
        connection.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute"
            " where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and attnum > 0",
            (schema, table),
        ).fetchall()
    )
    return [SourceColumn(name, types[name], None) for name in published_columns(connection, schema, table)]


def _key(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    rows = connection.execute(
        "select a.attname from pg_index as i join pg_attribute as a"
        " on a.attrelid = i.indrelid and a.attnum = any(i.indkey)"
        " where i.indisprimary and i.indrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))"
        " order by array_position(i.indkey::int2[], a.attnum)",
        (schema, table),
    ).fetchall()
    return [row[0] for row in rows]
