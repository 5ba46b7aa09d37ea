"""How a command gets both databases: servers started, ledger up to date, connections open, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import psycopg

from warehouse.core import class_floors
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Progress
from warehouse.replicate.ledger import epochs
from warehouse.replicate.link import Ends, connected, not_set_up
from warehouse.replicate.stream import marks

__all__ = ["Ends", "alone", "connected", "connected_alone", "not_set_up", "only_command", "opened", "ready"]


def ready(databases: Databases) -> Databases:
    """Start the embedded servers and bring the ledger up to date; for what opens the databases itself."""
    databases.start()
    with databases.warehouse() as warehouse:
        databases.migrate(warehouse)
    return databases


@contextmanager
def opened(databases: Databases, progress: Progress | None = None, *, exclusive: bool = False) -> Iterator[Ends]:
    """Start what is not running, and open both databases for as long as the block lasts.

    Args:
        exclusive: see connected_alone().

    Raises:
        DatabaseUnreachable: one of the two is.
        ClassificationError: replication/ cannot be read.
        AlreadyRunning: another command is at work, and this one has to be alone.
    """
    ready(databases)
    with (connected_alone if exclusive else connected)(databases, progress) as ends:
        yield ends


@contextmanager
def connected_alone(databases: Databases, progress: Progress | None = None) -> Iterator[Ends]:
    """Open both databases for a command that alters what is ours; see alone().

    The epoch is read when it is certain that no other command is at work.

    Raises:
        ClassificationError: a column is classified lower than it may be, so that others could read it.
    """
    with connected(databases, progress) as ends:
        class_floors.check()
        with alone(ends):
            yield replace(ends, current=epochs.current(ends.warehouse, ends.name))


@contextmanager
def alone(ends: Ends) -> Iterator[None]:
    """Let one command at a time set up, repair or switch the stream on.

    What is ours is compared with what was recorded after the last such command, and recorded again afterwards.

    Raises:
        AlreadyRunning: another command is at work.
    """
    with only_command(ends.warehouse), marks.kept(ends):
        yield


@contextmanager
def only_command(warehouse: psycopg.Connection) -> Iterator[None]:
    """The same for a command that alters nothing of ours at the source, or takes all of it down."""
    with session_lock(warehouse, Lock.replicate) as held:
        if not held:
            raise AlreadyRunning(
                "Another command is working on this replica.",
                meaning="This one did nothing; the other one continues.",
                next_command="Wait for it, then run again.",
            )
        yield
