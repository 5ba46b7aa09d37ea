"""The sandbox: how fast an operational world is made, against copying the same rows."""

from __future__ import annotations

import psycopg

from bench.measure import Figure, timing
from bench.rawcopy import raw_copy
from sandbox.defaults import SEED
from sandbox.source import make
from warehouse.core.databases import SOURCE, Databases
from warehouse.core.ledger import migrate
from warehouse.core.progress import Progress
from warehouse.replicate.catalog import relations
from warehouse.replicate.replica import tables as replica_tables


def making(databases: Databases, progress: Progress) -> list[Figure]:
    """Make the world with its keys and indexes; the limit copies the same rows into tables without any."""
    people = databases.settings.warehouse_sandbox_people
    with timing() as watch:
        made = make(databases.source_conninfo, people, SEED, progress)
    rows = sum(made.values())
    cluster = databases.cluster(SOURCE)
    cluster.create_database("limit_")
    target = cluster.conninfo("limit_")
    with databases.source() as trs, psycopg.connect(target, autocommit=True) as limit:
        tables = relations.read_tables(trs, "public")
        migrate(limit)
        replica_tables.create_tables(
            limit, "public", {table: list(columns.values()) for table, columns in tables.items()}
        )
    progress.say("copying the same rows")
    names = {table: list(columns) for table, columns in tables.items()}
    seconds, copied = raw_copy(databases, databases.source_conninfo, target, names)
    with psycopg.connect(cluster.conninfo("postgres"), autocommit=True) as connection:
        connection.execute("drop database limit_")
    limit_figure = Figure("sandbox", "raw binary COPY of the same rows, no keys (the limit)", seconds, copied)
    ratio = watch.seconds / seconds
    return [
        limit_figure,
        Figure("sandbox", f"a world of {people:,} people", watch.seconds, rows, ratio, limit_figure.what),
    ]
