"""PostgreSQL's own subscription beside ours: a database that the same publication is copied and streamed to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from bench.measure import timing
from warehouse.core.databases import WAREHOUSE, Databases
from warehouse.core.ledger import migrate
from warehouse.replicate import load_classification
from warehouse.replicate.catalog import relations
from warehouse.replicate.replica import tables as replica_tables
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.slot import drop_slot

SCHEMA = "public"
NAME = "bench_peer"


def other_database(databases: Databases, name: str) -> str:
    """A database beside the warehouse, for a peer or a limit; its connection string."""
    cluster = databases.cluster(WAREHOUSE)
    cluster.create_database(name)
    return cluster.conninfo(name)


def drop_database(databases: Databases, name: str) -> None:
    """Throw such a database away, so that its pages are not in the way of the next measurement."""
    with psycopg.connect(databases.cluster(WAREHOUSE).conninfo("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def replicated_columns(databases: Databases) -> dict[str, list[relations.SourceColumn]]:
    """The published columns of every replicated table."""
    published = load_classification().published
    with databases.source() as trs:
        tables = relations.read_tables(trs, SCHEMA)
    return {table: [tables[table][column] for column in names] for table, names in published.items()}


def keys(databases: Databases) -> dict[str, list[str]]:
    """The primary key of every table at the source."""
    with databases.source() as trs:
        return {table: relations.key_of(columns) for table, columns in relations.read_tables(trs, SCHEMA).items()}


def copied_by_postgresql(databases: Databases) -> float:
    """Let a plain subscription copy everything into tables with keys, as PostgreSQL needs them; its seconds."""
    key = keys(databases)
    columns = replicated_columns(databases)
    with psycopg.connect(other_database(databases, NAME), autocommit=True) as connection:
        migrate(connection)
        replica_tables.create_tables(connection, SCHEMA, columns)
        for table in columns:
            replica_tables.add_key(connection, SCHEMA, table, key[table])
        with timing() as watch:
            connection.execute(
                sql.SQL("create subscription {} connection {} publication {} with (copy_data = true)").format(
                    sql.Identifier(NAME),
                    sql.Literal(databases.source_conninfo),
                    sql.Identifier(databases.settings.warehouse_replication_name),
                )
            )
            while connection.execute(
                "select count(*) filter (where srsubstate <> 'r') = 0 and count(*) > 0 from pg_subscription_rel"
            ).fetchone() != (True,):
                time.sleep(0.02)
    return watch.seconds


@contextmanager
def peer(databases: Databases) -> Iterator[psycopg.Connection]:
    """A connection to the database of PostgreSQL's own subscription, which is made now if it is not there.

    The subscription is off outside of drain(), so that it takes nothing of another measurement's time.
    """
    conninfo = other_database(databases, NAME)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if not subscription.exists(connection, NAME):
            copied_by_postgresql(databases)
        subscription.stop(connection, NAME)
        yield connection


def end_peer(databases: Databases) -> None:
    """Take the peer's subscription, slot and database away: the source would keep WAL for them."""
    with psycopg.connect(other_database(databases, NAME), autocommit=True) as connection, databases.source() as trs:
        subscription.drop(connection, NAME)
        drop_slot(trs, NAME)
    drop_database(databases, NAME)


def drain(subscriber: psycopg.Connection, name: str, first: str, last: str) -> float:
    """Switch a subscription on, and off again; seconds from the first marked transaction to the last.

    The start of the worker and of the source's sender, about a tenth of a second, is not in them.

    Args:
        first, last: positions just before the commits of both.
    """
    origin = subscription.origin_name(subscriber, name)
    began = 0.0
    subscription.enable(subscriber, name)
    while True:
        row = subscriber.execute(
            "select coalesce(p >= %s::pg_lsn, false), coalesce(p >= %s::pg_lsn, false)"
            " from pg_replication_origin_progress(%s, false) as p",
            (first, last, origin),
        ).fetchone()
        now = time.perf_counter()
        if row and row[0] and not began:
            began = now
        if row and row[1]:
            break
        if not subscription.is_enabled(subscriber, name):
            raise RuntimeError(f"PostgreSQL switched {name} off; the warehouse's log says why")
        time.sleep(0.004)
    subscription.stop(subscriber, name)
    return now - began
