"""The books of a pass: stamp what was applied, settle it into the history, seal what is over, drop what is past."""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.replicate.history import retention, seals, stamping, views
from warehouse.replicate.history.settle import settle
from warehouse.replicate.history.tables import create_view, logged, published_columns
from warehouse.replicate.link import Ends


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
        notes = []
        if self.stamped.unnoted:
            notes.append(
                f"{self.stamped.unnoted:,} transactions wrote the replica unnoted (warehouse replicate status)"
            )
        if self.stamped.moved:
            notes.append(f"{self.stamped.moved:,} commit times could not be true (warehouse replicate clocks)")
        if self.dropped:
            versions = sum(one.versions for one in self.dropped)
            notes.append(f"{len(self.dropped)} months of history past the rule were dropped ({versions:,} versions)")
        if self.lowered:
            notes.append(
                f"replication/trs.yml keeps less history of {len(self.lowered)} tables than before: nothing of it was"
                " dropped (warehouse replicate retention)"
            )
        return notes


def catch_up(ends: Ends, origin: str | None) -> Booked:
    """Stamp what was applied since the last pass, settle its versions, seal what is over, keep the retention rule.

    Args:
        origin: the subscription's replication origin, by which its transactions are known; None without one.

    Returns:
        What was applied since the last pass, and what was dropped. Calling it twice does no harm.
    """
    connection, schema, tables = ends.warehouse, ends.schema, list(ends.published)
    stamped = stamping.stamp(ends, origin)
    settle(connection, schema, tables)
    for table in views.unnoted(connection, logged(connection, schema, tables)):
        # Another version of PostgreSQL shows the same view in other words.
        create_view(connection, schema, table, published_columns(connection, schema, table))
    now = retention.now(connection, ends.trs)
    seals.complete(connection, schema, tables, retention.settled_up_to(connection, ends.epoch))
    lowered = retention.take_up(connection, ends.classification)
    dropped = retention.apply_retention(connection, retention.rules(connection), now)
    return Booked(stamped, tuple(dropped), tuple(lowered))
