"""Both ends of replication in one object, which every step takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import psycopg

from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError
from warehouse.core.progress import Progress, Silent
from warehouse.replicate.classification import Classification, load_classification
from warehouse.replicate.ledger import epochs, rules
from warehouse.replicate.ledger.differences import Limit
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.masking import Hidden

Depth = Literal["known", "all", "full"]
"""How far a repair looks: at what is known or suspected to differ; at every table, where rows that were proven equal
and not written since are taken to be equal still; or at every row of every table."""


@dataclass(frozen=True)
class Ends:
    """Both databases, open.

    Attributes:
        trs: the source: the operational database.
        current: the epoch that has not ended, as it was when the databases were opened; None when there is none.
        depth: how far a repair looks.
        allow_deletes: tables of which a repair may delete any number of rows.
    """

    databases: Databases
    trs: psycopg.Connection
    warehouse: psycopg.Connection
    classification: Classification
    current: Epoch | None = None
    progress: Progress = field(default_factory=Silent)
    depth: Depth = "known"
    allow_deletes: Collection[str] = ()

    @property
    def name(self) -> str:
        """Of the publication and the subscription."""
        return self.databases.settings.warehouse_replication_name

    @property
    def hidden(self) -> Hidden:
        """What of rows is never shown."""
        return Hidden.of(self.warehouse, self.databases.settings, self.classification)

    @property
    def schema(self) -> str:
        """Of the replicated tables, in both databases."""
        return self.classification.schema_name

    @property
    def published(self) -> dict[str, list[str]]:
        """The replicated tables, each with its replicated columns."""
        return self.classification.published

    @property
    def limit(self) -> Limit:
        """How much a repair may delete."""
        return Limit.of(self.databases.settings, self.allow_deletes)

    @property
    def epoch(self) -> Epoch:
        """The epoch that has not ended.

        Raises:
            ReplicationError: there is none.
        """
        if self.current is None:
            raise not_set_up()
        return self.current

    def streaming(self) -> Epoch:
        """The epoch that streams.

        Raises:
            ReplicationError: there is none.
        """
        if self.epoch.state != "streaming":
            raise ReplicationError(
                "A copy or a repair has not finished: it was interrupted, or it is still running.",
                meaning="There is no stream that this command could work with. Nothing was done.",
                next_command="`warehouse replicate status` says which of the two, and what to do.",
            )
        return self.epoch

    def of(self, classification: Classification) -> Ends:
        """The same for other tables or columns."""
        return replace(self, classification=classification)

    def within(self, epoch: Epoch) -> Ends:
        """The same with an epoch that has begun since, or that has changed."""
        return replace(self, current=epoch)


@contextmanager
def connected(databases: Databases, progress: Progress | None = None) -> Iterator[Ends]:
    """Open both databases, which run and have a ledger, for as long as the block lasts.

    Raises:
        DatabaseUnreachable: one of the two is.
        ClassificationError: replication/ cannot be read.
    """
    classification, name = load_classification(), databases.settings.warehouse_replication_name
    with databases.source() as trs, databases.warehouse() as warehouse:
        current = epochs.current(warehouse, name)
        if current is not None:
            rules.refuse_another_place(warehouse, classification.source, classification.schema_name)
        yield Ends(databases, trs, warehouse, classification, current, progress or Silent())


def not_set_up() -> ReplicationError:
    """The error of a command that needs a replica before there is one."""
    return ReplicationError(
        "Nothing is replicated yet.",
        meaning="There is no replica that this command could work with. Nothing was done.",
        next_command="warehouse replicate run",
    )
