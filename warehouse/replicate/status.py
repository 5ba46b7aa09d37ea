"""How replication stands, from what both databases show of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg

from warehouse.core.databases import Databases
from warehouse.replicate import epochs
from warehouse.replicate.classification import load_classification

State = Literal["not set up", "copying", "streaming", "stopped", "slot lost"]


@dataclass(frozen=True)
class Status:
    """What `warehouse replicate status` shows.

    Attributes:
        state: "streaming" is the healthy one; "stopped" means that no worker of the warehouse reads the slot.
        lag_bytes: WAL of the source that has not been applied here yet.
        last_commit_at: the commit time, at the source, of the newest transaction in the ledger.
        retained_bytes: WAL that the slot keeps at the source.
        tables: replicated tables, each with its rows (as the engine estimates them) and superseded versions.
    """

    state: State
    epoch: int | None = None
    since: str | None = None
    slot: str | None = None
    slot_active: bool | None = None
    wal_status: str | None = None
    retained_bytes: int | None = None
    lag_bytes: int | None = None
    last_commit_at: str | None = None
    transactions: int = 0
    apply_errors: int = 0
    tables: list[dict[str, Any]] = field(default_factory=list)


_TABLES = """
select t.name, greatest(c.reltuples, 0)::bigint, coalesce(s.n_live_tup, 0)
from unnest(%s::text[]) as t (name)
join pg_class as c on c.oid = to_regclass(format('%%I.%%I', %s::text, t.name))
left join pg_stat_user_tables as s on s.schemaname = 'history' and s.relname = t.name
order by t.name
"""


def status(databases: Databases) -> Status:
    """Read how replication stands. Changes nothing.

    Raises:
        DatabaseUnreachable: one of the two databases is.
    """
    name = databases.settings.warehouse_replication_name
    classification = load_classification()
    with databases.source() as trs, databases.warehouse() as warehouse:
        if not warehouse.execute("select to_regclass('ledger.epochs')").fetchone()[0]:  # type: ignore[index]
            return Status("not set up")
        epoch = epochs.current(warehouse, name)
        if epoch is None:
            return Status("not set up")
        slot = trs.execute(
            "select active, wal_status, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint,"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::bigint"
            " from pg_replication_slots where slot_name = %s",
            (name,),
        ).fetchone()
        active, wal_status, retained, lag = slot or (None, None, None, None)
        since, last_commit, transactions = _ledger(warehouse, epoch.epoch_id)
        errors = warehouse.execute(
            "select apply_error_count from pg_stat_subscription_stats where subname = %s", (name,)
        ).fetchone()
        rows = warehouse.execute(_TABLES, (list(classification.published), classification.schema_name)).fetchall()
    return Status(
        state=_state(epoch.state, active, wal_status),
        epoch=epoch.epoch_id,
        since=since,
        slot=name,
        slot_active=active,
        wal_status=wal_status,
        retained_bytes=retained,
        lag_bytes=lag,
        last_commit_at=last_commit,
        transactions=transactions,
        apply_errors=int(errors[0]) if errors else 0,
        tables=[{"name": table, "rows": live, "earlier_versions": old} for table, live, old in rows],
    )


def _state(epoch_state: str, active: bool | None, wal_status: str | None) -> State:
    if epoch_state == "copying":
        return "copying"
    if active is None or wal_status == "lost":
        return "slot lost"
    return "streaming" if active else "stopped"


def _ledger(warehouse: psycopg.Connection, epoch_id: int) -> tuple[str | None, str | None, int]:
    row = warehouse.execute(
        "select to_char(e.streaming_since at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
        " to_char(max(t.committed_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), count(t.xid)"
        " from ledger.epochs as e left join ledger.transactions as t using (epoch_id)"
        " where e.epoch_id = %s group by e.streaming_since",
        (epoch_id,),
    ).fetchone()
    return (row[0], row[1], int(row[2])) if row else (None, None, 0)
