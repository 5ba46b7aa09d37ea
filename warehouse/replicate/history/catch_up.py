"""The books of a pass: what was applied gets its times, goes from the log into the history, and what is past goes."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from warehouse.replicate.classification import Classification
from warehouse.replicate.history import retention, seals, stamping, views
from warehouse.replicate.history.settle import settle
from warehouse.replicate.history.tables import create_view, logged, published_columns
from warehouse.replicate.ledger.epochs import Epoch


@dataclass(frozen=True)
class Booked:
    """What a pass did to the books.

    Attributes:
        lowered: tables of which replication/trs.yml keeps less than before; nothing of that was dropped yet.
    """

    stamped: stamping.Stamped
    dropped: tuple[retention.Expired, ...] = ()
    lowered: tuple[retention.Lowered, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What a summary says of it; nothing where all went as ever."""
        told = []
        if self.stamped.unnoted:
            told.append(f"{self.stamped.unnoted:,} transactions wrote the replica unnoted (warehouse replicate status)")
        if self.stamped.moved:
            told.append(f"{self.stamped.moved:,} commit times could not be true (warehouse replicate clocks)")
        if self.dropped:
            versions = sum(one.versions for one in self.dropped)
            told.append(f"{len(self.dropped)} months of history past the rule were dropped ({versions:,} versions)")
        if self.lowered:
            told.append(
                f"replication/trs.yml keeps less history of {len(self.lowered)} tables than before: nothing of it was"
                " dropped (warehouse replicate retention)"
            )
        return told


def catch_up(
    connection: psycopg.Connection,
    source: psycopg.Connection,
    epoch: Epoch,
    classification: Classification,
    origin: str | None,
) -> Booked:
    """Stamp what was applied since the last pass, settle its versions, seal what is over, keep the retention rule.

    Args:
        origin: the subscription's replication origin, by which its transactions are known; None without one.

    Returns:
        What was applied since the last pass, and what was dropped. Calling it twice does no harm.
    """
    schema, tables = classification.schema_name, list(classification.published)
    stamped = stamping.stamp(connection, source, epoch, schema, tables, origin)
    settle(connection, schema, tables)
    for table in views.unnoted(connection, logged(connection, schema, tables)):
        # Made before views were noted, or shown in other words by another version of PostgreSQL.
        create_view(connection, schema, table, published_columns(connection, schema, table))
    now = retention.now(connection, source)
    seals.complete(connection, schema, tables, retention.settled_up_to(connection, epoch))
    lowered = retention.take_up(connection, classification)
    dropped = retention.apply_retention(connection, retention.rules(connection), now)
    return Booked(stamped, tuple(dropped), tuple(lowered))
