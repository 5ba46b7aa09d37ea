"""What the source shows of itself: which cluster it is, on which timeline, and how far its WAL goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import make_conninfo

from warehouse.core.database import connect
from warehouse.core.databases import Databases
from warehouse.replicate.stream import source_server
from warehouse.replicate.stream.lsn import as_bytes
from warehouse.replicate.stream.source_server import Server

_LOOKS_FOR_ITS_CLIENT_EVERY = "5s"
"""So a sender that waits for open transactions ends soon after a program that was killed; by default it stays."""

_NOW = "select pg_current_wal_flush_lsn()::text, pg_snapshot_xmax(pg_current_snapshot())::text"


@contextmanager
def replication_connection(conninfo: str) -> Iterator[psycopg.Connection]:
    """A connection that speaks the replication protocol."""
    connection = connect(
        make_conninfo(conninfo, replication="database"),
        what="the operational database (for replication)",
        variable="TRS_DATABASE_URL",
    )
    with connection:
        _notice_a_kill(connection)
        yield connection


def _notice_a_kill(connection: psycopg.Connection) -> None:
    try:
        connection.execute(f"set client_connection_check_interval = '{_LOOKS_FOR_ITS_CLIENT_EVERY}'".encode())
    except psycopg.errors.InvalidParameterValue:
        # A source on an operating system that cannot tell.
        return
    # A command of replication does not start the clock, and an ordinary statement leaves it running.
    connection.execute("select 1")


@dataclass(frozen=True)
class ClusterIdentity:
    """Which database cluster, and which history of it, an address leads to."""

    system_id: str
    timeline: int


def identify(connection: psycopg.Connection) -> ClusterIdentity:
    """What tells one database cluster from another, whatever its address; over a replication connection."""
    row = connection.execute("IDENTIFY_SYSTEM").fetchone()
    assert row is not None
    return ClusterIdentity(str(row[0]), int(row[1]))


@dataclass(frozen=True)
class SourceState:
    """What the source shows of itself.

    Attributes:
        flushed: the end of its durable WAL.
        next_xid: the number that its next transaction will get at the earliest.
        forked_at: where its timeline left the one that was noted last; None on the same one.
        server: which of the servers with that identity it is.
    """

    system_id: str
    timeline: int
    flushed: int
    next_xid: int
    forked_at: int | None = None
    server: Server | None = None


def read_source(databases: Databases, trs: psycopg.Connection, timeline: int | None) -> SourceState:
    """What the source shows of itself, held against the timeline that was seen last."""
    forked_at = None
    with replication_connection(databases.source_conninfo) as connection:
        identity = identify(connection)
        if timeline is not None and identity.timeline > timeline:
            row = connection.execute(f"TIMELINE_HISTORY {identity.timeline:d}".encode()).fetchone()
            content = row[1] if row else ""
            forked_at = fork_after(content.decode() if isinstance(content, bytes) else str(content), timeline)
    row = trs.execute(_NOW).fetchone()
    assert row is not None
    server = source_server.read(databases, trs)
    return SourceState(identity.system_id, identity.timeline, as_bytes(row[0]), int(row[1]), forked_at, server)


def fork_after(history: str, timeline: int) -> int | None:
    """Where the server left a timeline, by a timeline history file: lines of a timeline and the position of its end."""
    for line in history.splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[0].isdigit() and int(parts[0]) == timeline:
            return as_bytes(parts[1])
    # A server whose history does not hold our timeline has nothing of it.
    return 0
