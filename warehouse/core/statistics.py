"""The planner's samples of a table: they hold values of rows, also of rows that are gone."""

from __future__ import annotations

import psycopg
from psycopg import sql

_CLEAR = """
select pg_clear_attribute_stats(%s, %s, attname::text, %s) from pg_attribute
where attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and attnum > 0 and not attisdropped
"""


def clear_statistics(connection: psycopg.Connection, schema: str, table: str, *, of_partitions: bool) -> None:
    """Forget the planner's samples of a table: an ANALYZE of a table that is empty now would keep the old ones.

    Args:
        of_partitions: the samples of all its partitions together.
    """
    if connection.info.server_version >= 180_000:
        connection.execute(_CLEAR, (schema, table, of_partitions, schema, table))
    else:
        # Before 18 only an administrator can.
        if_allowed(
            connection,
            sql.SQL("delete from pg_catalog.pg_statistic where starelid = to_regclass({})").format(
                sql.Literal(sql.Identifier(schema, table).as_string(connection))
            ),
        )


def if_allowed(connection: psycopg.Connection, statement: sql.SQL | sql.Composed) -> bool:
    """Run what only an owner of the database or an administrator may; returns whether it ran."""
    try:
        connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True
