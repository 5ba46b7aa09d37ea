"""The comparison itself: tables in parallel, both sides of a table at once, memory bounded whatever differs."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

from warehouse.core.progress import Progress, Silent
from warehouse.core.workers import run_together
from warehouse.replicate.compare import incremental
from warehouse.replicate.compare.ranges import Differences, Queries, Summary, differing, merge, range_bits
from warehouse.replicate.compare.row_hash import Method, method_for
from warehouse.replicate.compare.session import Session, estimates
from warehouse.replicate.compare.spec import Proof, SourceSnapshot, TableComparison, TableSpec, WarehouseState

WORKERS = 2
"""Tables at a time. Each is read by one session on each side."""


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
        proofs: of tables that were equal before; where one holds, rows that were not written since are not read.
        likely_equal: nothing is known to be wrong. About 20 % faster for tables that are equal, nearly twice as slow
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
        of_source, of_home = (future.result() for future in [side.ask(estimates, specs) for side in pairs[0]])
        rows = {spec.table: max(of_source.get(spec.table, 0), of_home.get(spec.table, 0)) for spec in specs}
        run = _Run(pairs, warehouse, method, rows, proofs or {}, likely_equal, progress or Silent())
        # The largest first, so that the last worker does not end long after the others.
        for spec in sorted(specs, key=lambda spec: -rows[spec.table]):
            run.waiting.put(spec)
        run_together(run.work, workers, name="compare", stop=run.break_off)
    return [run.found[spec.table] for spec in specs]


def _connected(
    stack: ExitStack, source: SourceSnapshot, warehouse: WarehouseState, workers: int
) -> list[tuple[Session, Session]]:
    """Connect every worker to both sides, all at once."""
    with ThreadPoolExecutor(2 * workers) as pool:
        opened = [
            pool.submit(Session, at.connect, at.snapshot, at_source=at is source)
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
        pairs: Sequence[tuple[Session, Session]],
        warehouse: WarehouseState,
        method: Method,
        rows: dict[str, int],
        proofs: Mapping[str, Proof],
        likely_equal: bool,
        progress: Progress,
    ) -> None:
        self.waiting: queue.SimpleQueue[TableSpec] = queue.SimpleQueue()
        self.found: dict[str, TableComparison] = {}
        self._pairs: queue.SimpleQueue[tuple[Session, Session]] = queue.SimpleQueue()
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
        source, replica = self._pairs.get_nowait()
        while not self._stop.is_set():
            try:
                spec = self.waiting.get_nowait()
            except queue.Empty:
                return
            self._one(spec, source, replica)

    def _one(self, spec: TableSpec, source: Session, replica: Session) -> None:
        found = self._compare(spec, source, replica, self._method)
        with self._lock:
            self.found[spec.table] = found
            self._done += self._rows[spec.table]
            done = self._done
        self._progress.count("rows compared", done, self._total)

    def _compare(self, spec: TableSpec, source: Session, replica: Session, method: Method) -> TableComparison:
        start = time.monotonic()
        with source.transaction(spec), replica.transaction(spec):
            # Asked when both tables have their locks: from now on they stay as they are.
            looks = incremental.look_at(spec, source, replica, self._warehouse.as_of)
            rows = self._rows[spec.table]
            at_source = Queries(spec, method, range_bits(rows), at_source=True)
            at_home = replace(at_source, at_source=False, as_of=self._warehouse.as_of)
            proof = self._proofs.get(spec.table)
            since = incremental.written_since(proof, looks, rows, at_source, at_home, source, replica)
            if proof and since:
                found = replace(_comparison(spec, *since), carried_from=proof.proved_at)
            else:
                found = _in_full(at_source, at_home, source, replica, likely_equal=self._likely_equal)
        relied_on = proof if found.carried_from else None
        return replace(
            found, seconds=time.monotonic() - start, rewritten=looks.rewritten, proof=looks.proves(relied_on)
        )


def _in_full(
    at_source: Queries, at_home: Queries, source: Session, replica: Session, *, likely_equal: bool
) -> TableComparison:
    """Read every row."""
    if likely_equal:
        # The table as one range: dividing rows among thousands is a fifth of the work, and useless if it is equal.
        as_one = _summaries(replace(at_source, bits=0), replace(at_home, bits=0), source, replica)
        if not differing(*as_one):
            return _comparison(at_source.spec, *as_one, Differences())
    of_source, of_home = _summaries(at_source, at_home, source, replica)
    ranges = differing(of_source, of_home)
    found = Differences(len(ranges))
    if ranges:
        merge(source.stream(at_source.rows(ranges)), replica.stream(at_home.rows(ranges)), found)
    return _comparison(at_source.spec, of_source, of_home, found)


def _summaries(at_source: Queries, at_home: Queries, source: Session, replica: Session) -> tuple[Summary, Summary]:
    both = source.all_of(at_source.summary()), replica.all_of(at_home.summary())
    of_source, of_home = ({n: (rows, hashed) for n, rows, hashed in future.result()} for future in both)
    return of_source, of_home


def _comparison(
    spec: TableSpec,
    of_source: Mapping[int, tuple[int, ...] | tuple[int, int, int | None]],
    of_home: Mapping[int, tuple[int, ...] | tuple[int, int, int | None]],
    found: Differences,
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
