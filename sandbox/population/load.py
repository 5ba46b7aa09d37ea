"""Loads frames by COPY into tables whose indexes, keys and triggers are set aside, and puts those back afterwards."""

from dataclasses import dataclass
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from sandbox.schema import TABLES

_NULL = r"\N"


@dataclass(frozen=True)
class SetAside:
    """Statements that rebuild what was dropped, in the order in which they must run."""

    rebuild: tuple[str, ...]


class Loader:
    """COPY into the operational tables inside one transaction of the given connection, and a count of what went in."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self.rows: dict[str, int] = {
            table: connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchall()[0][0]
            for table in TABLES
        }
        self._columns: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(%s) AND a.attnum > 0 "
            "AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
            (list(TABLES),),
        ):
            self._columns.setdefault(table, []).append(column)

    def encode(self, table: str, frame: pl.DataFrame) -> tuple[list[str], bytes]:
        """The frame's columns that the table has, and their rows as CSV. Columns of the frame's own are left out."""
        columns = [c for c in self._columns[table] if c in frame.columns]
        text = frame.select(columns).write_csv(
            None, include_header=False, null_value=_NULL, datetime_format="%Y-%m-%d %H:%M:%S%.6f+00"
        )
        return columns, text.encode()

    def copy(self, table: str, columns: list[str], data: bytes, rows: int) -> None:
        """Send encoded rows to the table."""
        freeze = sql.SQL(", FREEZE") if table in self._emptied else sql.SQL("")
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\\N', ENCODING 'UTF8'{})").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)), freeze
        )
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(data)
        self.rows[table] += rows

    _emptied: frozenset[str] = frozenset()

    def empty_tables(self) -> None:
        """Truncate the tables that hold no row yet, so that rows can be loaded frozen and need no later vacuum."""
        empty = [table for table in TABLES if not self.rows[table]]
        self._connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(sql.Identifier, empty))))
        self._emptied = frozenset(empty)


def set_aside(connection: psycopg.Connection[Any]) -> SetAside:
    """Drop foreign keys, indexes and primary keys of all operational tables, and switch their triggers off.

    Needs no superuser: the owner of the tables may do it all. Definitions come from the catalogue, so whatever was
    added to the schema comes back as it was.
    """
    constraints = connection.execute(
        "SELECT conrelid::regclass::text, quote_ident(conname), contype::text, pg_get_constraintdef(oid) "
        "FROM pg_constraint WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('f', 'p', 'u') "
        "ORDER BY contype = 'f' DESC, conrelid::regclass::text, conname",
        (list(TABLES),),
    ).fetchall()
    indexes = connection.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i "
        "WHERE i.indrelid = ANY(%s::regclass[]) "
        "AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')) "
        "ORDER BY i.indexrelid::regclass::text",
        (list(TABLES),),
    ).fetchall()
    keys: list[str] = []
    foreign: list[str] = []
    for table, name, kind, definition in constraints:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
        (foreign if kind == "f" else keys).append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    for table in TABLES:
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(sql.Identifier(table)))
    return SetAside((*keys, *(definition for _, definition in indexes), *foreign))


def put_back(connection: psycopg.Connection[Any], aside: SetAside) -> None:
    """Rebuild what was set aside, switch the triggers on again and gather statistics."""
    # One big sort per index is faster with more memory; the setting ends with the transaction.
    connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
    for statement in aside.rebuild:
        connection.execute(statement.encode())
    for table in TABLES:
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(sql.Identifier(table)))
    for table in TABLES:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table)))
