"""The gaps of replication that a set tells of: those found since the last set, and those that were open then."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.rows import dict_row

from warehouse.deliver.change_files.records import Recorded

_GAPS = """
select
    g.gap_id as gap, g.ended_epoch, g.new_epoch, g.from_time as missed_after, g.to_time as missed_until, g.found_at,
    g.reason, g.repaired_at, g.tables
from ledger.gaps as g
where g.gap_id > %s or g.gap_id = any(%s)
order by g.gap_id
"""
_MOMENTS = ("missed_after", "missed_until", "found_at", "repaired_at")


def told_gaps(connection: psycopg.Connection, last: Recorded | None) -> dict[str, Any]:
    """Each gap that the receivers do not know of yet, or know as open. A series begins with all that there ever were.

    Args:
        last: the set that is continued; None where a series begins.

    Returns:
        The `gaps`, and the `last_gap` that was ever told.
    """
    before = last.facts if last else {}
    highest = before.get("last_gap", 0)
    still_open = [one["gap"] for one in before.get("gaps", []) if one["repaired_at"] is None]
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_GAPS, (highest, still_open)).fetchall()
    for one in found:
        one.update({name: one[name].isoformat() if one[name] else None for name in _MOMENTS})
    return {"gaps": found, "last_gap": max([highest, *(one["gap"] for one in found)])}
