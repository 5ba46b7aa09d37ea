"""A mark in the source's WAL, and the wait until the stream has applied everything before it."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core import wal
from warehouse.core.database import one
from warehouse.core.errors import AlreadyRunning, SlotLost, StreamStuck, WarehouseError
from warehouse.core.locks import Lock, held_by_another
from warehouse.core.progress import Progress
from warehouse.core.waiting import Waiting
from warehouse.replicate.catalog import subscriptions
from warehouse.replicate.stream import subscription


@dataclass(frozen=True)
class Mark:
    """A transaction of our own at the source: where its message ends in the WAL, its number, and on which timeline.

    It is durable there, and so is what was committed before it.

    Attributes:
        xmin: every transaction with a smaller number had ended before it.
    """

    lsn: str
    xid: int
    timeline: int
    xmin: int


def emit_mark(source: psycopg.Connection) -> Mark:
    """Write a tiny message into the source's WAL: on a quiet source, too, the position moves past what came before."""
    with source.transaction():
        # Flushed, whatever the role is set to; a standby is not waited for. Only flushed WAL is decoded and sent.
        source.execute("set local synchronous_commit = local")
        source.execute("select pg_current_xact_id()")
        before = source.execute("select pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()
        row = source.execute(
            f"select {wal.EMIT}::text, pg_current_xact_id()::text,"
            # The name of a WAL file begins with its timeline.
            " left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
        ).fetchone()
    assert row is not None
    assert before is not None
    return Mark(str(row[0]), int(row[1]), int(row[2], 16), int(before[0]))


def wait_until_applied(source: psycopg.Connection, warehouse: psycopg.Connection, name: str, progress: Progress) -> str:
    """Wait until everything that is committed at the source now has been applied here; returns that position.

    Raises:
        SlotLost, StreamStuck: as wait_for().
    """
    marked = emit_mark(source)
    wait_for(source, warehouse, name, marked.lsn, progress)
    return marked.lsn


def wait_for(
    source: psycopg.Connection, warehouse: psycopg.Connection, name: str, target: str, progress: Progress
) -> None:
    """Wait until the source's WAL up to a position has been applied here.

    Raises:
        SlotLost: the slot is not there.
        StreamStuck: PostgreSQL switched the stream off, or nothing moved for subscription.STALLED_SECONDS.
        AlreadyRunning: another command of ours switched it off for as long as it works.
    """
    row = subscriptions.read(warehouse, name, "subslotname")
    slot_name = row[0] if row else name
    what = "the stream to apply what is committed at the source"
    waiting = Waiting(progress, what, limit=subscription.STALLED_SECONDS)
    last = None

    def judge(state: wal.SlotState | None) -> None:
        nonlocal last
        if state is None:
            raise _slot_is_gone(slot_name)
        if state.confirmed != last:
            last = state.confirmed
            waiting.moved()
        if not subscription.is_enabled(warehouse, name):
            raise _switched_off(warehouse, name)
        if waiting.is_over:
            raise _stalled(warehouse, name, state.behind)

    wal.wait_until_applied(source, slot_name, target, waiting, judge)


def _slot_is_gone(slot_name: str) -> SlotLost:
    return SlotLost(
        f"The replication slot {slot_name} is gone from the operational database.",
        meaning="Changes since it went are not in the warehouse. The replica is unchanged; nothing new was built or "
        "sent, and no new slot was made, because it would hide the gap.",
        next_command="Find out why (maintenance, failover, a restore), then `warehouse replicate repair`.",
    )


def _switched_off(warehouse: psycopg.Connection, name: str) -> WarehouseError:
    if held_by_another(warehouse, Lock.replicate):
        return AlreadyRunning(
            "Another command is working on this replica, and has switched the stream off meanwhile.",
            meaning="This one did nothing; the other one continues, and switches the stream on again.",
            next_command="Wait for it, then run again.",
        )
    return StreamStuck(
        f"PostgreSQL switched the stream of {name} off while this command was waiting for it: the connection broke, "
        "or a change could not be applied.",
        meaning="The warehouse does not show the source's latest changes, so nothing was built or delivered. "
        "It stays off until the slot has been compared with what was applied.",
        next_command="Run again: that checks the slot and resumes. If it happens again: warehouse "
        "replicate conflicts; then the log of the warehouse's server (an embedded one logs no error, as it may quote a "
        "value).",
    )


def _stalled(warehouse: psycopg.Connection, name: str, behind: int) -> StreamStuck:
    newer = warehouse.info.server_version >= 170_000
    is_apply = "worker_type = 'apply'" if newer else "relid is null"
    (workers,) = one(warehouse, subscription.RUNNING + sql.SQL(" and " + is_apply), {"name": name})
    errors = subscriptions.counted(warehouse, name, "apply_error_count")
    failed = f"; PostgreSQL counts {errors[0]} errors" if errors and errors[0] else ""
    return StreamStuck(
        f"The stream has not moved for {subscription.STALLED_SECONDS} seconds and is {behind / 1e6:,.1f} MB behind; "
        "the apply worker "
        + ("runs" if workers else "does not run" + subscription.no_worker_left(warehouse))
        + failed
        + ".",
        meaning="The warehouse does not show the source's latest changes, so nothing was built or delivered.",
        next_command="warehouse replicate conflicts; then read the log of the warehouse's server (an embedded one logs "
        "no errors: they quote values), and run again: the stream continues where it stopped.",
    )
