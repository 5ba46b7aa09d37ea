"""Waiting for what has to come about: how long it takes is the machine's affair, and no test fails for it."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

GIVE_UP_SECONDS = 600
"""Only so that a test that waits for ever is told from one that is slow."""


def until(what: str, holds: Callable[[], object], pause: float = 0.05) -> None:
    """Wait until something holds.

    Args:
        what: has to come about, for the message of a failure.
        pause: between two looks, in seconds.
    """
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"did not come about: {what}"
        time.sleep(pause)


def drop_slot(source: psycopg.Connection, name: str) -> None:
    """Drop a replication slot as soon as its reader has let go of it; nothing is done where there is none."""

    def dropped() -> bool:
        try:
            source.execute(
                "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s", (name,)
            )
        except psycopg.errors.ObjectInUse:
            return False
        return True

    until(f"the slot {name} is let go of", dropped)
