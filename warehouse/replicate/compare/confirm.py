"""What a comparison confirms: tables that are equal do not differ, whatever was known, written by hand or skipped."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse.replicate.catalog import known_meanings
from warehouse.replicate.ledger import differences
from warehouse.replicate.link import Ends
from warehouse.replicate.replica import manual_writes
from warehouse.replicate.stream import marks, missing_rows

_SKIPPED = """
update ledger.skipped_transactions set settled_at = clock_timestamp()
where settled_at is null and state = 'skipped'
    and not exists (select from jsonb_object_keys(tables) as t (name) where t.name <> all(%s))
"""


def confirm_equal(ends: Ends, tables: Sequence[str], *, seen: str | None = None, nothing_else: bool = True) -> None:
    """Record that tables were compared with the source, in full, and are equal to it now.

    Args:
        tables: only those that were compared.
        seen: the warehouse's snapshot that was compared, where others were at work at the same time.
        nothing_else: nothing that belongs to no table may differ, if these are all the tables that are replicated.
    """
    warehouse, every = ends.warehouse, nothing_else and set(tables) == set(ends.published)
    with warehouse.transaction():
        differences.clear(warehouse, tables)
        manual_writes.settle(warehouse, tables)
        known_meanings.settle(warehouse, tables, seen)
        marks.settle(warehouse, tables, all_of_them=every, seen=seen)
        warehouse.execute(_SKIPPED, (list(tables),))
        if every:
            missing_rows.settle(ends)
