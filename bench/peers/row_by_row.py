"""The old service's way of applying changes, simulated: for each changed row a connection, a MERGE, a commit.

The simulation is generous. The changes lie in memory, server and consumer are on one machine, and nothing is asked
before a row is written.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg import sql

from bench.changes import GONE, NEW, PEOPLE, POSTS
from bench.measure import timing
from bench.subscriber import SCHEMA, keys, other_database, replicated_columns
from warehouse.core.databases import Databases
from warehouse.replicate.catalog.relations import SourceColumn

ROWS = 1_000

Statement = tuple[bytes, list[str | None]]


def row_by_row(databases: Databases, database: str, rows: int = ROWS) -> tuple[float, int]:
    """Apply some changes to the replica tables of a database beside the warehouse; seconds and rows."""
    changes = list(_changes(databases, rows))
    target = other_database(databases, database)
    with timing() as watch:
        for statement, values in changes:
            with psycopg.connect(target) as connection:
                connection.execute(statement, values)
    return watch.seconds, len(changes)


def _changes(databases: Databases, rows: int) -> Iterator[Statement]:
    """As many of each kind as the stream has, in turn."""
    columns, key = replicated_columns(databases), keys(databases)
    with databases.source() as trs:
        kinds = [
            _some(trs, table, columns[table], key[table], round(rows * share), deleted=deleted)
            for table, share, deleted in (
                ("persons", PEOPLE, False),
                ("qualifications", NEW, False),
                ("tps_employments", POSTS, False),
                ("qualifications", GONE, True),
            )
        ]
    while any(kinds):
        for kind in kinds:
            yield from (kind.pop() for _ in range(min(len(kind), 5)))


def _some(
    trs: psycopg.Connection, table: str, columns: list[SourceColumn], key: list[str], rows: int, *, deleted: bool
) -> list[Statement]:
    names = [column.name for column in columns]
    kinds = {column.name: column.type for column in columns}
    chosen = key if deleted else names
    found = trs.execute(
        sql.SQL("select {} from {} tablesample system (20) limit {}").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in chosen),
            sql.Identifier(SCHEMA, table),
            sql.Literal(rows),
        )
    ).fetchall()
    same = sql.SQL(" and ").join(sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in key)
    values = sql.SQL(", ").join(
        sql.SQL("%s::{} as {}").format(sql.SQL(kinds[name]), sql.Identifier(name)) for name in chosen
    )
    if deleted:
        statement = sql.SQL("delete from {} as t using (select {}) as s where {}").format(
            sql.Identifier(SCHEMA, table), values, same
        )
    else:
        statement = sql.SQL(
            "merge into {} as t using (select {}) as s on {} when matched then update set {}"
            " when not matched then insert ({}) values ({})"
        ).format(
            sql.Identifier(SCHEMA, table),
            values,
            same,
            sql.SQL(", ").join(
                sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in names if name not in key
            ),
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.SQL(", ").join(sql.Identifier("s", name) for name in names),
        )
    text = statement.as_bytes(trs)
    return [(text, list(row)) for row in found]
