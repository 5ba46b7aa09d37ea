"""The publication on the operational database: each table with the columns that may leave it."""

from __future__ import annotations

import psycopg
from psycopg import sql

from warehouse.core.errors import MissingPrivilege
from warehouse.replicate.classification import Classification


def statement(name: str, classification: Classification, *, exists: bool = False) -> sql.Composed:
    """The statement that makes the publication, or that brings one that is there in line."""
    tables = sql.SQL(", ").join(
        sql.SQL("{} ({})").format(
            sql.Identifier(classification.schema_name, table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        for table, columns in classification.published.items()
    )
    if exists:
        return sql.SQL("alter publication {} set table {}").format(sql.Identifier(name), tables)
    return sql.SQL("create publication {} for table {} with (publish = 'insert, update, delete, truncate')").format(
        sql.Identifier(name), tables
    )


def published_columns(connection: psycopg.Connection, name: str) -> dict[str, list[str]] | None:
    """What the publication sends now, or None when there is none of that name."""
    if not connection.execute("select 1 from pg_publication where pubname = %s", (name,)).fetchone():
        return None
    rows = connection.execute(
        "select tablename, attnames::text[] from pg_publication_tables where pubname = %s order by 1", (name,)
    )
    return {table: list(columns) for table, columns in rows}


def prepare(connection: psycopg.Connection, name: str, classification: Classification) -> bool:
    """Make the publication send exactly what is classified; True when something had to be changed.

    Raises:
        MissingPrivilege: this user does not own the tables; the administrator can make it with the same statement.
    """
    now = published_columns(connection, name)
    wanted = {table: sorted(columns) for table, columns in classification.published.items()}
    if now is not None and {table: sorted(columns) for table, columns in now.items()} == wanted:
        return False
    try:
        connection.execute(statement(name, classification, exists=now is not None))
    except psycopg.errors.InsufficientPrivilege as error:
        raise MissingPrivilege(
            f"The publication {name} cannot be made: {error.diag.message_primary}.",
            meaning="It decides which columns leave the operational database, so nothing was replicated.",
            next_command="Have its administrator run what `warehouse replicate sql` prints, then run again.",
        ) from None
    return True
