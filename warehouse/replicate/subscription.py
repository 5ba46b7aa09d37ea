"""The slot on the operational database and the subscription in the warehouse that reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from warehouse.core.database import connect
from warehouse.core.errors import MissingPrivilege, ReplicationError
from warehouse.core.progress import Progress

STALLED_SECONDS = 60
"""No progress for so long, while there is something to apply, is told as an error. A transaction of 100,000 rows takes
about 3 seconds (docs/adr/0002)."""


@dataclass(frozen=True)
class Slot:
    """A slot that was just made.

    Attributes:
        snapshot: the name of its exported snapshot, good for as long as its connection is open.
        lsn: the position from which it streams; the snapshot shows exactly what was committed before.
    """

    snapshot: str
    lsn: str
    system_id: str


@contextmanager
def replication_connection(conninfo: str) -> Iterator[psycopg.Connection]:
    """A connection that speaks the replication protocol."""
    connection = connect(
        make_conninfo(conninfo, replication="database"),
        what="the operational database (for replication)",
        variable="TRS_DATABASE_URL",
    )
    with connection:
        yield connection


def system_id(connection: psycopg.Connection) -> str:
    """What tells one database cluster from another, whatever its address."""
    row = connection.execute("IDENTIFY_SYSTEM").fetchone()
    assert row is not None
    return str(row[0])


def create_slot(connection: psycopg.Connection, name: str) -> Slot:
    """Make the slot and export its snapshot, over a replication connection."""
    identity = system_id(connection)
    row = connection.execute(
        sql.SQL("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput (SNAPSHOT 'export')").format(sql.Identifier(name))
    ).fetchone()
    assert row is not None
    return Slot(snapshot=str(row[2]), lsn=str(row[1]), system_id=identity)


def drop_slot(source: psycopg.Connection, name: str) -> None:
    """Drop our slot if it is there; it would keep the source's WAL for ever."""
    deadline = time.monotonic() + 30
    while True:
        row = source.execute("select active_pid from pg_replication_slots where slot_name = %s", (name,)).fetchone()
        if row is None:
            return
        try:
            source.execute("select pg_drop_replication_slot(%s)", (name,))
            return
        except psycopg.errors.ObjectInUse:
            # Its sender notices the end of its connection in a moment.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def exists(warehouse: psycopg.Connection, name: str) -> bool:
    """Whether the warehouse has the subscription."""
    found = warehouse.execute(
        "select 1 from pg_subscription where subname = %s"
        " and subdbid = (select oid from pg_database where datname = current_database())",
        (name,),
    ).fetchone()
    return found is not None


def create(warehouse: psycopg.Connection, name: str, source_conninfo: str) -> None:
    """Make the subscription on the slot that is there already; it starts when it is enabled.

    Raises:
        MissingPrivilege: the warehouse's user may not make subscriptions.
        ReplicationError: the warehouse's server cannot connect to the source, or refuses the subscription.
    """
    streaming = "parallel" if warehouse.info.server_version >= 160_000 else "on"
    try:
        warehouse.execute(
            sql.SQL(
                "create subscription {} connection {} publication {} with"
                " (slot_name = {}, create_slot = false, copy_data = false, enabled = false, streaming = {})"
            ).format(
                sql.Identifier(name),
                sql.Literal(_for_server(source_conninfo)),
                sql.Identifier(name),
                sql.Literal(name),
                sql.SQL(streaming),
            )
        )
    except psycopg.errors.InsufficientPrivilege as error:
        raise MissingPrivilege(
            f"The warehouse's user may not make a subscription: {error.diag.message_primary}.",
            meaning="The rows were copied, but no stream could be set up; the next run starts over.",
            next_command="As the warehouse's administrator: GRANT pg_create_subscription TO the user (before version "
            "16: make it a superuser), then run again.",
        ) from None
    except psycopg.OperationalError as error:
        raise _cannot_reach(error) from None


def _cannot_reach(error: psycopg.Error) -> ReplicationError:
    reason = (error.diag.message_primary or "no reason was given").splitlines()[-1]
    if "SSL" in reason or "sslmode" in reason:
        return ReplicationError(
            "The operational database wants an encrypted connection, and the warehouse's server was built without TLS.",
            meaning="The built-in PostgreSQL has no TLS (docs/adr/0003), so it cannot replicate from there.",
            next_command="Install a system PostgreSQL (Debian: apt-get install postgresql), set WAREHOUSE_POSTGRES_BIN "
            "to its bin folder, move .warehouse away, and run again; or set WAREHOUSE_DATABASE_URL.",
        )
    return ReplicationError(
        f"The warehouse's server cannot connect to the operational database: {reason}.",
        meaning="This program reaches both, but the two servers have to reach each other; nothing streams yet.",
        next_command="Check that the host name and port of TRS_DATABASE_URL also hold on the warehouse's server.",
    )


