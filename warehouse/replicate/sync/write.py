"""Make tables of the replica equal to a snapshot of the source, by writing only what differs.

Rows go through the ordinary triggers, so what they supersede is kept in the history. Each transaction is in the ledger
as a repair: its changes were made at the source somewhere between the last position that was certain and the snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain, islice

import psycopg
from psycopg import sql

from warehouse.core.writer import write_on_purpose
from warehouse.replicate.catalog.relations import declared
from warehouse.replicate.compare import Key, TableComparison, TableSpec, listed, same_key
from warehouse.replicate.history import transactions
from warehouse.replicate.ledger import gaps
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.ledger.gaps import Gap, Written
from warehouse.replicate.replica.credentials import without_credentials
from warehouse.replicate.stream.transfer import relay

BATCH_ROWS = 5_000
"""Rows fetched by key and written in one transaction."""

WHOLE_FROM = 0.5
"""From this share of differing rows on, reading the whole table is cheaper than fetching rows by their keys."""

WHOLE_AT_LEAST_ROWS = 10_000
"""Fewer rows than this are fetched by key, whatever their share."""

_ROWS = sql.Identifier("rows_of_source")


@dataclass(frozen=True)
class Mending:
    """What all tables of one repair share.

    Attributes:
        source: a connection inside a transaction on the snapshot.
        warehouse: a connection in autocommit; nobody else writes the replica.
        gaps: the open gaps; each table that is written belongs to one of them at least.
        snapshot_at: the source's time of the snapshot.
    """

    source: psycopg.Connection
    warehouse: psycopg.Connection
    epoch: Epoch
    gaps: Sequence[Gap]
    snapshot_at: datetime


@dataclass(frozen=True)
class _Step:
    """A part of the work that is not divided: so many rows of a table."""

    spec: TableSpec
    rows: int
    write: Callable[[], Written]


def mend(work: Mending, tables: Iterable[tuple[TableSpec, TableComparison]]) -> dict[str, Written]:
    """Write what comparisons on the same snapshot found; done again after a kill, it finds less and writes less.

    Returns:
        What was written to each table.
    """
    total: dict[str, Written] = {}
    waiting: list[_Step] = []
    for step in (step for spec, found in tables for step in _steps(work, spec, found)):
        # A transaction for each table costs more than a few rows do.
        if sum(one.rows for one in waiting) + step.rows > BATCH_ROWS:
            _in_one(work, waiting, total)
            waiting = []
        waiting.append(step)
    _in_one(work, waiting, total)
    return total


def _steps(work: Mending, spec: TableSpec, found: TableComparison) -> Iterator[_Step]:
    rows, differing = max(found.source_rows, found.warehouse_rows), _differing(found)
    if differing > WHOLE_FROM * rows and differing >= WHOLE_AT_LEAST_ROWS:
        yield _Step(spec, differing, partial(_all_rows, work, spec))
        return
    for keys in _batches(found.extra):
        yield _Step(spec, len(keys), partial(_delete, work, spec, keys))
    for keys in _batches(chain(found.changed, found.missing)):
        yield _Step(spec, len(keys), partial(_some_rows, work, spec, keys))


def _differing(found: TableComparison) -> int:
    return len(found.missing) + len(found.extra) + len(found.changed)


def _in_one(work: Mending, steps: Sequence[_Step], total: dict[str, Written]) -> None:
    """One transaction: the rows, and what the ledgers say of them."""
    if not steps:
        return
    with work.warehouse.transaction():
        write_on_purpose(work.warehouse, "repair")
        concerned = [gap for gap in work.gaps if any(gap.concerns(step.spec.table) for step in steps)]
        not_before = min(gap.from_time for gap in concerned)
        transactions.own(work.warehouse, work.epoch, "repair", work.snapshot_at, not_before)
        for step in steps:
            start, table = time.monotonic(), step.spec.table
            written = step.write()
            counted = gaps.of_table(work.gaps, table)
            assert counted is not None
            gaps.wrote(work.warehouse, counted, table, written, time.monotonic() - start)
            total[table] = total.get(table, Written()) + written


def _all_rows(work: Mending, spec: TableSpec) -> Written:
    """Bring the whole table over beside the replica's, and write the difference."""
    _fetch(work, spec, sql.SQL("{} as t").format(_table(spec)))
    work.warehouse.execute(
        sql.SQL("create unique index on {} ({})").format(_ROWS, sql.SQL(", ").join(map(sql.Identifier, spec.key)))
    )
    work.warehouse.execute(sql.SQL("analyze {}").format(_ROWS))
    deleted = work.warehouse.execute(
        sql.SQL("delete from {} as t where not exists (select from {} as s where {})").format(
            _table(spec), _ROWS, same_key(spec)
        )
    ).rowcount
    return _put(work, spec) + Written(deleted=deleted)


