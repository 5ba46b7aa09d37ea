"""Changes to a table of the replica while the stream is applied to it, each in one short transaction."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

import psycopg
from psycopg import sql

from warehouse.core.errors import DriftHeld
from warehouse.replicate import history
from warehouse.replicate.catalog.names import DISCARD, HISTORY, VERSIONS
from warehouse.replicate.catalog.relations import SourceColumn, columns_of
from warehouse.replicate.drift import locks
from warehouse.replicate.history.tables import log_of, published_columns
from warehouse.replicate.ledger import column_states
from warehouse.replicate.replica import credentials, views_aside


def alter(connection: psycopg.Connection, schema: str, table: str, done: str, work: Callable[[], None]) -> None:
    """Alter a table of the replica and its history in one transaction.

    Raises:
        DriftHeld: another session holds a lock on it.
    """

    def locked() -> None:
        # The table first, as the apply worker takes them, so that no two sessions wait for each other.
        for place in (schema, HISTORY):
            connection.execute(sql.SQL("lock table {} in access exclusive mode").format(sql.Identifier(place, table)))
        work()

    locks.briefly(connection, locked, schema=schema, table=table, where="the warehouse", done=done)


def add(
    connection: psycopg.Connection,
    schema: str,
    table: str,
    columns: Sequence[SourceColumn],
    without: Mapping[str, tuple[str, ...]],
    state: column_states.Name,
    reason: str,
) -> None:
    """Add columns, null everywhere, with the reason for it. One that exists already only gets its state.

    Args:
        without: the paths that are taken out of the table's JSON columns.
        state: "adding", or "held" for columns of which nothing may be stored.
    """

    def work() -> None:
        add_missing(connection, [schema, HISTORY], table, columns)
        for column in columns:
            column_states.put(connection, table, column.name, state, reason)
        discard_held(connection, schema, table)
        credentials.remove_credentials(connection, schema, table, dict(without))
        history.create_view(connection, schema, table, published_columns(connection, schema, table))

    alter(connection, schema, table, "no column can be added to it", work)


def add_missing(
    connection: psycopg.Connection, places: Iterable[str], table: str, columns: Iterable[SourceColumn]
) -> None:
    """Add columns to a table of that name in some schemas, where it lacks them; in the caller's transaction."""
    for place, column in itertools.product(places, columns):
        connection.execute(
            # format_type() gives the type as SQL, quoted where it has to be.
            sql.SQL("alter table {} add column if not exists {} {}").format(
                sql.Identifier(place, table), sql.Identifier(column.name), sql.SQL(column.type)
            )
        )


def set_states(
    connection: psycopg.Connection,
    schema: str,
    table: str,
    columns: Sequence[str],
    state: column_states.Name,
    reason: str,
) -> None:
    """Give columns another state, and the trigger that goes with it."""

    def work() -> None:
        for column in columns:
            column_states.put(connection, table, column, state, reason)
        discard_held(connection, schema, table)

    alter(connection, schema, table, "its columns' state cannot be changed", work)


def discard_held(connection: psycopg.Connection, schema: str, table: str) -> None:
    """Make the trigger that stores nothing of columns that are held or removed; drop it when there are none."""
    held = [
        column
        for (of, column), state in column_states.read(connection).items()
        if of == table and column and state.state in ("held", "removed")
    ]
    target, function = sql.Identifier(schema, table), sql.Identifier(HISTORY, f"{table}_discard")
    if not held:
        connection.execute(sql.SQL("drop trigger if exists {} on {}").format(sql.Identifier(DISCARD), target))
        connection.execute(sql.SQL("drop function if exists {}()").format(function))
        return
    connection.execute(
        sql.SQL(
            "create or replace function {}() returns trigger language plpgsql as $$ begin {} return new; end $$"
        ).format(
            function,
            sql.SQL(" ").join(sql.SQL("new.{} := null;").format(sql.Identifier(column)) for column in held),
        )
    )
    connection.execute(
        sql.SQL("create or replace trigger {} before insert or update on {} for each row execute function {}()").format(
            sql.Identifier(DISCARD), target, function
        )
    )
    connection.execute(sql.SQL("alter table {} enable always trigger {}").format(target, sql.Identifier(DISCARD)))


def retype(connection: psycopg.Connection, schema: str, table: str, types: Mapping[str, str], reason: str) -> None:
    """Give columns other types, in replica and history; their values are cast, and compared afterwards.

    Raises:
        DriftHeld: a value does not fit the new type, a view does not work with it, or another session holds a lock.
    """

    def work() -> None:
        with (
            views_aside.aside(connection, [(schema, table), (VERSIONS, table)]),
            history.rebuilt(connection, schema, table),
        ):
            for place in (schema, HISTORY):
                for column, type_ in types.items():
                    connection.execute(
                        sql.SQL("alter table {} alter column {} type {} using {}::{}").format(
                            sql.Identifier(place, table),
                            sql.Identifier(column),
                            sql.SQL(type_),
                            sql.Identifier(column),
                            sql.SQL(type_),
                        )
                    )
        for column in types:
            column_states.put(connection, table, column, "adding", reason)

    try:
        alter(connection, schema, table, "no type can be changed", work)
    except (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
        # The primary message names types and views; the values are in the context, which is left out.
        told = error.diag.message_primary if isinstance(error, psycopg.ProgrammingError) else "a value does not fit"
        raise DriftHeld(
            f"{table}.{', '.join(types)} cannot become {', '.join(types.values())} in the warehouse: {told}.",
            meaning="Nothing was changed: the column keeps its type and its values.",
            next_command="Remove the view or the earlier versions that prevent it, or leave the column behind in "
            "replication/trs.yml; then: warehouse replicate apply",
        ) from None


def remove_values(connection: psycopg.Connection, schema: str, table: str, columns: Sequence[str], reason: str) -> None:
    """Take every value of columns out of replica, log and history. No version is made: it would keep them.

    The columns stay, null, so that views and models do not break. PostgreSQL rewrites the tables, so that no dead row
    keeps a value either.
    """

    def work() -> None:
        for column in columns:
            column_states.put(connection, table, column, "removed", reason)
        discard_held(connection, schema, table)
        with views_aside.aside(connection, [(schema, table), (VERSIONS, table)]):
            # The log is of the row's type. Emptied before it is taken aside, it has nothing to give back.
            _empty_in_log(connection, schema, table, columns)
            with history.rebuilt(connection, schema, table):
                types = columns_of(connection, schema, table)
                for place in (schema, HISTORY):
                    for column in columns:
                        connection.execute(
                            sql.SQL("alter table {} alter column {} type {} using null").format(
                                sql.Identifier(place, table), sql.Identifier(column), sql.SQL(types[column])
                            )
                        )

    alter(connection, schema, table, "its values cannot be removed", work)


def _empty_in_log(connection: psycopg.Connection, schema: str, table: str, columns: Sequence[str]) -> None:
    fields = sql.SQL(", ").join(
        sql.SQL("null") if name in columns else sql.SQL("(version).{}").format(sql.Identifier(name))
        for name in columns_of(connection, schema, table)
    )
    connection.execute(
        sql.SQL("update {} set version = row({})::{}").format(log_of(table), fields, sql.Identifier(schema, table))
    )
