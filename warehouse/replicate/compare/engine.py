"""The comparison itself: tables in parallel, both sides of a table at once, memory bounded whatever differs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from warehouse.core.progress import Progress, Silent
from warehouse.core.workers import run_together
from warehouse.replicate.compare import damaged, incremental
from warehouse.replicate.compare.keys import Key
from warehouse.replicate.compare.proof import Look, digest, holds, look, server_of
from warehouse.replicate.compare.ranges import KeyedRow, Queries, Summary, differing, merge, range_bits
from warehouse.replicate.compare.row_hash import Method, method_for, prepare
from warehouse.replicate.compare.spec import Horizon, Proof, SourceSnapshot, TableComparison, TableSpec, WarehouseState

WORKERS = 2
"""Tables at a time. Each is read by one session on each side."""

_FETCHED_ROWS = 5_000

_SPEED = (
    "set jit = off",
    # One core of the source at most for each worker: it has its own work to do.
    "set max_parallel_workers_per_gather = 0",
    "set work_mem = '64MB'",
    # In the order of a random key the table's pages come up one by one, as soon as vacuum lags behind.
    "set enable_indexonlyscan = off",
)

_PATIENCE = ("set statement_timeout = 0", "set idle_in_transaction_session_timeout = 0")
"""A time-out that the server has for others would end the snapshot."""


def tables(
    specs: Sequence[TableSpec],
    source: SourceSnapshot,
    warehouse: WarehouseState,
    *,
    proofs: Mapping[str, Proof] | None = None,
    likely_equal: bool = False,
    workers: int = WORKERS,
    progress: Progress | None = None,
) -> list[TableComparison]:
    """Compare tables, and return what was found in each, in the order of `specs`.

    Args:
        proofs: of tables that were equal before; where one holds, rows that were not written since are not looked into.
        likely_equal: nothing is known to be wrong. Cheaper by a fifth for tables that are equal, nearly twice as dear
            for others.

    Raises:
        PageDamaged: a page of a table cannot be read.
        psycopg.Error: of the first table that could not be read; the others are broken off.
    """
    if not specs:
        return []
    workers = min(workers, len(specs))
    with ExitStack() as stack:
        pairs = _connected(stack, source, warehouse, workers)
        method = method_for(*(side.connection for side in pairs[0]))
        of_source, of_home = (future.result() for future in [side.estimates(specs) for side in pairs[0]])
        rows = {spec.table: max(of_source.get(spec.table, 0), of_home.get(spec.table, 0)) for spec in specs}
        run = _Run(pairs, warehouse, method, rows, proofs or {}, likely_equal, progress or Silent())
        # The largest first, so that the last worker does not end long after the others.
        for spec in sorted(specs, key=lambda spec: -rows[spec.table]):
            run.waiting.put(spec)
        run_together(run.work, workers, name="compare", stop=run.break_off)
    return [run.found[spec.table] for spec in specs]


def _connected(
    stack: ExitStack, source: SourceSnapshot, warehouse: WarehouseState, workers: int
) -> list[tuple[_Side, _Side]]:
    """Connect every worker to both sides, all at once."""
    with ThreadPoolExecutor(2 * workers) as pool:
        opened = [
            pool.submit(_Side, at.connect, at.snapshot, at_source=at is source)
            for _ in range(workers)
            for at in (source, warehouse)
        ]
    sides = []
    for future in opened:
        if future.exception() is None:
            sides.append(stack.enter_context(future.result()))
    for future in opened:
        future.result()
    return list(zip(sides[::2], sides[1::2], strict=True))


class _Run:
    """What the workers of one comparison share."""

    def __init__(
        self,
        pairs: Sequence[tuple[_Side, _Side]],
        warehouse: WarehouseState,
        method: Method,
        rows: dict[str, int],
        proofs: Mapping[str, Proof],
        likely_equal: bool,
        progress: Progress,
    ) -> None:
        self.waiting: queue.SimpleQueue[TableSpec] = queue.SimpleQueue()
        self.found: dict[str, TableComparison] = {}
        self._pairs: queue.SimpleQueue[tuple[_Side, _Side]] = queue.SimpleQueue()
        for pair in pairs:
            self._pairs.put(pair)
        self._open = [side.connection for pair in pairs for side in pair]
        self._warehouse, self._method, self._rows, self._proofs = warehouse, method, rows, proofs
        self._likely_equal = likely_equal
        self._total, self._progress, self._done = sum(rows.values()), progress, 0
        self._lock, self._stop = threading.Lock(), threading.Event()

    def break_off(self) -> None:
        """End the queries that run; the workers end with them."""
        self._stop.set()
        for connection in self._open:
            connection.cancel()

    def work(self) -> None:
        """Compare tables until none waits."""
        there, here = self._pairs.get_nowait()
        while not self._stop.is_set():
            try:
                spec = self.waiting.get_nowait()
            except queue.Empty:
                return
            self._one(spec, there, here)

    def _one(self, spec: TableSpec, there: _Side, here: _Side) -> None:
        found = self._compare(spec, there, here, self._method)
        with self._lock:
            self.found[spec.table] = found
            self._done += self._rows[spec.table]
            done = self._done
        self._progress.count("rows compared", done, self._total)

    def _compare(self, spec: TableSpec, there: _Side, here: _Side, method: Method) -> TableComparison:
        start = time.monotonic()
        with there.transaction(spec), here.transaction(spec):
            # Asked when both tables have their locks: from now on they stay as they are.
            both = there.look(spec), here.look(spec)
            of_source, of_home = (future.result() for future in both)
            proof, found = self._proofs.get(spec.table), None
            at_source = Queries(spec, method, range_bits(self._rows[spec.table]), at_source=True)
            at_home = replace(at_source, at_source=False, as_of=self._warehouse.as_of)
            if proof and not self._later and holds(proof, spec, of_source, of_home):
                bits = range_bits(self._rows[spec.table], incremental.ROWS_IN_A_RANGE)
                found = _from_proof(proof, replace(at_source, bits=bits), replace(at_home, bits=bits), there, here)
            found = found or _in_full(at_source, at_home, there, here, likely_equal=self._likely_equal)
        return replace(
            found,
            seconds=time.monotonic() - start,
            rewritten=of_source.rewritten or of_home.rewritten,
            proof=self._proves(spec, of_source, of_home, proof if found.carried_from else None),
        )

    @property
    def _later(self) -> tuple[int, ...]:
        return self._warehouse.as_of.later if self._warehouse.as_of else ()

    def _proves(self, spec: TableSpec, there: Look, here: Look, relied_on: Proof | None) -> Proof | None:
        if there.horizon is None or here.horizon is None or there.rewritten or here.rewritten:
            return None
        # What came after the position was there already, and was left out: it was not compared.
        xmin = min((here.horizon.xmin, *self._later))
        own = Horizon(here.horizon.server, here.horizon.relation, xmin)
        in_full_at = relied_on.in_full_at if relied_on else None
        return Proof(spec.schema, spec.table, digest(spec), there.horizon, own, in_full_at=in_full_at)


def _in_full(at_source: Queries, at_home: Queries, there: _Side, here: _Side, *, likely_equal: bool) -> TableComparison:
    """Look into every row."""
    if likely_equal:
        # The table as one range: dealing rows out to thousands is a fifth of the work, for nothing if it is equal.
        as_one = _summaries(replace(at_source, bits=0), replace(at_home, bits=0), there, here)
        if not differing(*as_one):
            return _comparison(at_source.spec, *as_one, incremental.Differences())
    of_source, of_home = _summaries(at_source, at_home, there, here)
    ranges = differing(of_source, of_home)
    found = incremental.Differences(len(ranges))
    if ranges:
        rows = there.stream(at_source.rows(ranges)), here.stream(at_home.rows(ranges))
        merge(*rows, found.missing, found.extra, found.changed)
    return _comparison(at_source.spec, of_source, of_home, found)


def _summaries(at_source: Queries, at_home: Queries, there: _Side, here: _Side) -> tuple[Summary, Summary]:
    both = there.all_of(at_source.summary()), here.all_of(at_home.summary())
    of_source, of_home = ({n: (rows, hashed) for n, rows, hashed in future.result()} for future in both)
    return of_source, of_home


def _from_proof(
    proof: Proof, at_source: Queries, at_home: Queries, there: _Side, here: _Side
) -> TableComparison | None:
    """Look into the rows that were written since; None when so many differ that all should be looked into."""
    both = (
        there.all_of(at_source.key_summary(proof.source)),
        here.all_of(at_home.key_summary(proof.warehouse)),
    )
    of_source, of_home = ({n: (rows, keys, new) for n, rows, keys, new, _ in future.result()} for future in both)
    places = [{n: listed for n, *_, listed in future.result() if listed} for future in both]

    def side(asked: _Side, queries: Queries, horizon: Horizon, places: Mapping[int, list[str]]) -> incremental.Side:
        def new_rows(ranges: Sequence[int]) -> Iterator[KeyedRow]:
            return asked.stream(queries.new_rows(ranges, horizon, incremental.places_of(ranges, places)))

        def keys(hashes: Sequence[int], ranges: Sequence[int]) -> Iterator[KeyedRow]:
            return asked.stream(queries.keys(hashes, ranges))

        def by_keys(keys: Sequence[Key]) -> dict[Key, int]:
            return {tuple(key): hashed for hashed, *key in asked.all_of(queries.by_keys(keys)).result()}

        return incremental.Side(queries, new_rows, keys, by_keys)

    found = incremental.differences(
        of_source,
        of_home,
        side(there, at_source, proof.source, places[0]),
        side(here, at_home, proof.warehouse, places[1]),
    )
    if found is None:
        return None
    return replace(_comparison(at_source.spec, of_source, of_home, found), carried_from=proof.proved_at)


def _comparison(
    spec: TableSpec,
    of_source: Mapping[int, tuple[int, ...] | tuple[int, int, int | None]],
    of_home: Mapping[int, tuple[int, ...] | tuple[int, int, int | None]],
    found: incremental.Differences,
) -> TableComparison:
    return TableComparison(
        spec.schema,
        spec.table,
        source_rows=sum(summed[0] for summed in of_source.values()),
        warehouse_rows=sum(summed[0] for summed in of_home.values()),
        ranges=len(of_source.keys() | of_home.keys()),
        differing_ranges=found.ranges,
        missing=found.missing,
        extra=found.extra,
        changed=found.changed,
        seconds=0.0,
    )


class _Side:
    """One session, on the snapshot that is compared, and a thread that waits for its answers."""

    def __init__(self, connect: Callable[[], psycopg.Connection], snapshot: str | None, *, at_source: bool) -> None:
        self._stack = ExitStack()
        with ExitStack() as stack:
            self.connection = stack.enter_context(connect())
            prepare(self.connection, *_SPEED, *_PATIENCE)
            self._server = server_of(self.connection, at_source=at_source)
            self._thread = stack.enter_context(ThreadPoolExecutor(1))
            self._snapshot, self._at_source = snapshot, at_source
            self._stack = stack.pop_all()

    def __enter__(self) -> _Side:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @contextmanager
    def transaction(self, spec: TableSpec) -> Iterator[None]:
        """A transaction on the snapshot, for one table: its lock, however weak, stands in the way of a TRUNCATE."""
        steps: list[sql.Composable] = [sql.SQL("begin isolation level repeatable read read only")]
        if self._snapshot is not None:
            steps.append(sql.SQL("set transaction snapshot {}").format(sql.Literal(self._snapshot)))
        # Reads nothing; the lock stays until the end.
        steps.append(sql.SQL("select from {} limit 0").format(sql.Identifier(spec.schema, spec.table)))
        try:
            self.connection.execute(sql.SQL("; ").join(steps))
            yield
        except damaged.UNREADABLE as error:
            # Of two sides the one that failed is the one whose transaction is.
            failed = self.connection.info.transaction_status == TransactionStatus.INERROR
            self.connection.rollback()
            if failed:
                raise damaged.as_error(error, spec.schema, spec.table, at_source=self._at_source) from None
            raise
        except BaseException:
            if not self.connection.broken:
                self.connection.rollback()
            raise
        self.connection.execute("commit")

    def estimates(self, specs: Sequence[TableSpec]) -> Future[dict[str, int]]:
        """Ask about how many rows each table has."""
        return self._thread.submit(_estimates, self.connection, specs)

    def look(self, spec: TableSpec) -> Future[Look]:
        """Look at a table; the answer comes while the other side is asked."""
        return self._thread.submit(look, self.connection, spec, self._server)

    def all_of(self, query: sql.Composed) -> Future[list[tuple[Any, ...]]]:
        """Ask for rows that fit into memory."""

        def ask() -> list[tuple[Any, ...]]:
            with self.connection.cursor(binary=True) as cursor:
                return cursor.execute(query).fetchall()

        return self._thread.submit(ask)

    def stream(self, query: sql.Composed) -> Iterator[KeyedRow]:
        """Ask for rows; the next ones are fetched while the last ones are used."""
        cursor = self.connection.cursor("compared")

        def begin() -> list[KeyedRow]:
            return cursor.execute(query).fetchmany(_FETCHED_ROWS)

        return self._batches(cursor, self._thread.submit(begin))

    def _batches(self, cursor: psycopg.ServerCursor[KeyedRow], ahead: Future[list[KeyedRow]]) -> Iterator[KeyedRow]:
        try:
            while batch := ahead.result():
                ahead = self._thread.submit(cursor.fetchmany, _FETCHED_ROWS)
                yield from batch
        finally:
            self._thread.submit(cursor.close).result()


def _estimates(connection: psycopg.Connection, specs: Sequence[TableSpec]) -> dict[str, int]:
    """About how many rows each table has, for the number of its ranges; any guess gives a right answer."""
    rows = connection.execute(
        "select t, case when reltuples > 0 then reltuples::bigint else pg_relation_size(oid) / 200 end"
        " from unnest(%s::text[], %s::text[]) as x (s, t)"
        " join pg_class on oid = to_regclass(format('%%I.%%I', s, t))",
        ([spec.schema for spec in specs], [spec.table for spec in specs]),
    )
    return {table: int(estimate) for table, estimate in rows}
