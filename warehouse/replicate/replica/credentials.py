"""Credentials inside JSON columns: the expressions that find them and take them out, and the trigger that does it."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from warehouse.replicate.catalog.names import HISTORY, WITHOUT_CREDENTIALS


def remove_credentials(
    connection: psycopg.Connection, schema: str, table: str, without: dict[str, tuple[str, ...]]
) -> None:
    """Make the trigger that takes credentials out of JSON columns before a replicated row is stored."""
    if not without:
        return
    function = sql.Identifier(HISTORY, f"{table}_without_credentials")
    has_any = sql.SQL(" or ").join(has_credentials(column, paths, prefix="new") for column, paths in without.items())
    target = sql.Identifier(schema, table)
    connection.execute(
        sql.SQL("create or replace function {}() returns trigger language plpgsql as {}").format(
            function, sql.Literal(body_without_credentials(without))
        )
    )
    connection.execute(
        sql.SQL(
            # First of all: triggers of one kind go by name, and history must never see a credential.
            "create or replace trigger {} before insert or update on {} for each row when ({}) execute function {}()"
        ).format(sql.Identifier(WITHOUT_CREDENTIALS), target, has_any, function)
    )
    connection.execute(
        sql.SQL("alter table {} enable always trigger {}").format(target, sql.Identifier(WITHOUT_CREDENTIALS))
    )


def body_without_credentials(without: dict[str, tuple[str, ...]]) -> str:
    """The text of the function that takes credentials out of a row, as PostgreSQL stores it."""
    assignments = sql.SQL(" ").join(
        sql.SQL("new.{0} := {1};").format(sql.Identifier(column), without_credentials(column, paths, prefix="new"))
        for column, paths in without.items()
    )
    return sql.SQL(" begin {} return new; end ").format(assignments).as_string(None)


def has_credentials(column: str, paths: Sequence[str], prefix: str | None = None) -> sql.Composable:
    """The condition that a JSON column may hold one of the given paths: cheap, and false for most rows."""
    name = sql.Identifier(prefix, column) if prefix else sql.Identifier(column)
    return sql.SQL("{} ?| {}").format(name, sql.Literal(sorted({path.split(".")[0] for path in paths})))


def without_credentials(column: str, paths: Sequence[str], prefix: str | None = None) -> sql.Composable:
    """The expression that is a JSON column without the given paths."""
    name = sql.Identifier(prefix, column) if prefix else sql.Identifier(column)
    removed = [sql.SQL(" #- {}::text[]").format(sql.Literal(path.split("."))) for path in paths]
    return sql.SQL("case when {} then {}{} else {} end").format(
        has_credentials(column, paths, prefix), name, sql.SQL("").join(removed), name
    )
