"""The world that deliveries are made in, as the settings describe it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from warehouse.core.contracts import EXPORTS
from warehouse.core.databases import Databases
from warehouse.core.settings import Settings
from warehouse.deliver.history import DayEnded, midnight_in_london


@dataclass(frozen=True)
class World:
    """Where and when deliveries are made.

    Attributes:
        conninfo: of the warehouse.
        settings: for the destinations and the outbox.
        today: the business date that decides what is owed.
        calendar: the date in the world that the source records; the business date may be set to another.
        by_the_clock: whether that world has this machine's clock; the sandbox has one of its own.
        synthetic: whether the people are the sandbox's: they go to no recipient.
        exports: the folder of the contracts.
        day_ended: when a day was over in the world that the source records.
    """

    conninfo: str
    settings: Settings
    today: date
    calendar: date
    by_the_clock: bool = False
    exports: Path = EXPORTS
    synthetic: bool = False
    day_ended: DayEnded = midnight_in_london


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