def _for_server(conninfo: str) -> str:
    """The connection as the warehouse's server uses it; the name shows up in the source's pg_stat_replication."""
    return make_conninfo(conninfo, application_name="teaching_record_warehouse")


def enable(warehouse: psycopg.Connection, name: str) -> None:
    """Start the stream."""
    warehouse.execute(sql.SQL("alter subscription {} enable").format(sql.Identifier(name)))


def follow_address(warehouse: psycopg.Connection, name: str, source_conninfo: str) -> None:
    """Tell the subscription when the source's address has changed, as an embedded one's port may."""
    wanted = _for_server(source_conninfo)
    try:
        row = warehouse.execute("select subconninfo from pg_subscription where subname = %s", (name,)).fetchone()
        if row and row[0] == wanted:
            return
    except psycopg.errors.InsufficientPrivilege:
        # Only a superuser may read it; setting it again costs a restart of the worker.
        pass
    try:
        warehouse.execute(
            sql.SQL("alter subscription {} connection {}").format(sql.Identifier(name), sql.Literal(wanted))
        )
    except psycopg.OperationalError as error:
        raise _cannot_reach(error) from None


def origin_name(warehouse: psycopg.Connection, name: str) -> str:
    """The replication origin that the engine gives the subscription's transactions."""
    row = warehouse.execute("select 'pg_' || oid from pg_subscription where subname = %s", (name,)).fetchone()
    assert row is not None
    return str(row[0])


def drop(warehouse: psycopg.Connection, name: str) -> None:
    """Drop the subscription without touching the slot, which may be gone or out of reach."""
    if exists(warehouse, name):
        target = sql.Identifier(name)
        warehouse.execute(sql.SQL("alter subscription {} disable").format(target))
        warehouse.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(target))
        warehouse.execute(sql.SQL("drop subscription {}").format(target))


def wait_until_applied(source: psycopg.Connection, warehouse: psycopg.Connection, name: str, progress: Progress) -> str:
    """Wait until everything that is committed at the source now has been applied here; returns that position.

    Raises:
        ReplicationError: nothing moved for STALLED_SECONDS; says what the engine shows of the reason.
    """
    # A tiny message in the WAL: on a quiet source it makes the position move past what was committed before.
    row = source.execute("select pg_logical_emit_message(true, 'teaching_record_warehouse', '')").fetchone()
    assert row is not None
    target = str(row[0])
    last, moved_at, pause = None, time.monotonic(), 0.02
    while True:
        state = source.execute(
            "select confirmed_flush_lsn >= %s::pg_lsn, confirmed_flush_lsn, %s::pg_lsn - confirmed_flush_lsn"
            " from pg_replication_slots where slot_name = %s",
            (target, target, name),
        ).fetchone()
        if state is None:
            raise _slot_is_gone(name)
        if state[0]:
            return target
        if state[1] != last:
            last, moved_at = state[1], time.monotonic()
        if time.monotonic() - moved_at > STALLED_SECONDS:
            raise _stalled(warehouse, name, int(state[2]))
        progress.say(f"{int(state[2]) / 1e6:,.1f} MB of changes to apply")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def _slot_is_gone(name: str) -> ReplicationError:
    return ReplicationError(
        f"The replication slot {name} is gone from the operational database.",
        meaning="Changes since it went are not in the warehouse. What is here stays; nothing new was built or sent, "
        "and no new slot was made, because it would hide the gap.",
        next_command="Find out why (maintenance, failover, a restore), then start over with "
        "`warehouse replicate reset` and `warehouse run`.",
    )


def _stalled(warehouse: psycopg.Connection, name: str, behind: int) -> ReplicationError:
    worker = warehouse.execute(
        "select pid from pg_stat_subscription where subname = %s and worker_type = 'apply' and pid is not null"
        if warehouse.info.server_version >= 170_000
        else "select pid from pg_stat_subscription where subname = %s and relid is null and pid is not null",
        (name,),
    ).fetchone()
    errors = warehouse.execute(
        "select apply_error_count from pg_stat_subscription_stats where subname = %s", (name,)
    ).fetchone()
    failed = f"; the engine counts {errors[0]} errors" if errors and errors[0] else ""
    return ReplicationError(
        f"The stream has not moved for {STALLED_SECONDS} seconds and is {behind / 1e6:,.1f} MB behind; "
        "the apply worker " + ("runs" if worker else "does not run") + failed + ".",
        meaning="The warehouse does not show the source's latest changes, so nothing was built or delivered.",
        next_command="Read the log of the warehouse's server (embedded: .warehouse/clusters/warehouse/postgres.log), "
        "then run again: the stream goes on where it stopped.",
    )
