"""The source's clock held against the warehouse's: history has the commit times of the one and is kept by the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from warehouse.core.database import one

TOLERANCE = timedelta(seconds=5)
"""Machines that keep their time by NTP are within a fraction of a second of each other. Commit times may also be a
little out of order by themselves: PostgreSQL takes the time just before it writes the commit."""

SAMPLES = 3


@dataclass(frozen=True)
class Clocks:
    """The source's clock against the warehouse's.

    Attributes:
        skew_seconds: source minus warehouse; positive when the source's is ahead.
        uncertainty_seconds: half the time that asking took: the skew is known no better than that.
    """

    skew_seconds: float
    uncertainty_seconds: float

    @property
    def disagree(self) -> bool:
        """Whether they differ by more than TOLERANCE: for certain only as far as both could be read at one moment."""
        return abs(self.skew_seconds) - self.uncertainty_seconds > TOLERANCE.total_seconds()


def compare(source: psycopg.Connection, warehouse: psycopg.Connection) -> Clocks:
    """The two servers' clocks, by the quickest of some readings."""
    readings = (measured(warehouse, lambda: one(source, "select clock_timestamp()"))[1] for _ in range(SAMPLES))
    return min(readings, key=lambda clocks: clocks.uncertainty_seconds)


def measured(
    warehouse: psycopg.Connection, ask_source: Callable[[], tuple[Any, ...]]
) -> tuple[datetime, Clocks, tuple[Any, ...]]:
    """A reading of the source between two of the warehouse's clock: its moment by that clock, the clocks, the row.

    Args:
        ask_source: reads a row of which the first value is the source's clock.
    """
    (before,) = one(warehouse, "select clock_timestamp()")
    row = ask_source()
    (after,) = one(warehouse, "select clock_timestamp()")
    half = (after - before) / 2
    return before + half, Clocks((row[0] - (before + half)).total_seconds(), half.total_seconds()), row
