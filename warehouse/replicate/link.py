"""Both ends of replication as its steps are handed them, and the lock that lets one command at a time work on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import psycopg

from warehouse.core.database import session_lock
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning
from warehouse.replicate.catalog import relations
from warehouse.replicate.classification import Classification
from warehouse.replicate.ledger.differences import Limit
from warehouse.replicate.stream import marks, subscription


@dataclass(frozen=True)
class Ends:
    """Both ends of replication, as the steps need them.

    Attributes:
        tables: the source's tables as they are now.
        in_full: whether a comparison looks into every row, whatever was proven before.
        allow_deletes: tables of which a repair may delete any number of rows.
    """

    databases: Databases
    trs: psycopg.Connection
    warehouse: psycopg.Connection
    classification: Classification
    tables: relations.Tables
    in_full: bool = False
    allow_deletes: Collection[str] = ()

    @property
    def name(self) -> str:
        return self.databases.settings.warehouse_replication_name

    @property
    def schema(self) -> str:
        return self.classification.schema_name

    @property
    def limit(self) -> Limit:
        """How much a repair may delete."""
        return Limit.of(self.databases.settings, self.allow_deletes)


@contextmanager
def alone(warehouse: psycopg.Connection, name: str, trs: psycopg.Connection | None = None) -> Iterator[None]:
    """One at a time may set up, repair or switch the stream on.

    Args:
        trs: of a command that alters what is ours: it is held against what was noted before, and noted afterwards.

    Raises:
        AlreadyRunning: another one is at it.
    """
    with session_lock(warehouse, subscription.lock_name(name)) as held:
        if not held:
            raise AlreadyRunning(
                "Another command is at work on this replica.",
                meaning="This one did nothing; the other one goes on.",
                next_command="Wait for it, then run again.",
            )
        with marks.kept(trs, warehouse, name) if trs else nullcontext():
            yield
