"""The world that deliveries are made in, as the settings describe it."""

from __future__ import annotations

from warehouse.core.databases import Databases
from warehouse.deliver.run import World


def world_of(databases: Databases) -> World:
    """Where and when deliveries are made."""
    return World(
        databases.warehouse_conninfo,
        databases.settings,
        databases.today(),
        databases.calendar(),
        by_the_clock=not databases.source_is_embedded,
        synthetic=databases.source_is_embedded,
        day_ended=databases.day_ended,
    )
