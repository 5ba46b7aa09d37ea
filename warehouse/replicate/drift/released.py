"""What a migration at the source has released by the function there: held as if `apply --release` had released it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from warehouse.replicate.catalog import known_meanings, publication
from warehouse.replicate.catalog.meaning import TableMeaning
from warehouse.replicate.ledger import column_states
from warehouse.replicate.ledger.column_states import ColumnState, States

if TYPE_CHECKING:
    from warehouse.replicate.drift.both_sides import Catalogs
    from warehouse.replicate.drift.work import Work

_READABLE = """
select has_table_privilege(c.oid, 'select') and has_schema_privilege(c.relnamespace, 'usage')
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = 'releases' and c.relkind = 'r'
"""

_RELEASES = """
select release_id, released_at, released_by, table_name, columns, listed_before::bigint, listed_after::bigint
from {} where table_schema = %s order by release_id
"""

_NOTE = """
insert into ledger.source_releases (release_id, released_at, released_by, table_name, columns)
values (%s, %s, %s, %s, %s)
"""


@dataclass(frozen=True)
class Release:
    """A row of the source's table of releases.

    Attributes:
        columns: None for the whole table.
        listed_before, listed_after: the table's line in the publication, as in meaning.py.
    """

    release_id: int
    released_at: datetime
    released_by: str
    table: str
    columns: tuple[str, ...] | None
    listed_before: int
    listed_after: int | None

    @property
    def reason(self) -> str:
        """For the ledger, and for whoever asks why nothing new arrives."""
        when = f"{self.released_at.astimezone(UTC):%d %B %Y %H:%M} UTC"
        return f"released at the source by a migration ({self.released_by}, {when})"


def read(source: psycopg.Connection, name: str, schema: str) -> list[Release]:
    """Every release of the source; none where the function was not installed or may not be asked.

    Args:
        name: of the publication.
    """
    readable = source.execute(_READABLE, (name,)).fetchone()
    if readable is None or not readable[0]:
        return []
    rows = source.execute(sql.SQL(_RELEASES).format(sql.Identifier(name, "releases")), (schema,))
    return [
        Release(number, at, by, table, tuple(columns) if columns is not None else None, before, after)
        for number, at, by, table, columns, before, after in rows
    ]


def new(warehouse: psycopg.Connection, found: Sequence[Release]) -> list[Release]:
    """Those that no run has noted yet."""
    known = set(warehouse.execute("select release_id, released_at from ledger.source_releases").fetchall())
    return [one for one in found if (one.release_id, one.released_at) not in known]


def overlaid(known: States, found: Sequence[Release], sends: Mapping[str, Set[str]]) -> States:
    """The states as a run will note them: what was released since, and is not sent, is released."""
    after = dict(known)
    for one in found:
        for column in _still_out(one, sends):
            after[one.table, column] = ColumnState(one.table, column, "released", one.reason, None, 0)
    return after


def out(source: psycopg.Connection, warehouse: psycopg.Connection, name: str, schema: str) -> set[tuple[str, str]]:
    """Tables (with an empty column) and columns that are released, by `apply --release` or at the source."""
    now = publication.read(source, name, schema)
    found = new(warehouse, read(source, name, schema))
    known = overlaid(column_states.read(warehouse), found, now.sends if now else {})
    return {place for place, state in known.items() if state.state == "released"}


def followed(known: Mapping[str, TableMeaning], found: Sequence[Release]) -> dict[str, TableMeaning]:
    """What was noted, with the lines in the publication as releases have left them; anybody else's stays a change."""
    after = dict(known)
    for one in found:
        table = after.get(one.table)
        if table is not None and table.listing == one.listed_before:
            after[one.table] = replace(table, listing=one.listed_after or known_meanings.TAKEN_OUT)
    return after


def note(work: Work, now: Catalogs) -> None:
    """Write down what the source has released since the last run; all of it or nothing."""
    sends = now.sends
    with work.warehouse.transaction():
        for one in now.releases:
            for column in _still_out(one, sends):
                if one.table in now.replica and (not column or column in now.replica[one.table].columns):
                    column_states.put(work.warehouse, one.table, column, "released", one.reason)
                    column_states.changed(work.warehouse, "released", one.table, column or None, one.reason)
                    work.done.append(f"{one.table}{'.' if column else ''}{column}: {one.reason}")
            if one.table in now.noted:
                known_meanings.note_listing(work.warehouse, one.table, now.noted[one.table].listing)
            columns = list(one.columns) if one.columns else None
            work.warehouse.execute(_NOTE, (one.release_id, one.released_at, one.released_by, one.table, columns))


def _still_out(one: Release, sends: Mapping[str, Set[str]]) -> list[str]:
    """The columns that are not sent; the empty name for a table."""
    if one.columns is None:
        return [] if one.table in sends else [""]
    return [column for column in one.columns if one.table in sends and column not in sends[one.table]]
