"""Updates and deletes whose row the replica does not have. PostgreSQL passes over them; from 18 on it counts them."""

from __future__ import annotations

import psycopg

from warehouse.replicate.catalog import subscriptions
from warehouse.replicate.link import Ends


def counted(warehouse: psycopg.Connection, name: str) -> tuple[int, int] | None:
    """How many updates and deletes found no row since the counters began; None where they are not counted."""
    if warehouse.info.server_version < 180_000:
        return None
    row = subscriptions.counted(warehouse, name, "confl_update_missing, confl_delete_missing")
    return (int(row[0]), int(row[1])) if row else None


_SETTLED = "select update_missing, delete_missing from ledger.settled_counters where epoch_id = %s"

_SETTLE = """
insert into ledger.settled_counters (epoch_id, update_missing, delete_missing) values (%s, %s, %s)
on conflict (epoch_id) do update set
    update_missing = excluded.update_missing,
    delete_missing = excluded.delete_missing,
    noted_at = clock_timestamp()
"""


def unsettled(ends: Ends) -> tuple[int, int]:
    """How many of each were counted since the replica was last shown to be whole."""
    now = counted(ends.warehouse, ends.name)
    if now is None:
        return (0, 0)
    row = ends.warehouse.execute(_SETTLED, (ends.epoch.epoch_id,)).fetchone()
    before = (int(row[0]), int(row[1])) if row else (0, 0)
    # A crash of the server sets the counters back to nothing.
    return (
        now[0] - before[0] if now[0] >= before[0] else now[0],
        now[1] - before[1] if now[1] >= before[1] else now[1],
    )


def settle(ends: Ends) -> None:
    """Record that every table was compared with the source and is equal to it now."""
    now = counted(ends.warehouse, ends.name)
    if now is not None:
        ends.warehouse.execute(_SETTLE, (ends.epoch.epoch_id, *now))
