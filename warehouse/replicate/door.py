"""The one door of the commands: both servers run, the ledger is up to date, both databases are open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError
from warehouse.replicate.classification import Classification, load_classification
from warehouse.replicate.ledger import epochs
from warehouse.replicate.ledger.epochs import Epoch


@dataclass(frozen=True)
class Door:
    """Both databases, open.

    Attributes:
        name: of publication and subscription.
        epoch: None when nothing is replicated yet.
    """

    databases: Databases
    trs: psycopg.Connection
    warehouse: psycopg.Connection
    name: str
    classification: Classification
    epoch: Epoch | None

    def streaming(self) -> Epoch:
        """The epoch that streams.

        Raises:
            ReplicationError: there is none.
        """
        if self.epoch is None:
            raise not_set_up()
        if self.epoch.state != "streaming":
            raise ReplicationError(
                "A copy or a repair was broken off, or is being made now.",
                meaning="There is no stream that this command could work with. Nothing was done.",
                next_command="`warehouse replicate status` says which of the two, and what to do.",
            )
        return self.epoch


def not_set_up() -> ReplicationError:
    """The error of a command that needs a replica before there is one."""
    return ReplicationError(
        "Nothing is replicated yet.",
        meaning="There is no replica that this command could work with. Nothing was done.",
        next_command="warehouse replicate run",
    )


def ready(databases: Databases) -> Databases:
    """Start the embedded servers and bring the ledger up to date; for what opens the databases itself."""
    databases.start()
    with databases.warehouse() as warehouse:
        databases.migrate(warehouse)
    return databases


@contextmanager
def opened(databases: Databases) -> Iterator[Door]:
    """Open both databases for as long as the block lasts.

    Raises:
        DatabaseUnreachable: one of the two is.
        ClassificationError: replication/ cannot be read.
    """
    classification, name = load_classification(), databases.settings.warehouse_replication_name
    ready(databases)
    with databases.source() as trs, databases.warehouse() as warehouse:
        yield Door(databases, trs, warehouse, name, classification, epochs.current(warehouse, name))