def _some_rows(work: Mending, spec: TableSpec, keys: Sequence[Key]) -> Written:
    _fetch(work, spec, sql.SQL("{} as t join {} on {}").format(_table(spec), listed(spec, keys), same_key(spec)))
    return _put(work, spec)


def _delete(work: Mending, spec: TableSpec, keys: Sequence[Key]) -> Written:
    deleted = work.warehouse.execute(
        sql.SQL("delete from {} as t using {} where {}").format(_table(spec), listed(spec, keys), same_key(spec))
    ).rowcount
    return Written(deleted=deleted)


def _fetch(work: Mending, spec: TableSpec, from_: sql.Composable) -> None:
    """Copy rows of the snapshot into a temporary table of the same shape."""
    work.warehouse.execute(sql.SQL("create temp table {} ({}) on commit drop").format(_ROWS, declared(spec.columns)))
    columns = sql.SQL(", ").join(
        sql.SQL("({})").format(without_credentials(column.name, spec.without[column.name], prefix="t"))
        if column.name in spec.without
        else sql.Identifier("t", column.name)
        for column in spec.columns
    )
    reading = sql.SQL("copy (select {} from {}) to stdout (format binary)").format(columns, from_)
    writing = sql.SQL("copy {} from stdin (format binary)").format(_ROWS)
    relay(work.source, reading, work.warehouse, writing)


def _put(work: Mending, spec: TableSpec) -> Written:
    """Write the fetched rows: update those that are there, insert the others."""
    updated = 0
    others = [column.name for column in spec.columns if column.name not in spec.key]
    if others:
        updated = work.warehouse.execute(
            sql.SQL("update {} as t set {} from {} as s where {}{}").format(
                _table(spec),
                sql.SQL(", ").join(
                    sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("s", name)) for name in others
                ),
                _ROWS,
                same_key(spec),
                _differs(spec, others),
            )
        ).rowcount
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in spec.columns)
    inserted = work.warehouse.execute(
        sql.SQL("insert into {} ({}) select {} from {} as s where not exists (select from {} as t where {})").format(
            _table(spec), names, names, _ROWS, _table(spec), same_key(spec)
        )
    ).rowcount
    work.warehouse.execute(sql.SQL("drop table {}").format(_ROWS))
    return Written(inserted=inserted, updated=updated)


def _differs(spec: TableSpec, names: Sequence[str]) -> sql.Composable:
    """The condition that saves the triggers of rows that are equal already, byte by byte."""
    if spec.differently_typed:
        return sql.SQL("")
    row = sql.SQL(" and row({})::record *<> row({})::record")
    return row.format(*(sql.SQL(", ").join(sql.Identifier(side, name) for name in names) for side in ("t", "s")))


def _table(spec: TableSpec) -> sql.Identifier:
    return sql.Identifier(spec.schema, spec.table)


def _batches(keys: Iterable[Key]) -> Iterator[list[Key]]:
    left = iter(keys)
    while batch := list(islice(left, BATCH_ROWS)):
        yield batch
