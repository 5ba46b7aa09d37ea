"""A mark in the source's WAL, and the wait until a slot's subscriber has applied all before it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg

from warehouse.core.database import one
from warehouse.core.waiting import Waiting

EMIT: Final = "pg_logical_emit_message(true, 'teaching_record_warehouse', '')"
"""A message of ours, in SQL: the stream passes it on, so a quiet source's position moves past what was committed."""

_STATE = """
select confirmed_flush_lsn >= %(target)s::pg_lsn, confirmed_flush_lsn::text, %(target)s::pg_lsn - confirmed_flush_lsn,
    wal_status = 'lost'
from pg_replication_slots where slot_name = %(slot)s
"""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.1


@dataclass(frozen=True)
class SlotState:
    """How far a slot is.

    Attributes:
        applied: whether all before the target was applied and confirmed.
        confirmed: the position up to which it was.
        behind: bytes of WAL from there to the target.
        is_lost: whether the server has removed WAL that the slot still needs.
    """

    applied: bool
    confirmed: str
    behind: int
    is_lost: bool


def mark(source: psycopg.Connection) -> str:
    """Write a message of ours into the WAL; returns its position."""
    return str(one(source, f"select {EMIT}::text")[0])


def slot_state(source: psycopg.Connection, slot: str, target: str) -> SlotState | None:
    """How far a slot is from a position; None when there is no such slot."""
    row = source.execute(_STATE, {"target": target, "slot": slot}).fetchone()
    return SlotState(bool(row[0]), str(row[1]), int(row[2] or 0), bool(row[3])) if row else None


def wait_until_applied(
    source: psycopg.Connection,
    slot: str,
    target: str,
    waiting: Waiting,
    judge: Callable[[SlotState | None], None],
) -> SlotState:
    """Wait until a slot has come to a position.

    Args:
        judge: called in each turn in which it has not; raises the error that ends the wait, always for None.

    Returns:
        Its state then.
    """
    pause = _FIRST_PAUSE
    while True:
        state = slot_state(source, slot, target)
        if state is not None and state.applied:
            return state
        judge(state)
        assert state is not None
        waiting.look(f"{state.behind / 1e6:,.1f} MB of changes to apply")
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
