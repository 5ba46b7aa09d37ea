"""Altering tables that have a history: their structure, or what an erasure takes out of their versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from psycopg import sql

from warehouse.core import view_rights
from warehouse.replicate.catalog.names import OWN_COLUMNS, VERSIONS
from warehouse.replicate.catalog.relations import columns_of
from warehouse.replicate.history import seals, transactions
from warehouse.replicate.history.tables import create_log, create_view, log_of, published_columns


@contextmanager
def rebuilt(
    connection: psycopg.Connection,
    schema: str,
    table: str,
    reason: seals.Reason = "structure",
    because: str | None = None,
) -> Iterator[None]:
    """Take a table's log and view aside while the block alters `<schema>.<table>` and `history.<table>`.

    The log has a column of the row's type, which blocks changing or dropping the row's columns. It is one transaction
    with the block: no session sees the table without its history. Views on `versions.<table>` must be gone before.
    Values of the log are cast to the types that the replica has afterwards; a new column is null in them.
    """
    with (
        connection.transaction(),
        seals.resealed(connection, schema, [table], reason, because),
        view_rights.kept(connection, VERSIONS, table),
    ):
        # The apply worker waits: no version is added between reading the log and creating it again.
        connection.execute(
            sql.SQL("lock table {} in access exclusive mode").format(sql.Identifier(schema, table)),
        )
        before = [*published_columns(connection, schema, table), *OWN_COLUMNS]
        aside = sql.Identifier(f"{table}_log_aside")
        connection.execute(
            sql.SQL("create temp table {} on commit drop as select {}, known_to_xid, ended_by from {}").format(
                aside,
                sql.SQL(", ").join(sql.SQL("(version).{}").format(sql.Identifier(name)) for name in before),
                log_of(table),
            )
        )
        connection.execute(sql.SQL("drop view if exists {}").format(sql.Identifier(VERSIONS, table)))
        connection.execute(sql.SQL("drop table {}").format(log_of(table)))
        yield
        after = columns_of(connection, schema, table)
        create_log(connection, schema, table)
        fields = sql.SQL(", ").join(
            sql.SQL("{}::{}").format(sql.Identifier(name), sql.SQL(kind)) if name in before else sql.SQL("null")
            for name, kind in after.items()
        )
        connection.execute(
            sql.SQL(
                "insert into {} (version, known_to_xid, ended_by) select row({})::{}, known_to_xid, ended_by from {}"
            ).format(log_of(table), fields, sql.Identifier(schema, table), aside)
        )
        connection.execute(sql.SQL("drop table {}").format(aside))
        create_view(connection, schema, table, published_columns(connection, schema, table))


@contextmanager
def erasing(connection: psycopg.Connection, schema: str, tables: Sequence[str], because: str) -> Iterator[None]:
    """Record what the block erases from some tables' versions, and seal the months again that it changes."""
    with seals.resealed(connection, schema, tables, "erasure", because):
        transactions.own_of_an_erasure(connection)
        yield
