"""Make tables of the replica equal to a snapshot of the source, by writing only what differs.

Rows go through the ordinary triggers, so what they supersede is kept in the history. Each transaction is in the ledger
as a repair: its changes were made at the source somewhere between the last position that was certain and the snapshot.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import chain

import psycopg
from psycopg import sql

from warehouse.core.batches import batches
from warehouse.core.writer import write_on_purpose
from warehouse.replicate.catalog.relations import declared
from warehouse.replicate.compare import Key, TableComparison, TableSpec, listed, same_key
from warehouse.replicate.history import transactions
from warehouse.replicate.json_keys.expression import listed_keys
from warehouse.replicate.ledger import gaps as gap_ledger
from warehouse.replicate.ledger.gaps import Gap, Written
from warehouse.replicate.link import Ends
from warehouse.replicate.stream.transfer import relay

BATCH_ROWS = 5_000
"""Rows fetched by key and written in one transaction."""

WHOLE_FROM = 0.5
"""From this share of differing rows on, reading the whole table is cheaper than fetching rows by their keys."""

WHOLE_AT_LEAST_ROWS = 10_000
"""Fewer rows than this are fetched by key, whatever their share."""

_ROWS = sql.Identifier("rows_of_source")


@dataclass(frozen=True)
class Snapshot:
    """What the replica is made equal to.

    Attributes:
        source: a connection inside a transaction on the snapshot.
        taken_at: the source's time of it.
    """

    source: psycopg.Connection
    taken_at: datetime


@dataclass(frozen=True)
class _Step:
    """A part of the work that is not divided: so many rows of a table."""

    spec: TableSpec
    rows: int
    write: Callable[[], Written]


def write_differences(
    ends: Ends, snapshot: Snapshot, gaps: Sequence[Gap], tables: Iterable[tuple[TableSpec, TableComparison]]
) -> dict[str, Written]:
    """Write what comparisons on the same snapshot found; done again after a kill, it finds less and writes less.

    Args:
        ends: nobody else writes the replica; its session is in autocommit.
        gaps: the open gaps; each table that is written belongs to one of them at least.

    Returns:
        What was written to each table.
    """
    work = _Work(ends, snapshot, gaps)
    waiting: list[_Step] = []
    for step in (step for spec, found in tables for step in work.steps(spec, found)):
        # A transaction for each table costs more than a few rows do.
        if sum(one.rows for one in waiting) + step.rows > BATCH_ROWS:
            work.in_one(waiting)
            waiting = []
        waiting.append(step)
    work.in_one(waiting)
    return work.total


@dataclass(frozen=True)
class _Work:
    ends: Ends
    snapshot: Snapshot
    gaps: Sequence[Gap]
    total: dict[str, Written] = field(default_factory=dict)

    def steps(self, spec: TableSpec, found: TableComparison) -> Iterator[_Step]:
        """What there is to write to a table, in parts that are not divided."""
        self.ends.progress.say(f"repairing {spec.table}")
        rows, differing = max(found.source_rows, found.warehouse_rows), _differing(found)
        if differing > WHOLE_FROM * rows and differing >= WHOLE_AT_LEAST_ROWS:
            yield _Step(spec, differing, partial(_all_rows, self.snapshot.source, self.ends.warehouse, spec))
            return
        for keys in batches(found.extra, BATCH_ROWS):
            yield _Step(spec, len(keys), partial(_delete, self.ends.warehouse, spec, keys))
        for keys in batches(chain(found.changed, found.missing), BATCH_ROWS):
            yield _Step(spec, len(keys), partial(_some_rows, self.snapshot.source, self.ends.warehouse, spec, keys))

    def in_one(self, steps: Sequence[_Step]) -> None:
        """One transaction: the rows, and what the ledgers say of them."""
        if not steps:
            return
        warehouse = self.ends.warehouse
        with warehouse.transaction():
            write_on_purpose(warehouse, "repair")
            concerned = [gap for gap in self.gaps if any(gap.concerns(step.spec.table) for step in steps)]
            not_before = min(gap.from_time for gap in concerned)
            transactions.own(warehouse, self.ends.epoch, "repair", self.snapshot.taken_at, not_before)
            for step in steps:
                start, table = time.monotonic(), step.spec.table
                written = step.write()
                counted = gap_ledger.of_table(self.gaps, table)
                assert counted is not None
                gap_ledger.wrote(warehouse, counted, table, written, time.monotonic() - start)
                self.total[table] = self.total.get(table, Written()) + written


def _differing(found: TableComparison) -> int:
    return len(found.missing) + len(found.extra) + len(found.changed)


def _all_rows(source: psycopg.Connection, warehouse: psycopg.Connection, spec: TableSpec) -> Written:
    """Copy the whole table of the snapshot into a temporary one, and write the difference."""
    _fetch(source, warehouse, spec, sql.SQL("{} as t").format(_table(spec)))
    warehouse.execute(
        sql.SQL("create unique index on {} ({})").format(_ROWS, sql.SQL(", ").join(map(sql.Identifier, spec.key)))
    )
    warehouse.execute(sql.SQL("analyze {}").format(_ROWS))
    deleted = warehouse.execute(
        sql.SQL("delete from {} as t where not exists (select from {} as s where {})").format(
            _table(spec), _ROWS, same_key(spec)
        )
    ).rowcount
    return _put(warehouse, spec) + Written(deleted=deleted)


def _some_rows(
    source: psycopg.Connection, warehouse: psycopg.Connection, spec: TableSpec, keys: Sequence[Key]
) -> Written:
    _fetch(
        source,
        warehouse,
        spec,
        sql.SQL("{} as t join {} on {}").format(_table(spec), listed(spec, keys), same_key(spec)),
    )
    return _put(warehouse, spec)


def _delete(warehouse: psycopg.Connection, spec: TableSpec, keys: Sequence[Key]) -> Written:
    deleted = warehouse.execute(
        sql.SQL("delete from {} as t using {} where {}").format(_table(spec), listed(spec, keys), same_key(spec))
    ).rowcount
    return Written(deleted=deleted)


def _fetch(source: psycopg.Connection, warehouse: psycopg.Connection, spec: TableSpec, from_: sql.Composable) -> None:
    """Copy rows of the snapshot into a temporary table of the same shape."""
    warehouse.execute(sql.SQL("create temp table {} ({}) on commit drop").format(_ROWS, declared(spec.columns)))
    columns = sql.SQL(", ").join(
        sql.SQL("({})").format(listed_keys(column.name, spec.json_rules[column.name], prefix="t"))
        if column.name in spec.json_rules
        else sql.Identifier("t", column.name)
        for column in spec.columns
    )
    reading = sql.SQL("copy (select {} from {}) to stdout (format binary)").format(columns, from_)
    writing = sql.SQL("copy {} from stdin (format binary)").format(_ROWS)
    relay(source, reading, warehouse, writing)


def _put(warehouse: psycopg.Connection, spec: TableSpec) -> Written:
    """Write the fetched rows: update those that are there, insert the others."""
    updated = 0
    others = [column.name for column in spec.columns if column.name not in spec.key]
    if others:
        updated = warehouse.execute(
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
    inserted = warehouse.execute(
        sql.SQL("insert into {} ({}) select {} from {} as s where not exists (select from {} as t where {})").format(
            _table(spec), names, names, _ROWS, _table(spec), same_key(spec)
        )
    ).rowcount
    warehouse.execute(sql.SQL("drop table {}").format(_ROWS))
    return Written(inserted=inserted, updated=updated)


def _differs(spec: TableSpec, names: Sequence[str]) -> sql.Composable:
    """The condition that saves the triggers of rows that are equal already, byte by byte."""
    if spec.differently_typed:
        return sql.SQL("")
    row = sql.SQL(" and row({})::record *<> row({})::record")
    return row.format(*(sql.SQL(", ").join(sql.Identifier(side, name) for name in names) for side in ("t", "s")))


def _table(spec: TableSpec) -> sql.Identifier:
    return sql.Identifier(spec.schema, spec.table)
