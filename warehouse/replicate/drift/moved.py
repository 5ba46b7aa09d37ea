"""Names of the source that mean something else than they did: as differences, and what is done about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg

from warehouse.replicate.catalog import known_meanings, meaning
from warehouse.replicate.catalog.meaning import Change
from warehouse.replicate.catalog.relations import key_of
from warehouse.replicate.drift.both_sides import Catalogs
from warehouse.replicate.drift.difference import Difference, Kind
from warehouse.replicate.ledger import column_states

KINDS: tuple[Kind, ...] = ("other table", "other column")
_NOT_BROUGHT = ("held", "released", "retired", "removed")


def brought(now: Catalogs, table: str) -> list[str]:
    """The columns of a table whose values come with the stream, so that what they mean is noted."""
    if now.publication is None or table not in now.replica or now.state(table) in (*_NOT_BROUGHT, "copying"):
        return []
    if table in now.source and set(now.replica[table].key) != set(key_of(now.source[table])):
        # It is taken out, and copied again with its new key.
        return []
    return [
        column
        for column in sorted(now.publication.sends.get(table, ()))
        if column in now.replica[table].columns and now.state(table, column) not in _NOT_BROUGHT
    ]


def changes(now: Catalogs) -> list[Change]:
    """Which names that the stream goes by mean something else than at the last look."""
    then = {}
    for table, known in now.noted.items():
        names = brought(now, table)
        then[table] = meaning.TableMeaning(
            known.number, known.row, known.listing, {c: known.columns[c] for c in names if c in known.columns}
        )
    return meaning.changes(then, now.meanings, {table: frozenset(of.key) for table, of in now.replica.items()})


def differences(now: Catalogs) -> Iterator[Difference]:
    """What changed since the last look, and the tables that are doubted since an earlier one."""
    found = changes(now)
    doubted = {one.table for one in found if one.column is None}
    for one in found:
        if one.column is None:
            yield _doubted(one.table, one.what, pending=True)
        else:
            will = "its values are compared, and written where they differ"
            yield Difference("other column", one.table, one.column, one.what, will)
    for table, reason in now.doubts.items():
        if table not in doubted and table in now.replica:
            yield _doubted(table, reason, pending=False)


def _doubted(table: str, what: str, *, pending: bool) -> Difference:
    will = "its rows are not known to be equal until they are compared: warehouse replicate repair"
    return Difference("other table", table, None, what, will, "decision", pending=pending)


def note(warehouse: psycopg.Connection, now: Catalogs, found: Sequence[Difference]) -> None:
    """Doubt tables, have columns back-filled, and note what every name means now; all of it or nothing.

    Args:
        found: the differences of these kinds that `now` shows.
    """
    with warehouse.transaction():
        for one in found:
            if one.kind == "other column":
                column_states.put(warehouse, one.table, one.column or "", "backfilling", one.what)
            elif one.pending:
                known_meanings.doubt(warehouse, one.table, one.what)
        for table in now.replica:
            names = brought(now, table)
            known = now.noted.get(table)
            is_new = known is None or any(name not in known.columns for name in names)
            gone = [name for name in known.columns if name not in names] if known else []
            is_told = any(one.table == table for one in found)
            if table in now.meanings and ((names and is_new) or is_told):
                known_meanings.note(warehouse, now.meanings, table, names)
            if gone:
                known_meanings.forget(warehouse, table, gone)
