"""Whether the warehouse's server keeps the commit times that history rests on."""

from __future__ import annotations

import psycopg

from warehouse.core.database import one
from warehouse.core.errors import CommitTimesOff


def check(warehouse: psycopg.Connection) -> None:
    """Stop where no commit times are kept.

    Raises:
        CommitTimesOff: they are not.
    """
    if one(warehouse, "show track_commit_timestamp") != ("on",):
        raise are_off()


def are_off() -> CommitTimesOff:
    """The error of a warehouse whose server keeps none."""
    return CommitTimesOff(
        "The warehouse's server does not keep commit times (track_commit_timestamp is off).",
        meaning="History cannot say when a change was made at the source. What is applied meanwhile keeps its "
        "versions, and gets an interval instead of a time.",
        next_command="As its administrator: ALTER SYSTEM SET track_commit_timestamp = on; restart it, run again.",
    )
