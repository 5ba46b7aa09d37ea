"""The comparison itself: tables in parallel, both sides of a table at once, memory bounded whatever differs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
from psycopg import sql

from warehouse.core.progress import Progress, Silent
from warehouse.core.workers import run_together
from warehouse.replicate.compare.keys import Keys
from warehouse.replicate.compare.ranges import KeyedRow, Queries, differing, merge, range_bits, summary_of
from warehouse.replicate.compare.row_hash import Method, method_for, prepare
from warehouse.replicate.compare.spec import SourceSnapshot, TableComparison, TableSpec, WarehouseState

WORKERS = 2
"""Tables at a time. Each is read by one session on each side."""

_FETCHED_ROWS = 5_000

_SPEED = ("set jit = off", "set max_parallel_workers_per_gather = 0", "set work_mem = '64MB'")
"""One core of the source at most for each worker: it has its own work to do."""

_PATIENCE = ("set statement_timeout = 0", "set idle_in_transaction_session_timeout = 0")
"""A time-out that the server has for others would end the snapshot."""


def tables(
    specs: Sequence[TableSpec],
    source: SourceSnapshot,
    warehouse: WarehouseState,
    *,
    workers: int = WORKERS,
    progress: Progress | None = None,
) -> list[TableComparison]:
    """Compare tables, and return what was found in each, in the order of `specs`.

    Raises:
        psycopg.Error: of the first table that could not be read; the others are broken off.
    """
    if not specs:
        return []
    with source.connect() as there, warehouse.connect() as here:
        method = method_for(there, here)
        rows = {spec.table: max(_estimate(there, spec), _estimate(here, spec)) for spec in specs}
    run = _Run(source, warehouse, method, rows, progress or Silent())
    # The largest first, so that the last worker does not end long after the others.
    for spec in sorted(specs, key=lambda spec: -rows[spec.table]):
        run.waiting.put(spec)
    run_together(run.work, min(workers, len(specs)), name="compare", stop=run.break_off)
    return [run.found[spec.table] for spec in specs]


class _Run:
    """What the workers of one comparison share."""

    def __init__(
        self,
        source: SourceSnapshot,
        warehouse: WarehouseState,
        method: Method,
        rows: dict[str, int],
        progress: Progress,
    ) -> None:
        self.waiting: queue.SimpleQueue[TableSpec] = queue.SimpleQueue()
        self.found: dict[str, TableComparison] = {}
        self._source, self._warehouse, self._method, self._rows = source, warehouse, method, rows
        self._total, self._progress, self._done = sum(rows.values()), progress, 0
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._open: list[psycopg.Connection] = []

    def break_off(self) -> None:
        """End the queries that run; the workers end with them."""
        self._stop.set()
        with self._lock:
            for connection in self._open:
                connection.cancel()

    def work(self) -> None:
        """Compare tables until none waits."""
        with ExitStack() as stack:
            there = _Side(stack, self._source.connect(), self._source.snapshot)
            here = _Side(stack, self._warehouse.connect(), self._warehouse.snapshot)
            with self._lock:
                self._open += [there.connection, here.connection]
            while not self._stop.is_set():
                try:
                    spec = self.waiting.get_nowait()
                except queue.Empty:
                    return
                self._one(spec, there, here)

    def _one(self, spec: TableSpec, there: _Side, here: _Side) -> None:
        with there.transaction(), here.transaction():
            try:
                found = self._compare(spec, there, here, self._method)
            except psycopg.errors.DatetimeFieldOverflow:
                # A timestamp at the very edge of what the engine can hold; the slower method has no such edge.
                found = self._compare(spec, there, here, Method.SHA256)
        with self._lock:
            self.found[spec.table] = found
            self._done += self._rows[spec.table]
            done = self._done
        self._progress.count("rows compared", done, self._total)

    def _compare(self, spec: TableSpec, there: _Side, here: _Side, method: Method) -> TableComparison:
        start = time.monotonic()
        bits = range_bits(self._rows[spec.table])
        at_source = Queries(spec, method, bits, at_source=True)
        at_home = Queries(spec, method, bits, at_source=False, as_of=self._warehouse.as_of)
        both = there.summary(at_source.summary()), here.summary(at_home.summary())
        of_source, of_home = (future.result() for future in both)
        # Asked after the tables were read: from then on their locks keep them as they are.
        rewritten = there.is_rewritten(spec) or here.is_rewritten(spec)
        ranges = differing(of_source, of_home)
        missing, extra, changed = Keys(), Keys(), Keys()
        if ranges:
            merge(there.stream(at_source.rows(ranges)), here.stream(at_home.rows(ranges)), missing, extra, changed)
        return TableComparison(
            spec.schema,
            spec.table,
            source_rows=sum(count for count, _ in of_source.values()),
            warehouse_rows=sum(count for count, _ in of_home.values()),
            ranges=len(of_source.keys() | of_home.keys()),
            differing_ranges=len(ranges),
            missing=missing,
            extra=extra,
            changed=changed,
            seconds=time.monotonic() - start,
            rewritten=rewritten,
        )


class _Side:
    """One session, on the snapshot that is compared, and a thread that waits for its answers."""

    def __init__(self, stack: ExitStack, connection: psycopg.Connection, snapshot: str | None) -> None:
        self.connection = stack.enter_context(connection)
        self._thread = stack.enter_context(ThreadPoolExecutor(1))
        self._snapshot = snapshot
        prepare(connection)
        for statement in (*_SPEED, *_PATIENCE):
            connection.execute(statement.encode())

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction on the snapshot, for one table: its lock, however weak, stands in the way of a TRUNCATE."""
        self.connection.execute("begin isolation level repeatable read read only")
        if self._snapshot is not None:
            self.connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(self._snapshot)))
        yield
        # After an error the connection is closed, and with it all of this.
        self.connection.execute("commit")

    def summary(self, query: sql.Composed) -> Future[dict[int, tuple[int, int]]]:
        """Ask for ranges; the answer comes while the other side is asked."""

        def ask() -> dict[int, tuple[int, int]]:
            # A savepoint: an error must not cost the snapshot.
            with self.connection.transaction(), self.connection.cursor() as cursor:
                return summary_of(iter(cursor.execute(query)))

        return self._thread.submit(ask)

    def is_rewritten(self, spec: TableSpec) -> bool:
        """Whether the table was truncated or rewritten since the snapshot, which then shows it empty."""
        row = self.connection.execute(_REWRITTEN, (spec.schema, spec.table)).fetchone()
        return bool(row and row[0])

    def stream(self, query: sql.Composed) -> Iterator[KeyedRow]:
        """Ask for rows; the next ones are fetched while the last ones are used."""
        cursor = self.connection.cursor("compared")

        def begin() -> list[KeyedRow]:
            return cursor.execute(query).fetchmany(_FETCHED_ROWS)

        return self._batches(cursor, self._thread.submit(begin))

    def _batches(self, cursor: psycopg.ServerCursor[KeyedRow], ahead: Future[list[KeyedRow]]) -> Iterator[KeyedRow]:
        while batch := ahead.result():
            ahead = self._thread.submit(cursor.fetchmany, _FETCHED_ROWS)
            yield from batch
        self._thread.submit(cursor.close).result()


_REWRITTEN = """
with looked_at as (select to_regclass(format('%%I.%%I', %s::text, %s::text)) as oid)

select not exists (select from pg_class as c join looked_at using (oid)) or exists (
    select from pg_class as c
    where (c.oid = (select oid from looked_at)
        or c.oid in (select relid from pg_partition_tree((select oid from looked_at))))
    -- The first is as the snapshot shows it, the second as it is now.
    and nullif(c.relfilenode, 0) is distinct from pg_relation_filenode(c.oid)
)
"""


def _estimate(connection: psycopg.Connection, spec: TableSpec) -> int:
    """About how many rows a table has, for the number of its ranges; any guess gives a right answer."""
    row = connection.execute(
        "select case when reltuples > 0 then reltuples::bigint else pg_relation_size(oid) / 200 end from pg_class"
        " where oid = to_regclass(format('%%I.%%I', %s::text, %s::text))",
        (spec.schema, spec.table),
    ).fetchone()
    return int(row[0]) if row else 0
