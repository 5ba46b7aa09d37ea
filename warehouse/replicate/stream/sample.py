"""Samples of the stream: where it stands at one moment, on both sides. Kept in the ledger, so that movement is data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import psycopg

from warehouse.core.database import one
from warehouse.replicate.catalog.clocks import SAMPLES, Clocks, measured
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.stream.lsn import applied_lsn

KEPT = "7 days"
_UNSTAMPED = 5_000
"""So many of the newest transactions are asked for their commit time when they are not in the ledger yet."""


@dataclass(frozen=True)
class Sample:
    """Where the stream stands. Positions are bytes of the source's WAL; times are aware.

    Attributes:
        looked_at: by the warehouse's clock.
        source_at: by the source's clock, at the same moment.
        source_lsn: the end of what the source has written.
        confirmed_lsn: up to here the warehouse has confirmed to the slot that all is applied. None: the slot is gone.
        restart_lsn: from here on the source keeps its WAL for the slot.
        applied_lsn: the end of the newest transaction that was applied. None: none was, or it may not be asked.
        received_lsn: up to here the apply worker has read.
        newest_commit_at: when the newest applied transaction was committed, by the source's clock.
        enabled: whether the subscription is on. None: there is no subscription.
        worker_pid: of the apply worker, while there is one.
        slot_held_by: process id at the source of whoever reads the slot.
        wal_status: what the source says of the slot's WAL: reserved, extended, unreserved or lost.
        safe_wal_bytes: WAL that can be written before the slot may be invalidated. None: there is no limit.
    """

    looked_at: datetime
    source_at: datetime
    source_lsn: int
    confirmed_lsn: int | None = None
    restart_lsn: int | None = None
    applied_lsn: int | None = None
    received_lsn: int | None = None
    newest_commit_at: datetime | None = None
    enabled: bool | None = None
    worker_pid: int | None = None
    slot_held_by: int | None = None
    wal_status: str | None = None
    safe_wal_bytes: int | None = None

    @property
    def slot_exists(self) -> bool:
        """Whether the source has our slot at all."""
        return self.confirmed_lsn is not None or self.wal_status is not None

    @property
    def retained_bytes(self) -> int | None:
        """WAL that the slot keeps at the source."""
        return None if self.restart_lsn is None else max(self.source_lsn - self.restart_lsn, 0)

    @property
    def lag_bytes(self) -> int | None:
        """WAL of the source that is not known to be applied in the warehouse."""
        return None if self.confirmed_lsn is None else max(self.source_lsn - self.confirmed_lsn, 0)

    @property
    def positions(self) -> tuple[int | None, ...]:
        """What moves when the stream moves."""
        return (self.confirmed_lsn, self.applied_lsn, self.received_lsn)


_AT_SOURCE = """
select
    clock_timestamp(),
    pg_wal_lsn_diff(
        case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end, '0/0')::bigint,
    pg_wal_lsn_diff(s.confirmed_flush_lsn, '0/0')::bigint,
    pg_wal_lsn_diff(s.restart_lsn, '0/0')::bigint,
    s.active_pid,
    s.wal_status,
    s.safe_wal_size
