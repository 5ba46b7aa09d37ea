"""What a comparison with the source settles: what differed, was written by hand, given up, or counted as missing."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from warehouse.replicate.catalog import known_meanings
from warehouse.replicate.ledger import differences
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.replica import manual_writes
from warehouse.replicate.stream import marks, missing_rows


def settled(
    warehouse: psycopg.Connection,
    epoch: Epoch,
    name: str,
    tables: Sequence[str],
    *,
    all_of_them: bool,
    seen: str | None = None,
) -> None:
    """Write down that tables were compared with the source, in full, and are equal to it now.

    Args:
        name: of the subscription.
        tables: only those that were compared.
        all_of_them: these are all tables that are replicated.
        seen: the warehouse's snapshot that was compared, where others were at work beside.
    """
    with warehouse.transaction():
        differences.clear(warehouse, tables)
        manual_writes.settle(warehouse, tables)
        known_meanings.settle(warehouse, tables, seen)
        marks.settle(warehouse, tables, all_of_them=all_of_them, seen=seen)
        warehouse.execute(
            "update ledger.skipped_transactions set settled_at = clock_timestamp()"
            " where settled_at is null and state = 'skipped'"
            " and not exists (select from jsonb_object_keys(tables) as t (name) where t.name <> all(%s))",
            (list(tables),),
        )
        if all_of_them:
            missing_rows.settle(warehouse, epoch, name)
