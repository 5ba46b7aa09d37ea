"""Changes to a table of the replica while the stream is applied to it, each in one short transaction."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

import psycopg
from psycopg import sql

from warehouse.core import safe_message
from warehouse.core.errors import DriftHeld
from warehouse.replicate import history
from warehouse.replicate.catalog.names import DISCARD, HISTORY, VERSIONS
from warehouse.replicate.catalog.relations import SourceColumn
from warehouse.replicate.drift import locks
from warehouse.replicate.drift.work import Work
from warehouse.replicate.history.tables import published_columns
from warehouse.replicate.ledger import column_states
from warehouse.replicate.replica import filtered, views_aside

_DISCARD = """
create or replace function {function}() returns trigger language plpgsql as $$ begin {emptied} return new; end $$;
create or replace trigger {trigger} before insert or update on {table} for each row execute function {function}();
alter table {table} enable always trigger {trigger}
"""

_DISCARD_NOTHING = "drop trigger if exists {trigger} on {table}; drop function if exists {function}()"


def alter(work: Work, table: str, done: str, change: Callable[[], None]) -> None:
    """Alter a table of the replica and its history in one transaction.

    Raises:
        DriftHeld: another session holds a lock on it.
    """

    def locked() -> None:
        # The table first, as the apply worker takes them, so that no two sessions wait for each other.
        for place in (work.schema, HISTORY):
            work.warehouse.execute(
                sql.SQL("lock table {} in access exclusive mode").format(sql.Identifier(place, table))
            )
        change()

    locks.briefly(work.warehouse, locked, schema=work.schema, table=table, where="the warehouse", done=done)


def add(work: Work, table: str, columns: Sequence[SourceColumn], state: column_states.Name, reason: str) -> None:
    """Add columns, null everywhere, with the reason for it. One that exists already only gets its state.

    Args:
        state: "adding", or "held" for columns of which nothing may be stored.
    """

    def change() -> None:
        add_missing(work.warehouse, [work.schema, HISTORY], table, columns)
        for column in columns:
            column_states.put(work.warehouse, table, column.name, state, reason)
        discard_held(work, table)
        filter_values(work, table)
        view_versions(work, table)

    alter(work, table, "no column can be added to it", change)


def filter_values(work: Work, table: str) -> None:
    """Make the trigger that cuts out what the file does not allow; in the caller's transaction."""
    filtered.filter_values(work.warehouse, work.classification, table)


def view_versions(work: Work, table: str) -> None:
    """Create the view of a table's versions again, with the columns that the table has now."""
    names = published_columns(work.warehouse, work.schema, table)
    history.create_view(work.warehouse, work.schema, table, names)


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


def set_states(work: Work, table: str, columns: Sequence[str], state: column_states.Name, reason: str) -> None:
    """Give columns another state, and the trigger that goes with it."""

    def change() -> None:
        for column in columns:
            column_states.put(work.warehouse, table, column, state, reason)
        discard_held(work, table)

    alter(work, table, "its columns' state cannot be changed", change)


def discard_held(work: Work, table: str) -> None:
    """Make the trigger that stores nothing of columns that are held or removed; drop it when there are none."""
    held = [
        column
        for (of, column), state in column_states.read(work.warehouse).items()
        if of == table and column and state.state in ("held", "removed")
    ]
    names = {
        "trigger": sql.Identifier(DISCARD),
        "table": sql.Identifier(work.schema, table),
        "function": sql.Identifier(HISTORY, f"{table}_discard"),
        "emptied": sql.SQL(" ").join(sql.SQL("new.{} := null;").format(sql.Identifier(column)) for column in held),
    }
    work.warehouse.execute(sql.SQL(_DISCARD if held else _DISCARD_NOTHING).format(**names))


def retype(work: Work, table: str, types: Mapping[str, str], reason: str) -> None:
    """Give columns other types, in replica and history; their values are cast, and compared afterwards.

    Raises:
        DriftHeld: a value does not fit the new type, a view does not work with it, or another session holds a lock.
    """
    warehouse, schema = work.warehouse, work.schema

    def change() -> None:
        with (
            views_aside.aside(warehouse, [(schema, table), (VERSIONS, table)]),
            history.rebuilt(warehouse, schema, table),
        ):
            for place, (column, type_) in itertools.product((schema, HISTORY), types.items()):
                warehouse.execute(
                    sql.SQL("alter table {} alter column {} type {} using {}::{}").format(
                        sql.Identifier(place, table),
                        sql.Identifier(column),
                        sql.SQL(type_),
                        sql.Identifier(column),
                        sql.SQL(type_),
                    )
                )
        for column in types:
            column_states.put(warehouse, table, column, "adding", reason)

    try:
        alter(work, table, "no type can be changed", change)
    except (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
        why = "a value does not fit" if isinstance(error, psycopg.DataError) else safe_message.of(error)
        raise DriftHeld(
            f"{table}.{', '.join(types)} cannot become {', '.join(types.values())} in the warehouse: {why}.",
            meaning="Nothing was changed: the column keeps its type and its values.",
            next_command="Remove the view or the earlier versions that prevent it, or leave the column behind in "
            "replication/trs.yml; then: warehouse replicate apply",
        ) from None
