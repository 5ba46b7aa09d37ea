"""Replication: the first copy against raw COPY and the engine's own, and the apply rate with and without history."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
from psycopg import sql

import sandbox.life
from bench.measure import Figure, timing
from bench.rawcopy import raw_copy
from warehouse.core.databases import WAREHOUSE, Databases
from warehouse.core.ledger import migrate
from warehouse.core.progress import Progress, Silent
from warehouse.replicate import load_classification, replica, replicate, source, subscription

SCHEMA = "public"


def _other_database(databases: Databases, name: str) -> str:
    """A database beside the warehouse, for a peer or a limit; its connection string."""
    cluster = databases.cluster(WAREHOUSE)
    cluster.create_database(name)
    return cluster.conninfo(name)


def _columns(databases: Databases) -> dict[str, list[source.SourceColumn]]:
    published = load_classification().published
    with databases.source() as trs:
        tables = source.read_tables(trs, SCHEMA)
    return {table: [tables[table][column] for column in names] for table, names in published.items()}


def _raw_copy(databases: Databases) -> Figure:
    target = _other_database(databases, "limit_")
    columns = _columns(databases)
    with psycopg.connect(target, autocommit=True) as connection:
        replica.create_tables(connection, SCHEMA, columns)
    names = {table: [column.name for column in listed] for table, listed in columns.items()}
    seconds, rows = raw_copy(databases, databases.source_conninfo, target, names)
    return Figure("first copy", "raw binary COPY, one stream, no keys (the limit)", seconds, rows)


def _engines_own(databases: Databases, limit: Figure) -> Figure:
    """The peer: the subscription's own initial copy, into tables with keys, as the engine wants them."""
    target = _other_database(databases, "peer")
    columns = _columns(databases)
    name = databases.settings.warehouse_replication_name
    with psycopg.connect(target, autocommit=True) as connection, databases.source() as trs:
        tables = source.read_tables(trs, SCHEMA)
        replica.create_tables(connection, SCHEMA, columns)
        for table in columns:
            replica.add_key(connection, SCHEMA, table, source.key_of(tables[table]))
        with timing() as watch:
            connection.execute(
                sql.SQL("create subscription bench_peer connection {} publication {} with (copy_data = true)").format(
                    sql.Literal(databases.source_conninfo), sql.Identifier(name)
                )
            )
            _until(
                connection,
                "select count(*) filter (where srsubstate <> 'r') = 0 and count(*) > 0 from pg_subscription_rel",
                0.05,
            )
    ratio = watch.seconds / limit.seconds
    return Figure("first copy", "the engine's own initial copy", watch.seconds, limit.rows, ratio, limit.what)


def first_copy(databases: Databases, progress: Progress) -> list[Figure]:
    """Ours, with keys and history set up and the stream caught up, between the limit and the peer."""
    with databases.warehouse() as warehouse:
        migrate(warehouse)
    progress.say("first copy: ours")
    with timing() as watch:
        report, _ = replicate(databases, progress)
    progress.say("first copy: raw COPY")
    limit = _raw_copy(databases)
    progress.say("first copy: the engine's own")
    peer = _engines_own(databases, limit)
    rows = report.rows_out or 0
    if rows != limit.rows:
        raise RuntimeError(f"{rows} rows were copied, and the limit copied {limit.rows}")
    ours = Figure("first copy", "warehouse replicate, to the caught-up stream", watch.seconds, rows)
    return [
        limit,
        Figure(ours.topic, ours.what, ours.seconds, rows, ours.seconds / limit.seconds, limit.what),
        peer,
        Figure(ours.topic, "warehouse replicate again", ours.seconds, rows, ours.seconds / peer.seconds, peer.what),
    ]


def apply_rate(databases: Databases, progress: Progress, seconds: float = 20.0) -> list[Figure]:
    """A backlog made while both subscriptions are off, drained by each alone: with history, and the engine bare."""
    name = databases.settings.warehouse_replication_name
    with (
        psycopg.connect(_other_database(databases, "peer"), autocommit=True) as bare,
        databases.warehouse() as warehouse,
        databases.source() as trs,
    ):
        for connection, subscription_name in ((warehouse, name), (bare, "bench_peer")):
            connection.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(subscription_name)))
            _until_idle(trs, subscription_name)
        progress.say("apply rate: making a backlog")
        made = _backlog(databases, seconds)
        progress.say("apply rate: the engine bare")
        peer = _drain(trs, bare, "bench_peer")
        progress.say("apply rate: with history")
        ours = _drain(trs, warehouse, name)
    end_peer(databases)
    reference = Figure("apply", "the engine bare, no history (the limit)", peer, made)
    return [
        reference,
        Figure("apply", "with typed history", ours, made, ours / peer, reference.what),
    ]


def _backlog(databases: Databases, seconds: float) -> int:
    """Changes of several sessions at once, as many as they can make in that time."""
    totals: list[int] = []

    def write(seed: int) -> None:
        report = sandbox.life.stream(databases.source_conninfo, 0, seconds, seed, rows_per_transaction=100)
        totals.append(report.rows)

    threads = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(totals)


def _drain(trs: psycopg.Connection, subscriber: psycopg.Connection, name: str) -> float:
    """Seconds from switching a subscription on until it has confirmed all that is committed now; then off again."""
    with timing() as watch:
        subscription.enable(subscriber, name)
        subscription.wait_until_applied(trs, subscriber, name, Silent())
    subscriber.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))
    return watch.seconds


def end_peer(databases: Databases) -> None:
    """Take the peer's subscription and slot away, so that the source keeps no WAL for them."""
    with psycopg.connect(_other_database(databases, "peer"), autocommit=True) as bare, databases.source() as trs:
        subscription.drop(bare, "bench_peer")
        subscription.drop_slot(trs, "bench_peer")
    with databases.warehouse() as warehouse:
        subscription.enable(warehouse, databases.settings.warehouse_replication_name)


def _until(connection: psycopg.Connection, question: str, pause: float) -> None:
    ask: Callable[[], bool] = lambda: bool((connection.execute(question.encode()).fetchone() or (False,))[0])  # noqa: E731
    while not ask():
        time.sleep(pause)


def _until_idle(trs: psycopg.Connection, slot: str) -> None:
    while trs.execute("select active from pg_replication_slots where slot_name = %s", (slot,)).fetchone() == (True,):
        time.sleep(0.05)
