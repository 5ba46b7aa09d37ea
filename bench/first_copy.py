"""The first copy: ours, raw COPY as the limit, PostgreSQL's own as the peer."""

from __future__ import annotations

from statistics import median

import psycopg

from bench.measure import Aim, Figure, each_run, timing
from bench.rawcopy import raw_copy
from bench.subscriber import SCHEMA, copied_by_postgresql, drop_database, end_peer, other_database, replicated_columns
from warehouse.core.databases import Databases
from warehouse.core.ledger import migrate
from warehouse.core.progress import Progress
from warehouse.replicate import door, replicate, run
from warehouse.replicate.replica import tables as replica_tables

TOPIC = "first copy"
ROUNDS = 3
LIMIT = "raw binary COPY, one stream, no keys (the limit)"


def first_copy(databases: Databases, progress: Progress) -> list[Figure]:
    """Ours, with keys, history and the caught-up stream, between the limit and the peer; medians of the rounds."""
    with databases.warehouse() as warehouse:
        migrate(warehouse)
    ours, limits, peers = list[float](), list[float](), list[float]()
    for turn in range(ROUNDS):
        if turn:
            _begin_anew(databases)
        progress.say("first copy: ours")
        begin_even(databases)
        with timing() as watch:
            report, _ = replicate(databases, progress)
        ours.append(watch.seconds)
        rows = report.rows_out or 0
        progress.say("first copy: raw COPY")
        begin_even(databases)
        limit = raw(databases)
        limits.append(limit.seconds)
        if rows != limit.rows:
            raise RuntimeError(f"{rows} rows were copied, and the limit copied {limit.rows}")
        progress.say("first copy: PostgreSQL's own")
        begin_even(databases)
        peers.append(copied_by_postgresql(databases))
    limit = Figure(TOPIC, LIMIT, median(limits), limit.rows, more=each_run(limits))
    seconds, peer = median(ours), median(peers)
    aims = (
        Aim("times as fast as PostgreSQL's own", peer / seconds, "at least", 1.5),
        Aim("of the time of raw COPY", seconds / limit.seconds, "at most", 1.0),
    )
    what = "warehouse replicate, to the caught-up stream"
    return [
        limit,
        Figure(TOPIC, what, seconds, rows, seconds / limit.seconds, limit.what, aims, each_run(ours)),
        Figure(
            TOPIC,
            "PostgreSQL's own initial copy",
            peer,
            rows,
            peer / limit.seconds,
            limit.what,
            more=each_run(peers),
        ),
        Figure(TOPIC, "warehouse replicate again", seconds, rows, seconds / peer, "PostgreSQL's own"),
    ]


def _begin_anew(databases: Databases) -> None:
    end_peer(databases)
    with door.connected(databases) as ends:
        run.clear(ends, "measured once more")


def raw(databases: Databases, only: str | None = None) -> Figure:
    """The limit, for all replicated tables or one."""
    columns = {table: of for table, of in replicated_columns(databases).items() if only in (None, table)}
    target = other_database(databases, "limit_")
    with psycopg.connect(target, autocommit=True) as connection:
        migrate(connection)
        replica_tables.create_tables(connection, SCHEMA, columns)
    names = {table: [column.name for column in listed] for table, listed in columns.items()}
    seconds, rows = raw_copy(databases, databases.source_conninfo, target, names)
    drop_database(databases, "limit_")
    return Figure(TOPIC if only is None else f"{TOPIC}, {only}", LIMIT, seconds, rows)


def begin_even(databases: Databases) -> None:
    """Nobody pays for the pages that another one has left to be written."""
    for connect in (databases.source, databases.warehouse):
        with connect() as connection:
            connection.execute("checkpoint")
