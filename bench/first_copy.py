"""The first copy: ours, raw COPY as the limit, the engine's own as the peer."""

from __future__ import annotations

import psycopg

from bench.measure import Aim, Figure, timing
from bench.rawcopy import raw_copy
from bench.subscriber import SCHEMA, copied_by_the_engine, drop_database, other_database, replicated_columns
from warehouse.core.databases import Databases
from warehouse.core.ledger import migrate
from warehouse.core.progress import Progress
from warehouse.replicate import replica, replicate

TOPIC = "first copy"
LIMIT = "raw binary COPY, one stream, no keys (the limit)"


def first_copy(databases: Databases, progress: Progress) -> list[Figure]:
    """Ours, with keys and history set up and the stream caught up, between the limit and the peer."""
    with databases.warehouse() as warehouse:
        migrate(warehouse)
    progress.say("first copy: ours")
    begin_even(databases)
    with timing() as watch:
        report, _ = replicate(databases, progress)
    rows = report.rows_out or 0
    progress.say("first copy: raw COPY")
    begin_even(databases)
    limit = raw(databases)
    if rows != limit.rows:
        raise RuntimeError(f"{rows} rows were copied, and the limit copied {limit.rows}")
    progress.say("first copy: the engine's own")
    begin_even(databases)
    peer = copied_by_the_engine(databases)
    aims = (
        Aim("times as fast as the engine's own", peer / watch.seconds, "at least", 1.5),
        Aim("of the time of raw COPY", watch.seconds / limit.seconds, "at most", 1.0),
    )
    ours = "warehouse replicate, to the caught-up stream"
    return [
        limit,
        Figure(TOPIC, ours, watch.seconds, rows, watch.seconds / limit.seconds, limit.what, aims),
        Figure(TOPIC, "the engine's own initial copy", peer, rows, peer / limit.seconds, limit.what),
        Figure(TOPIC, "warehouse replicate again", watch.seconds, rows, watch.seconds / peer, "the engine's own"),
    ]


def raw(databases: Databases, only: str | None = None) -> Figure:
    """The limit, for all replicated tables or one."""
    columns = {table: of for table, of in replicated_columns(databases).items() if only in (None, table)}
    target = other_database(databases, "limit_")
    with psycopg.connect(target, autocommit=True) as connection:
        replica.create_tables(connection, SCHEMA, columns)
    names = {table: [column.name for column in listed] for table, listed in columns.items()}
    seconds, rows = raw_copy(databases, databases.source_conninfo, target, names)
    drop_database(databases, "limit_")
    return Figure(TOPIC if only is None else f"{TOPIC}, {only}", LIMIT, seconds, rows)


def begin_even(databases: Databases) -> None:
    """Nobody pays for the pages that another one has left to be written."""
    for connect in (databases.source, databases.warehouse):
        with connect() as connection:
            connection.execute("checkpoint")
