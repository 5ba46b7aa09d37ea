"""The initial copy: what the tables held at the slot's starting point, read in parallel on its exported snapshot."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core.json_rule import JsonRule
from warehouse.core.workers import run_together
from warehouse.replicate.json_keys.expression import listed_keys
from warehouse.replicate.stream.transfer import relay

CHUNK_PAGES = 16_000
"""The most pages of 8 kB in a part: 125 MB. Far below that the parts' own cost shows; in larger ones, how unevenly the
workers end."""

WORKERS = 2
"""More than two gained nothing on two cores (docs/adr/0002)."""


@dataclass(frozen=True)
class Part:
    """A table, or a range of its pages."""

    schema: str
    table: str
    columns: tuple[str, ...]
    json_rules: Mapping[str, JsonRule]
    first_page: int | None = None
    end_page: int | None = None

    def read(self) -> sql.Composed:
        """The COPY that reads it; unlisted keys of JSON columns do not even leave the source."""
        listed = sql.SQL(", ").join(
            listed_keys(name, self.json_rules[name]) if name in self.json_rules else sql.Identifier(name)
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


_SIZES = """
-- Long values are outside the table's own pages, but have to be copied all the same.
select c.relname, pg_relation_size(c.oid) / current_setting('block_size')::int, pg_table_size(c.oid)
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where n.nspname = %s
"""


def split(
    source: psycopg.Connection,
    schema: str,
    published: dict[str, list[str]],
    json_rules: Callable[[str], Mapping[str, JsonRule]],
) -> list[Part]:
    """The parts to copy, largest tables first, so that the last worker does not end long after the others."""
    sizes: dict[str, tuple[int, int]] = {row[0]: (row[1], row[2]) for row in source.execute(_SIZES, (schema,))}
    parts = []
    for table in sorted(published, key=lambda name: -sizes.get(name, (0, 0))[1]):
        cuts = _cuts(sizes.get(table, (0, 0))[0])
        for first, end in zip(cuts, [*cuts[1:], None], strict=True):
            # The last range is open: rows on pages that were added since are in the snapshot's view, too.
            ranged = len(cuts) > 1
            parts.append(
                Part(schema, table, tuple(published[table]), json_rules(table), first if ranged else None, end)
            )
    return parts


def _cuts(pages: int) -> list[int]:
    """The first pages of a table's parts: as many for each worker, of equal size, so that all end at the same time."""
    parts = math.ceil(pages / CHUNK_PAGES)
    if parts <= 1:
        return [0]
    each = math.ceil(pages / (math.ceil(parts / WORKERS) * WORKERS))
    return list(range(0, pages, each))


def copy_parts(
    parts: list[Part],
    *,
    snapshot: str,
    connect_source: Callable[[], psycopg.Connection],
    connect_warehouse: Callable[[], psycopg.Connection],
    on_part: Callable[[psycopg.Connection, Part, int, float], None],
    on_table: Callable[[psycopg.Connection, str], None],
    on_read: Callable[[psycopg.Connection, Part], None] = lambda *_: None,
    workers: int = WORKERS,
) -> int:
    """Copy all parts and return the number of rows.

    Args:
        snapshot: the exported snapshot; its connection must stay open until this returns.
        on_part: called in the transaction that stored a part, with its rows and seconds: what the ledger says of a
            part is true exactly when the part is there.
        on_table: called when all parts of a table are stored, while others are still being copied: the worker that
            stored the last one adds its keys.
        on_read: called with the connection to the source when a part was read, in the transaction that read it.

    Raises:
        psycopg.Error: of the first worker that failed; the others stop at their next part.
    """
    waiting: queue.SimpleQueue[Part] = queue.SimpleQueue()
    for part in parts:
        waiting.put(part)
    totals: list[int] = []
    stop = threading.Event()
    left, counting = Counter(part.table for part in parts), threading.Lock()

    def is_whole(table: str) -> bool:
        with counting:
            left[table] -= 1
            return left[table] == 0

    def work() -> None:
        with connect_source() as source, connect_warehouse() as warehouse:
            source.execute("begin isolation level repeatable read read only")
            source.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
            warehouse.execute("set synchronous_commit = off")
            # Statistics from 3,000 rows of a table serve for a first build. The usual 30,000 would cost a quarter
            # of the copy's processor time; autovacuum makes them when a tenth of a table has changed.
            warehouse.execute("set default_statistics_target = 10")
            while not stop.is_set():
                try:
                    part = waiting.get_nowait()
                except queue.Empty:
                    return
                start = time.monotonic()
                with warehouse.transaction():
                    rows = relay(source, part.read(), warehouse, part.write(), stop)
                    on_part(warehouse, part, rows, time.monotonic() - start)
                on_read(source, part)
                totals.append(rows)
                if is_whole(part.table):
                    on_table(warehouse, part.table)

    run_together(work, min(workers, len(parts)), name="copy", stop=stop.set)
    return sum(totals)