from (select) as one
left join pg_replication_slots as s on s.slot_name = %s
"""

_HERE = """
select s.subenabled, w.pid, pg_wal_lsn_diff(w.received_lsn, '0/0')::bigint, 'pg_' || s.oid
from pg_subscription as s
left join pg_stat_subscription as w on w.subid = s.oid and w.relid is null and {}
where s.subname = %s and s.subdbid = (select oid from pg_database where datname = current_database())
"""

_NEWEST = """
select greatest(
    -- Asked of a server that keeps no commit times, it would be an error.
    case when current_setting('track_commit_timestamp') = 'on' then (
        select max(c.timestamp)
        from (select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as next) as n
        cross join lateral generate_series(
            greatest(
                n.next - %(unstamped)s, 3,
                (select stamped_up_to::text::bigint from ledger.replication_position where epoch_id = %(epoch)s)
            ),
            n.next - 1
        ) as x (number)
        cross join lateral pg_xact_commit_timestamp_origin(x.number::text::xid8::xid) as c
        where c.roident = (select roident from pg_replication_origin where roname = %(origin)s)
    ) end,
    (
        select committed_at from ledger.transactions
        where epoch_id = %(epoch)s and kind = 'stream' order by xid desc limit 1
    )
)
"""


def take(source: psycopg.Connection, warehouse: psycopg.Connection, epoch: Epoch, name: str) -> tuple[Sample, Clocks]:
    """Look at both sides. Only reads.

    Args:
        name: of the subscription.
    """
    here = warehouse.execute(
        # Before 16 there are no workers beside the leading one.
        _HERE.format("w.leader_pid is null" if warehouse.info.server_version >= 160_000 else "true").encode(),
        (name,),
    ).fetchone()
    enabled, worker, received, origin = here or (None, None, None, None)
    applied = applied_lsn(warehouse, name)
    newest = warehouse.execute(_NEWEST, {"epoch": epoch.epoch_id, "origin": origin, "unstamped": _UNSTAMPED}).fetchone()

    def at_source() -> tuple[Any, ...]:
        return one(source, _AT_SOURCE, (epoch.slot_name,))

    samples = [measured(warehouse, at_source) for _ in range(SAMPLES)]
    looked_at, clocks, _ = min(samples, key=lambda sample: sample[1].uncertainty_seconds)
    # Positions of the source that were read after the warehouse's: what was applied is never ahead of them.
    row = samples[-1][2]
    return Sample(
        looked_at=looked_at,
        source_at=looked_at + timedelta(seconds=clocks.skew_seconds),
        source_lsn=row[1],
        confirmed_lsn=row[2],
        restart_lsn=row[3],
        applied_lsn=applied,
        received_lsn=received,
        newest_commit_at=newest[0] if newest else None,
        enabled=enabled,
        worker_pid=worker,
        slot_held_by=row[4],
        wal_status=row[5],
        safe_wal_bytes=row[6],
    ), clocks


_EARLIER = """
select
    looked_at,
    source_at,
    pg_wal_lsn_diff(source_lsn, '0/0')::bigint,
    pg_wal_lsn_diff(confirmed_lsn, '0/0')::bigint,
    pg_wal_lsn_diff(restart_lsn, '0/0')::bigint,
    pg_wal_lsn_diff(applied_lsn, '0/0')::bigint,
    pg_wal_lsn_diff(received_lsn, '0/0')::bigint,
    newest_commit_at,
    enabled,
    worker_pid,
    slot_held_by
from ledger.replication_looks
where epoch_id = %s and looked_at > clock_timestamp() - %s::interval
order by looked_at desc limit 1000
"""


def earlier(warehouse: psycopg.Connection, epoch: Epoch, within: str = "1 hour") -> list[Sample]:
    """The samples of this epoch that are in the ledger, the newest first; not more than 1,000."""
    rows = warehouse.execute(_EARLIER, (epoch.epoch_id, within)).fetchall()
    return [Sample(*row) for row in rows]


def record(warehouse: psycopg.Connection, epoch: Epoch, look: Sample, state: str) -> None:
    """Keep a sample, and delete those that are older than KEPT."""
    values = {field.name: getattr(look, field.name) for field in fields(look)}
    with warehouse.transaction():
        warehouse.execute(
            "insert into ledger.replication_looks (epoch_id, looked_at, source_at, source_lsn, confirmed_lsn,"
            " restart_lsn, applied_lsn, received_lsn, newest_commit_at, enabled, worker_pid, slot_held_by,"
            " state)"
            " values (%(epoch)s, %(looked_at)s, %(source_at)s, '0/0'::pg_lsn + %(source_lsn)s::numeric,"
            " '0/0'::pg_lsn + %(confirmed_lsn)s::numeric, '0/0'::pg_lsn + %(restart_lsn)s::numeric,"
            " '0/0'::pg_lsn + %(applied_lsn)s::numeric, '0/0'::pg_lsn + %(received_lsn)s::numeric,"
            " %(newest_commit_at)s, %(enabled)s, %(worker_pid)s, %(slot_held_by)s, %(state)s)",
            {**values, "epoch": epoch.epoch_id, "state": state},
        )
        warehouse.execute(
            "delete from ledger.replication_looks where epoch_id = %s and looked_at < clock_timestamp() - %s::interval",
            (epoch.epoch_id, KEPT),
        )
