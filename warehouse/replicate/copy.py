"""The initial copy: what the tables held at the slot's starting point, read in parallel on its exported snapshot."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.replicate.replica import without_credentials

CHUNK_PAGES = 16_000
"""Pages of 8 kB in a part: 125 MB. Below that the parts' own cost shows; large tables set the end otherwise."""

WORKERS = 2
"""More than two gained nothing on two cores (docs/adr/0002)."""

_BATCH_BYTES = 256 * 1024


@dataclass(frozen=True)
class Part:
    """A table, or a range of its pages."""

    schema: str
    table: str
    columns: tuple[str, ...]
    without: dict[str, tuple[str, ...]]
    first_page: int | None = None
    end_page: int | None = None

    def read(self) -> sql.Composed:
        """The COPY that reads it; credentials inside JSON columns do not even leave the source here."""
        listed = sql.SQL(", ").join(
            without_credentials(name, self.without[name]) if name in self.without else sql.Identifier(name)
            for name in self.columns
        )
        query = sql.SQL("select {} from {}").format(listed, sql.Identifier(self.schema, self.table))
        if self.first_page is not None:
            query += sql.SQL(" where ctid >= {}::tid").format(sql.Literal(f"({self.first_page},0)"))
            if self.end_page is not None:
                query += sql.SQL(" and ctid < {}::tid").format(sql.Literal(f"({self.end_page},0)"))
        return sql.SQL("copy ({}) to stdout (format binary)").format(query)

    def write(self) -> sql.Composed:
        """The COPY that stores it."""
        return sql.SQL("copy {} ({}) from stdin (format binary)").format(
            sql.Identifier(self.schema, self.table), sql.SQL(", ").join(map(sql.Identifier, self.columns))
        )


def split(
    source: psycopg.Connection,
    schema: str,
    published: dict[str, list[str]],
    without: Callable[[str], dict[str, tuple[str, ...]]],
) -> list[Part]:
    """The parts to copy, largest tables first, so that the last worker does not end long after the others."""
    pages: dict[str, int] = dict(
        source.execute(
            "select c.relname, pg_relation_size(c.oid) / current_setting('block_size')::int from pg_class as c"
            " join pg_namespace as n on n.oid = c.relnamespace where n.nspname = %s",
            (schema,),
        ).fetchall()
    )
    parts = []
    for table in sorted(published, key=lambda name: -pages.get(name, 0)):
        cuts = list(range(0, max(pages.get(table, 0), 1), CHUNK_PAGES))
        for index, first in enumerate(cuts):
            # The last range is open: rows on pages that were added since are in the snapshot's view, too.
            end = cuts[index + 1] if index + 1 < len(cuts) else None
            ranged = len(cuts) > 1
            parts.append(Part(schema, table, tuple(published[table]), without(table), first if ranged else None, end))
    return parts


def copy_parts(
    parts: list[Part],
    *,
    snapshot: str,
    connect_source: Callable[[], psycopg.Connection],
    connect_warehouse: Callable[[], psycopg.Connection],
    on_part: Callable[[psycopg.Connection, Part, int, float], None],
    on_table: Callable[[psycopg.Connection, str], None],
    workers: int = WORKERS,
) -> int:
    """Copy all parts and return the number of rows.

    Args:
        snapshot: the exported snapshot; its connection must stay open until this returns.
        on_part: called in the transaction that stored a part, with its rows and seconds: what the ledger says of a
            part is true exactly when the part is there.
        on_table: called when all parts of a table are stored, while others are still being copied: the worker that
            stored the last one adds its keys.

    Raises:
        psycopg.Error: of the first worker that failed; the others stop at their next part.
    """
    waiting: queue.SimpleQueue[Part] = queue.SimpleQueue()
    for part in parts:
        waiting.put(part)
    failures: list[BaseException] = []
    totals: list[int] = []
    stop = threading.Event()
    left, counting = Counter(part.table for part in parts), threading.Lock()

    def is_whole(table: str) -> bool:
        with counting:
            left[table] -= 1
            return left[table] == 0

    def work() -> None:
        try:
            with connect_source() as source, connect_warehouse() as warehouse:
                source.execute("begin isolation level repeatable read read only")
                source.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
                warehouse.execute("set synchronous_commit = off")
                while not stop.is_set():
                    try:
                        part = waiting.get_nowait()
                    except queue.Empty:
                        return
                    start = time.monotonic()
                    with warehouse.transaction():
                        rows = _copy(part, source, warehouse, stop)
                        on_part(warehouse, part, rows, time.monotonic() - start)
                    totals.append(rows)
                    if is_whole(part.table):
                        on_table(warehouse, part.table)
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread, which raises it
            failures.append(error)
            stop.set()

    threads = [threading.Thread(target=work, name=f"copy-{n}", daemon=True) for n in range(min(workers, len(parts)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join(30)
        raise
    if failures:
        raise failures[0]
    return sum(totals)


class _Stopped(Exception):
    """Another worker failed, or Ctrl-C."""


def _copy(part: Part, source: psycopg.Connection, warehouse: psycopg.Connection, stop: threading.Event) -> int:
    with source.cursor().copy(part.read()) as reading, warehouse.cursor() as into:
        with into.copy(part.write()) as writing:
            batch, size = [], 0
            for row in reading:
                batch.append(row)
                size += len(row)
                if size >= _BATCH_BYTES:
                    writing.write(b"".join(batch))
                    batch, size = [], 0
                    if stop.is_set():
                        raise _Stopped
            writing.write(b"".join(batch))
        return into.rowcount
