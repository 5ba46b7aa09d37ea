"""ledger.source_meanings: what the source's names meant at the last look, and which tables are doubted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict

import psycopg
from psycopg.types.json import Jsonb

from warehouse.replicate.catalog.meaning import ColumnMeaning, Meanings, TableMeaning

TAKEN_OUT = 0
"""The listing of a table that we have taken out of the publication: the warehouse did not make any later one."""

Doubts = dict[str, str]
"""Tables whose rows are not known to be equal to the source's, each with the reason."""

_NOTED = """
select table_name, column_name, meaning, doubt from ledger.source_meanings order by table_name, column_name
"""

_PUT = """
insert into ledger.source_meanings (table_name, column_name, meaning) values (%s, %s, %s)
on conflict (table_name, column_name) do update set meaning = excluded.meaning, noted_at = clock_timestamp()
"""

_LISTING = """
update ledger.source_meanings set meaning = meaning || %s where table_name = %s and column_name = ''
"""

_FILES = "update ledger.source_meanings set files = %s where table_name = %s and column_name = ''"

_FILES_NOTED = "select files from ledger.source_meanings where table_name = %s and column_name = ''"

_FORGET = "delete from ledger.source_meanings where table_name = %s and column_name = any(%s)"

_DOUBT = """
update ledger.source_meanings
set doubt = %s, doubted_since = clock_timestamp(), doubted_in = pg_current_xact_id()
where table_name = %s and column_name = ''
"""

_SETTLE = """
update ledger.source_meanings set doubt = null, doubted_since = null, doubted_in = null
where table_name = any(%(tables)s) and column_name = '' and doubt is not null
    and (%(seen)s::text is null or pg_visible_in_snapshot(doubted_in, %(seen)s::pg_snapshot))
"""


def read(warehouse: psycopg.Connection) -> tuple[dict[str, TableMeaning], Doubts]:
    """What was noted, and the doubts."""
    rows = warehouse.execute(_NOTED).fetchall()
    columns: dict[str, dict[str, ColumnMeaning]] = {}
    for table, column, meaning, _ in rows:
        if column:
            columns.setdefault(table, {})[column] = ColumnMeaning(**meaning)
    of_tables = [(table, meaning, doubt) for table, column, meaning, doubt in rows if not column]
    return (
        {table: TableMeaning(**meaning, columns=columns.get(table, {})) for table, meaning, _ in of_tables},
        {table: doubt for table, _, doubt in of_tables if doubt},
    )


def note(warehouse: psycopg.Connection, now: Meanings, table: str, columns: Iterable[str]) -> None:
    """Note what a table and some columns of it mean now. A doubt about it stays."""
    _put_table(warehouse, now, table)
    note_columns(warehouse, now, table, columns)


def note_columns(warehouse: psycopg.Connection, now: Meanings, table: str, columns: Iterable[str]) -> None:
    """Note what some columns mean now; of the table itself only if nothing is noted of it yet."""
    known = warehouse.execute("select from ledger.source_meanings where table_name = %s and column_name = ''", (table,))
    if not known.rowcount:
        _put_table(warehouse, now, table)
    found = now[table].columns
    for column in columns:
        if column in found:
            warehouse.execute(_PUT, (table, column, Jsonb(asdict(found[column]))))


def note_listing(warehouse: psycopg.Connection, table: str, listing: int | None) -> None:
    """Note that we have changed how the publication lists a table; None: it does not any more."""
    warehouse.execute(_LISTING, (Jsonb({"listing": listing or TAKEN_OUT}), table))


def note_files(warehouse: psycopg.Connection, table: str, files: int | None) -> None:
    """Note which files a table of the source has, before PostgreSQL copies it: a killed program does not know later."""
    warehouse.execute(_FILES, (files, table))


def noted_files(warehouse: psycopg.Connection, table: str) -> int | None:
    """The files that a table had before PostgreSQL copied it; None when that was not noted."""
    row = warehouse.execute(_FILES_NOTED, (table,)).fetchone()
    return None if row is None else row[0]


def forget(warehouse: psycopg.Connection, table: str, columns: Sequence[str]) -> None:
    """Forget columns that the stream does not bring any more: what they become does not matter to it."""
    warehouse.execute(_FORGET, (table, list(columns)))


def doubt(warehouse: psycopg.Connection, table: str, reason: str) -> None:
    """Write down that a table's rows are not known to be equal to the source's."""
    warehouse.execute(_DOUBT, (reason, table))


def doubts(warehouse: psycopg.Connection) -> Doubts:
    """The tables that are doubted."""
    return dict(
        warehouse.execute("select table_name, doubt from ledger.source_meanings where doubt is not null").fetchall()
    )


def settle(warehouse: psycopg.Connection, tables: Sequence[str], seen: str | None = None) -> None:
    """Write down that tables were compared with the source in full, and are equal to it now.

    Args:
        seen: the warehouse's snapshot that was compared; a doubt that came later stays. None: nothing else could raise
            one meanwhile.
    """
    warehouse.execute(_SETTLE, {"tables": list(tables), "seen": seen})


def begin(warehouse: psycopg.Connection, now: Meanings, published: dict[str, list[str]]) -> None:
    """Forget all and note it again: a life of the slot begins, and every table was copied or compared."""
    warehouse.execute("delete from ledger.source_meanings")
    for table, columns in published.items():
        if table in now:
            note(warehouse, now, table, columns)


def _put_table(warehouse: psycopg.Connection, now: Meanings, table: str) -> None:
    found = now[table]
    meaning = {"number": found.number, "row": found.row, "listing": found.listing}
    warehouse.execute(_PUT, (table, "", Jsonb(meaning)))
