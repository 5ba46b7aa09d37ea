"""The delay from a commit at the source to the moment when a reader of the warehouse sees it, under load."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from statistics import median

import psycopg

from bench.changes import Written, write
from bench.measure import Aim, Figure, percentile
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.mark import wait_until_applied

SECONDS = 40
LOADS = ((500, 10.0), (5_000, 50.0))
"""Rows a second, and the milliseconds that 99 of 100 commits may take."""

SIZE, WRITERS = 10, 4
_LEAD_SECONDS = 3
_BETWEEN_SECONDS = 0.02
_POLL_SECONDS = 0.0002


def delay(databases: Databases, progress: Progress, seconds: float = SECONDS) -> list[Figure]:
    """With history, at both loads. One clock: all of it is on one machine."""
    name = databases.settings.warehouse_replication_name
    figures: list[Figure] = []
    with databases.source() as trs, databases.warehouse() as warehouse:
        subscription.enable(warehouse, name)
        for load, most in LOADS:
            wait_until_applied(trs, warehouse, name, progress)
            progress.say(f"delay at {load:,} rows a second, {seconds:.0f} s")
            written, seen = _under_load(databases, trs, warehouse, load, seconds)
            figures.append(_figure(load, most, written, seen))
    return figures


def _under_load(
    databases: Databases, trs: psycopg.Connection, warehouse: psycopg.Connection, load: int, seconds: float
) -> tuple[list[Written], list[tuple[float, float]]]:
    results: list[Written] = []

    def work(writer: int) -> None:
        rows, rate = round(load * (seconds + _LEAD_SECONDS) / WRITERS), load / WRITERS
        results.append(write(databases.source_conninfo, rows, SIZE, rate, writer, WRITERS))

    writers = [threading.Thread(target=work, args=(writer,)) for writer in range(WRITERS)]
    for one in writers:
        one.start()
    try:
        time.sleep(_LEAD_SECONDS)
        seen = _beats(trs, warehouse, writers)
    finally:
        for one in writers:
            one.join()
    if len(results) < WRITERS:
        raise RuntimeError("the load broke off")
    return results, seen


def _beats(
    trs: psycopg.Connection, warehouse: psycopg.Connection, load: Sequence[threading.Thread]
) -> list[tuple[float, float]]:
    """Change one row again and again for as long as the load lasts: delays of the commits, and of the looks for them.

    The delay ends with the look that finds the change, so it is too long by up to one look, never too short.
    """
    row = trs.execute("select tps_establishment_type_id from tps_establishment_types limit 1").fetchone()
    assert row is not None
    seen: list[tuple[float, float]] = []
    beat = 0
    while all(writer.is_alive() for writer in load):
        beat += 1
        description = f"beat {beat} of {id(seen)}"
        trs.execute(
            "update tps_establishment_types set description = %s where tps_establishment_type_id = %s",
            (description, row[0]),
        )
        committed = time.perf_counter()
        looks = 0
        while True:
            found = warehouse.execute(
                "select description from tps_establishment_types where tps_establishment_type_id = %s",
                (row[0],),
                prepare=True,
            ).fetchone()
            now = time.perf_counter()
            looks += 1
            if found == (description,):
                break
            time.sleep(_POLL_SECONDS)
        seen.append(((now - committed) * 1000, (now - committed) * 1000 / looks))
        time.sleep(_BETWEEN_SECONDS)
    return seen


def _figure(load: int, most: float, written: Sequence[Written], seen: Sequence[tuple[float, float]]) -> Figure:
    delays = [value for value, _ in seen]
    reached = sum(one.rate for one in written)
    transactions, late = sum(one.transactions for one in written), sum(one.late for one in written)
    more = {
        "p50 ms": percentile(delays, 50),
        "p95 ms": percentile(delays, 95),
        "p99 ms": percentile(delays, 99),
        "longest ms": max(delays),
        "one look ms": median(look for _, look in seen),
        "commits measured": len(delays),
        "rows/s reached": reached,
        "late transactions of a hundred": 100 * late / transactions,
    }
    aims = (
        Aim("99 of 100 commits seen within ms", more["p99 ms"], "at most", most),
        Aim("of the load was reached", reached / load, "at least", 0.95),
    )
    what = f"commit to visible, {load:,} rows a second, {SIZE} a transaction"
    return Figure(
        "delay",
        what,
        max(one.seconds for one in written),
        sum(one.rows for one in written),
        aims=aims,
        more=more,
    )
