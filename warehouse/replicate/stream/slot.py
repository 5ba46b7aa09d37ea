"""The replication slot on the operational database: made, read and dropped."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from warehouse.core.errors import SlotTaken
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


@dataclass(frozen=True)
class NewSlot:
    """A slot that was just made.

    Attributes:
        snapshot: the name of its exported snapshot, good for as long as its connection is open.
        lsn: the position from which it streams; the snapshot shows exactly what was committed before.
    """

    snapshot: str
    lsn: str


def create_slot(connection: psycopg.Connection, name: str) -> NewSlot:
    """Make the slot and export its snapshot, over a replication connection; it lasts until that one's next command.

    From version 17 on a standby can take it over (`FAILOVER`).
    """
    failover = sql.SQL(", FAILOVER true" if has_failover_slots(connection) else "")
    row = connection.execute(
        sql.SQL("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput (SNAPSHOT 'export'{})").format(
            sql.Identifier(name), failover
        )
    ).fetchone()
    assert row is not None
    return NewSlot(snapshot=str(row[2]), lsn=str(row[1]))


def has_failover_slots(connection: psycopg.Connection) -> bool:
    """Whether that server knows slots that a standby takes over."""
    return connection.info.server_version >= 170_000


def drop_slot(source: psycopg.Connection, name: str) -> None:
    """Drop our slot if it is there; it would keep the source's WAL for ever.

    Raises:
        SlotTaken: somebody reads it and does not let go.
    """
    deadline = time.monotonic() + 30
    while True:
        row = source.execute("select active_pid from pg_replication_slots where slot_name = %s", (name,)).fetchone()
        if row is None:
            return
        try:
            source.execute("select pg_drop_replication_slot(%s)", (name,))
            return
        except psycopg.errors.ObjectInUse:
            # Its sender notices the end of its connection in a moment.
            if time.monotonic() > deadline:
                raise SlotTaken(
                    f"The slot {name} cannot be dropped: process {row[0]} at the operational database reads it.",
                    meaning="It keeps WAL there for as long as it exists. Nothing else was changed.",
                    next_command="Stop that consumer (select * from pg_stat_replication), then run the same again.",
                ) from None
            time.sleep(0.2)
