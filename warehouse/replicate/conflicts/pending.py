"""The transaction that the stream waits at: read from the slot without consuming it, and tried out here."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg import sql

from warehouse.core.writer import write_on_purpose
from warehouse.replicate.catalog.relations import columns_of
from warehouse.replicate.conflicts.explain import explained
from warehouse.replicate.conflicts.pgoutput import Change, End, Relation, Transaction, Unchanged, decode
from warehouse.replicate.masking import Hidden, shown
from warehouse.replicate.stream.decoding import decoding

KEYS_KEPT = 1_000
"""For each table; beyond it only the number of rows is kept."""

TRIED = 10_000
"""Changes that are tried out. An engine stops at the first that does not fit, which is almost always among them."""

_LOCK_SECONDS = 5
_STEPS = (1, 10_000, 1_000_000)


class SlotInUse(Exception):
    """Somebody reads the slot, so it cannot be looked into."""


@dataclass(frozen=True)
class Pending:
    """A transaction that was not applied, in numbers and keys only.

    Attributes:
        rows: for each table, how many rows it changes.
        keys: for each table, the keys of its first rows, each as a JSON object would have it.
        end_lsn: the stream is past it when it has applied up to here.
    """

    lsn: int
    end_lsn: int
    committed_at: datetime
    rows: dict[str, int] = field(default_factory=dict)
    keys: dict[str, list[dict[str, str | None]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a change does not fit here. Never a value of any column but the key's."""

    kind: str
    what: str
    table: str | None = None
    operation: str | None = None
    key: dict[str, str | None] | None = None
    constraint: str | None = None


def first_pending(
    source: psycopg.Connection, slot: str, publication: str, applied_lsn: int, hidden: Hidden
) -> Pending | None:
    """The first transaction after what was applied, or None when nothing published waits.

    Raises:
        SlotInUse: the slot is being read; look again when the stream is off.
        Undecodable: the source cannot read the slot's WAL.
    """
    found: Pending | None = None
    rows: dict[str, int] = {}
    keys: dict[str, list[dict[str, str | None]]] = {}
    for item in changes_of_pending(source, slot, publication, applied_lsn):
        if isinstance(item, Pending):
            found = item
        else:
            table = item.relation.table
            rows[table] = rows.get(table, 0) + 1
            kept = keys.setdefault(table, [])
            if item.operation != "truncate" and len(kept) < KEYS_KEPT:
                kept.append(shown(table, item.found_by, hidden))
    return found and Pending(found.lsn, found.end_lsn, found.committed_at, rows, keys)


def changes_of_pending(
    source: psycopg.Connection, slot: str, publication: str, applied_lsn: int
) -> Iterator[Change | Pending]:
    """The changes of the first transaction after `applied_lsn`, and then the transaction itself, without its rows."""
    # The slot may stand a little before what was applied: the position is confirmed now and then. A limit counts
    # changes and is looked at between transactions, so the smallest one that reaches ours is taken.
    for limit in _STEPS:
        end = _end_of_first(source, slot, publication, applied_lsn, limit)
        if end is not None:
            break
    else:
        return
    begun: Transaction | None = None
    with closing(_read(source, slot, publication, limit)) as items:
        for item in items:
            if isinstance(item, Transaction):
                begun = item
            elif isinstance(item, End):
                if item.end_lsn == end:
                    assert begun is not None
                    yield Pending(begun.lsn, item.end_lsn, begun.committed_at)
                    return
            elif begun is not None and applied_lsn <= begun.lsn < end:
                yield item


def _end_of_first(source: psycopg.Connection, slot: str, publication: str, applied_lsn: int, limit: int) -> int | None:
    with closing(_read(source, slot, publication, limit)) as items:
        for item in items:
            if isinstance(item, End) and item.end_lsn > applied_lsn:
                return item.end_lsn
    return None


def _read(source: psycopg.Connection, slot: str, publication: str, limit: int) -> Generator[Transaction | Change | End]:
    with decoding(), source.transaction(), source.cursor(name="pending") as cursor:
        cursor.itersize = 2_000
        try:
            cursor.execute(
                "select data from pg_logical_slot_peek_binary_changes(%s, null, %s, 'proto_version', '1',"
                " 'publication_names', %s)",
                (slot, limit, sql.Identifier(publication).as_string(source)),
            )
            yield from decode(row[0] for row in cursor)
        except psycopg.errors.ObjectInUse as error:
            raise SlotInUse from error


def try_out(warehouse: psycopg.Connection, changes: Iterator[Change | Pending], hidden: Hidden) -> Failure | None:
    """Make the changes here and take them all back; returns the first that does not fit, or None if all do.

    It is how the reason is found without the server's log, which a managed server does not show.
    """
    relations: set[Relation] = set()
    failure: Failure | None = None
    with warehouse.transaction(force_rollback=True):
        write_on_purpose(warehouse, "trial")
        warehouse.execute("select set_config('lock_timeout', %s, true)", (f"{_LOCK_SECONDS}s",))
        for number, change in enumerate(changes):
            if isinstance(change, Pending) or number >= TRIED:
                break
            if change.relation not in relations:
                relations.add(change.relation)
                failure = _structure(warehouse, change.relation)
            failure = failure or _try(warehouse, change, hidden)
            if failure:
                break
    return failure


def _structure(warehouse: psycopg.Connection, relation: Relation) -> Failure | None:
    here = columns_of(warehouse, relation.schema, relation.table)
    if not here:
        return Failure(
            "missing table", f"The warehouse has no table {relation.schema}.{relation.table}.", relation.table
        )
    missing = [name for name in relation.columns if name not in here]
    if missing:
        return Failure(
            "missing column",
            f"The source sends {relation.table}.{missing[0]}, which the replica does not have.",
            relation.table,
        )
    return None


def _try(warehouse: psycopg.Connection, change: Change, hidden: Hidden) -> Failure | None:
    target = sql.Identifier(change.relation.schema, change.relation.table)
    new = {name: value for name, value in change.new.items() if not isinstance(value, Unchanged)}
    names = sql.SQL(", ").join(map(sql.Identifier, new))
    places = sql.SQL(", ").join(sql.Placeholder() for _ in new)
    where = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder()) for n in change.found_by
    )
    found_by = list(change.found_by.values())
    try:
        if change.operation == "insert":
            statement = sql.SQL("insert into {} ({}) values ({})").format(target, names, places)
            warehouse.execute(statement, list(new.values()))
        elif change.operation == "update":
            assignments = sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder()) for n in new
            )
            statement = sql.SQL("update {} set {} where {}").format(target, assignments, where)
            warehouse.execute(statement, [*new.values(), *found_by])
        elif change.operation == "delete":
            warehouse.execute(sql.SQL("delete from {} where {}").format(target, where), found_by)
        else:
            warehouse.execute(sql.SQL("truncate {}").format(target))
    except psycopg.Error as error:
        kind, what = explained(error, change.relation.table)
        return Failure(
            kind,
            what,
            change.relation.table,
            change.operation,
            shown(change.relation.table, change.found_by, hidden) if change.operation != "truncate" else None,
            error.diag.constraint_name,
        )
    return None
