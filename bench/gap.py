"""A gap in the stream: what is applied before it is found, and how long finding and repairing it take."""

from __future__ import annotations

from dataclasses import replace

import psycopg
from psycopg import sql

from bench.changes import write
from bench.measure import Aim, Figure, timing
from warehouse.core.databases import Databases
from warehouse.core.errors import SlotLost
from warehouse.core.progress import Progress
from warehouse.replicate import replicate
from warehouse.replicate.ledger import epochs
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.slot import drop_slot

TOPIC = "gap"
ROWS = 5_000
_WRITTEN_TO = ("persons", "qualifications", "tps_employments")


def gap_detection(databases: Databases, progress: Progress) -> list[Figure]:
    """The slot is dropped while the stream is off and changes are made; once more, and created again by its name."""
    asking = replace(databases, settings=databases.settings.model_copy(update={"warehouse_repair": "ask"}))
    figures: list[Figure] = []
    with databases.source() as trs, databases.warehouse() as warehouse:
        for what, anew in (("the slot is dropped", False), ("the slot is dropped and created again by hand", True)):
            replicate(asking, progress)
            progress.say(what)
            _lose_slot(databases, trs, warehouse, anew=anew)
            applied = _newest(warehouse)
            with timing() as finding:
                try:
                    replicate(asking, progress)
                except SlotLost:
                    pass
                else:
                    raise RuntimeError("the gap was not found")
            rows = _rows_since(warehouse, applied)
            aim = Aim("rows applied before it was found", rows, "at most", 0)
            figures.append(Figure(TOPIC, f"{what}: found", finding.seconds, 0, aims=(aim,)))
            with timing() as repairing:
                done = repair(databases, progress)
            mended = sum(table.rows_inserted + table.rows_updated + table.rows_deleted for table in done.tables)
            figures.append(Figure(TOPIC, f"{what}: repaired", repairing.seconds, mended))
    return figures


def _lose_slot(databases: Databases, trs: psycopg.Connection, warehouse: psycopg.Connection, *, anew: bool) -> None:
    name = databases.settings.warehouse_replication_name
    epoch = epochs.current(warehouse, name)
    assert epoch is not None
    subscription.stop(warehouse, name)
    write(databases.source_conninfo, ROWS, 10)
    drop_slot(trs, epoch.slot_name)
    if anew:
        trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (epoch.slot_name,))
        # What the new slot would send, after what it has never seen.
        write(databases.source_conninfo, ROWS, 10)


def _newest(warehouse: psycopg.Connection) -> str:
    row = warehouse.execute("select pg_current_xact_id()::text").fetchone()
    assert row is not None
    return str(row[0])


def _rows_since(warehouse: psycopg.Connection, xid: str) -> int:
    """Rows of the replica that later transactions have brought."""
    total = 0
    for table in _WRITTEN_TO:
        row = warehouse.execute(
            sql.SQL("select count(*) from {} where _known_from_xid > %s::text::xid8").format(sql.Identifier(table)),
            (xid,),
        ).fetchone()
        total += int(row[0]) if row else 0
    return total
