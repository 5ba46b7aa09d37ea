"""Why a column of the replica may be null or old: ledger.column_states, and the record of what was changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg
from psycopg.rows import class_row

Name = Literal["held", "adding", "backfilling", "copying", "complete", "released", "retired", "removed"]
States = dict[tuple[str, str], "ColumnState"]


@dataclass(frozen=True)
class ColumnState:
    """A row of ledger.column_states; `column_name` is empty for a table as a whole."""

    table_name: str
    column_name: str
    state: Name
    reason: str
    filled_up_to: list[str] | None
    rows_filled: int


_READ = """
select table_name, column_name, state, reason, filled_up_to, rows_filled from ledger.column_states
"""

_PUT = """
insert into ledger.column_states (table_name, column_name, state, reason, complete_at)
values (%(t)s, %(c)s, %(s)s, %(r)s, case when %(s)s = 'complete' then clock_timestamp() end)
on conflict (table_name, column_name) do update set
    state = excluded.state,
    reason = excluded.reason,
    since = clock_timestamp(),
    complete_at = excluded.complete_at,
    filled_up_to = null,
    rows_filled = 0
"""

_FILLED = """
update ledger.column_states set filled_up_to = %s, rows_filled = rows_filled + %s
where table_name = %s and column_name = any(%s)
"""

_COMPLETE = """
update ledger.column_states
set state = 'complete', complete_at = clock_timestamp(), filled_up_to = null, reason = %s
where table_name = %s and column_name = any(%s)
"""

_CHANGED = "insert into ledger.structure_changes (kind, table_name, column_name, what) values (%s, %s, %s, %s)"


def read(connection: psycopg.Connection) -> States:
    """Every state there is; a column that came with the first copy and never changed has none."""
    with connection.cursor(row_factory=class_row(ColumnState)) as cursor:
        rows = cursor.execute(_READ).fetchall()
    return {(row.table_name, row.column_name): row for row in rows}


def streaming(known: States, table: str, columns: Iterable[str]) -> set[str]:
    """The columns of a table that the stream is meant to bring: not those that were retired, held or released."""
    off = ("held", "adding", "released", "retired", "removed")
    state = known.get((table, ""))
    if state is not None and state.state in off:
        return set()
    return {name for name in columns if (table, name) not in known or known[table, name].state not in off}


def put(connection: psycopg.Connection, table: str, column: str, state: Name, reason: str) -> None:
    """Set a state; how far a back-fill was is forgotten with the old one."""
    connection.execute(_PUT, {"t": table, "c": column, "s": state, "r": reason})


def put_back(connection: psycopg.Connection, table: str, column: str, state: ColumnState | None) -> None:
    """Restore the state from before a step that failed."""
    connection.execute("delete from ledger.column_states where table_name = %s and column_name = %s", (table, column))
    if state is not None:
        put(connection, table, column, state.state, state.reason)


def filled(
    connection: psycopg.Connection, table: str, columns: Sequence[str], up_to: list[str] | None, rows: int
) -> None:
    """Record how far a back-fill is, in the transaction that wrote the values."""
    connection.execute(_FILLED, (up_to, rows, table, list(columns)))


def complete(connection: psycopg.Connection, table: str, columns: Sequence[str], reason: str) -> None:
    """Record that a null is the source's own from now on."""
    connection.execute(_COMPLETE, (reason, table, list(columns)))


def changed(connection: psycopg.Connection, kind: str, table: str, column: str | None, what: str) -> None:
    """Record a change of structure that was carried out."""
    connection.execute(_CHANGED, (kind, table, column, what))
