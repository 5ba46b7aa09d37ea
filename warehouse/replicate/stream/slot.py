"""What the source shows of a slot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from warehouse.replicate.stream.lsn import as_bytes

_READ = """
select
    to_jsonb(s),
    r.application_name,
    t.total_txns,
    -- As numbers: a time as text is another one in another time zone.
    coalesce(extract(epoch from b.stats_reset)::text, '') || ' '
    || coalesce(extract(epoch from t.stats_reset)::text, '')
from pg_replication_slots as s
left join pg_stat_replication as r on r.pid = s.active_pid
left join pg_stat_replication_slots as t on t.slot_name = s.slot_name
-- A crash of the source resets every statistic, and these say when.
cross join pg_stat_bgwriter as b
where s.slot_name = %s
"""


@dataclass(frozen=True)
class Slot:
    """What the source shows of the slot. Positions are bytes of WAL.

    Attributes:
        invalid: why the source gave it up, or None.
        holder: the application that reads it now; "" when the source does not say who.
        transactions: how many it has decoded; starts at 0 when a slot is made.
        statistics_since: `transactions` of two looks are comparable while this is the same.
    """

    confirmed: int
    restart: int
    invalid: str | None
    active: bool
    holder: str
    transactions: int | None
    statistics_since: str


def read_slot(trs: psycopg.Connection, slot_name: str) -> Slot | None:
    """What the source shows of a slot, whatever its version."""
    row = trs.execute(_READ, (slot_name,)).fetchone()
    if row is None:
        return None
    shown: dict[str, Any] = row[0]
    invalid = shown.get("invalidation_reason") or ("conflict with recovery" if shown.get("conflicting") else None)
    if shown["wal_status"] == "lost":
        invalid = invalid or "its WAL was removed"
    return Slot(
        confirmed=as_bytes(shown["confirmed_flush_lsn"] or "0/0"),
        restart=as_bytes(shown["restart_lsn"] or "0/0"),
        invalid=invalid,
        active=bool(shown["active"]),
        holder=row[1] or "",
        transactions=row[2],
        statistics_since=row[3],
    )
