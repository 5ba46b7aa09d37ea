"""The apply rate: a backlog made while nobody streams, drained by ours with its history and by PostgreSQL bare."""

from __future__ import annotations

from statistics import median

import psycopg

from bench.changes import Written, write
from bench.measure import Aim, Figure, against, each_run
from bench.peers.row_by_row import row_by_row
from bench.subscriber import NAME, drain, end_peer, peer
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.replicate.stream import subscription

ROWS = 200_000
SIZES = (10, 1000)
ROUNDS = 4
BARE, OURS = "PostgreSQL bare, no history (the limit)", "with history"


def apply_rate(databases: Databases, progress: Progress, rows: int = ROWS) -> list[Figure]:
    """Both drain the same backlogs, in turn the one first and the other; medians of the rounds."""
    name = databases.settings.warehouse_replication_name
    figures: list[Figure] = []
    with databases.warehouse() as warehouse, peer(databases) as bare:
        subscription.stop(warehouse, name)
        try:
            for size in SIZES:
                figures += _of_size(databases, progress, warehouse, bare, size, rows)
            progress.say("apply: row by row")
            figures.append(_row_by_row(databases, figures))
        finally:
            subscription.enable(warehouse, name)
            subscription.drop(bare, NAME)
    end_peer(databases)
    return figures


def _of_size(
    databases: Databases,
    progress: Progress,
    warehouse: psycopg.Connection,
    bare: psycopg.Connection,
    size: int,
    rows: int,
) -> list[Figure]:
    topic = f"apply, {size} rows a transaction"
    taken: dict[str, list[float]] = {BARE: [], OURS: []}
    backlog: Written | None = None
    for turn in range(ROUNDS):
        progress.say(f"{topic}: a backlog of {rows:,} rows")
        backlog = write(databases.source_conninfo, rows, size)
        both = [(BARE, bare, NAME), (OURS, warehouse, databases.settings.warehouse_replication_name)]
        for what, subscriber, name in both if turn % 2 == 0 else reversed(both):
            for connection in (warehouse, bare):
                connection.execute("checkpoint")
            progress.say(f"{topic}: {what}")
            taken[what].append(drain(subscriber, name, backlog.first, backlog.last))
    assert backlog is not None
    limit = Figure(topic, BARE, median(taken[BARE]), backlog.rows, more=each_run(taken[BARE]))
    seconds = median(taken[OURS])
    aim = Aim("of PostgreSQL's rate without history", limit.seconds / seconds, "at least", 0.85)
    return [
        limit,
        Figure(topic, OURS, seconds, backlog.rows, seconds / limit.seconds, BARE, (aim,), each_run(taken[OURS])),
    ]


def _row_by_row(databases: Databases, figures: list[Figure]) -> Figure:
    """The old service's way, held against the slower of our two rates."""
    ours = max((f for f in figures if f.what == OURS), key=lambda f: f.seconds / f.rows)
    seconds, rows = row_by_row(databases, NAME)
    old = Figure("apply, row by row", "MERGE of each row over a connection of its own", seconds, rows)
    aim = Aim("times as fast with history", against(old, ours), "at least", 150)
    return Figure(old.topic, old.what, seconds, rows, against(old, ours), f"{ours.topic}, {OURS}", (aim,))
