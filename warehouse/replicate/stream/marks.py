"""What was altered and put back between two looks: the catalogs' rows of ours carry the transaction that wrote them.

A trigger that was off for a moment, a publication that sent only inserts for a while, a subscription that read another
one: all looks as it should be afterwards. But each ALTER leaves another `xmin`. Ours are noted when a command of ours
ends (ledger.marks); another one at the next look is a doubt (ledger.doubts) until a comparison settles it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from warehouse.core.errors import AlteredMeanwhile
from warehouse.core.finding import Finding, failed
from warehouse.core.locks import Lock, held_by_another
from warehouse.replicate.catalog import subscriptions
from warehouse.replicate.link import Ends
from warehouse.replicate.stream.lsn import applied_lsn, as_bytes

_SUBSCRIPTION = "the subscription"
_ERRORS_OF = "the subscription's errors"
_POSITION = "the position that was applied"

_WRITTEN_BY = "xmin::text"
"""What tells one state of the subscription's entry from another: the transaction that wrote it."""

_READABLE = """
md5(concat_ws('|', subskiplsn, subowner, subenabled, subbinary, substream, subtwophasestate, subdisableonerr,
    subslotname, subsynccommit, subpublications::text))
"""
"""The same for a user whom PostgreSQL shows these columns alone: what was put back is not seen. An administrator can
change that with `grant select (xmin) on pg_subscription to …`, which shows nothing of the connection."""

_HERE = """
with s as (
    select oid, {mark} as xmin, subenabled, subname from pg_subscription
    where subname = %(name)s and subdbid = (select oid from pg_database where datname = current_database())
),

ours as (
    select r.srrelid as oid, c.relname, r.xmin, r.srsubstate from pg_subscription_rel as r
    join s on s.oid = r.srsubid join pg_class as c on c.oid = r.srrelid
)

select 'the subscription', null, s.oid || '/' || s.xmin from s
union all
select 'the subscription''s entry of ' || relname, relname, oid || '/' || xmin from ours where srsubstate = 'r'
union all
select 'trigger ' || t.tgname || ' of ' || o.relname, o.relname, t.oid || '/' || t.xmin
from pg_trigger as t join ours as o on o.oid = t.tgrelid where not t.tgisinternal
union all
select 'function ' || n.nspname || '.' || p.proname, null, p.oid || '/' || p.xmin
from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
where n.nspname = 'history' or p.oid in (
    select t.tgfoid from pg_trigger as t join ours as o on o.oid = t.tgrelid where not t.tgisinternal
)
"""

_AT_SOURCE = "select 'the publication', null, oid || '/' || xmin from pg_publication where pubname = %(name)s"

COUNTED_WITHIN_SECONDS = 5
"""A worker that ends with an error switches the subscription off first, and hands in its counters when it is gone."""

_NOTED = "select what, table_name, mark, noted_at from ledger.marks"

_NOTE = """
insert into ledger.marks (what, table_name, mark) values (%s, %s, %s)
on conflict (what) do update set table_name = excluded.table_name, mark = excluded.mark, noted_at = clock_timestamp()
"""

_ERRORS = sql.SQL("""
select 'the subscription''s errors', null, (apply_error_count + sync_error_count)::text
from pg_stat_subscription_stats where subid = {}
""").format(subscriptions.NUMBER)

_SEEN = """
select e.slot_name, p.source_xid::text, greatest(p.confirmed_flush_lsn, (
    select max(k.confirmed_lsn) from ledger.replication_looks as k where k.epoch_id = e.epoch_id and k.enabled
))::text
from ledger.epochs as e join ledger.slot_positions as p using (epoch_id)
where e.replication_name = %s and e.state <> 'ended'
"""

_MOVED = """
select pg_snapshot_xmax(pg_current_snapshot()) > (%s::text::xid8::text::bigint + 1)::text::xid8
    and confirmed_flush_lsn > %s::pg_lsn
from pg_replication_slots where slot_name = %s
"""

_STOOD_WHILE_OFF = """
select e.slot_name, min(k.confirmed_lsn)::text, min(k.applied_lsn)::text
from ledger.epochs as e
join ledger.replication_looks as k using (epoch_id)
where e.replication_name = %(name)s and e.state <> 'ended' and k.looked_at > %(since)s
    and not k.enabled and k.worker_pid is null and k.slot_held_by is null
group by e.slot_name
"""

_CONFIRMED = "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = %s"

_ORIGIN = sql.SQL("""
select 'the position that was applied', null, concat_ws('|', o.remote_lsn, o.local_lsn)
from pg_replication_origin_status as o
where o.external_id = 'pg_' || {}
""").format(subscriptions.NUMBER)

_MAY_READ_ORIGINS = """
select has_table_privilege('pg_replication_origin_status', 'select')
    and has_function_privilege('pg_show_replication_origin_status()', 'execute')
"""

_SETTLE = """
update ledger.doubts set settled_at = clock_timestamp()
where settled_at is null and case when table_name is null then %(all)s else table_name = any(%(tables)s) end
    and (%(seen)s::text is null or pg_visible_in_snapshot(xid, %(seen)s::pg_snapshot))
"""


@dataclass(frozen=True)
class Mark:
    """One thing of ours: by whom (which transaction) it was last written.

    Attributes:
        table: that it concerns; None for all.
    """

    what: str
    table: str | None
    mark: str


@dataclass(frozen=True)
class Doubt:
    """Something that was altered since it was noted, and may have been put back."""

    what: str
    table: str | None
    since: datetime


def changed(ends: Ends) -> list[Doubt]:
    """What somebody else has altered since our last command. What is gone or new is told by other guards."""
    noted = {row[0]: row for row in ends.warehouse.execute(_NOTED)}
    now = _read(ends)
    found = []
    for one in now.values():
        before = noted.get(one.what)
        if before is None or before[2] == one.mark or one.what == _ERRORS_OF:
            continue
        if one.what == _POSITION and not _moved_by_hand(before[2], one.mark):
            continue
        if one.what == _SUBSCRIPTION and _only_switched_off(ends, noted):
            continue
        found.append(Doubt(one.what, one.table, before[3]))
    return found


def _only_switched_off(ends: Ends, noted: dict[str, tuple[str, str, str, datetime]]) -> bool:
    """Whether the subscription was switched off, and nothing else: by PostgreSQL after an error, an ordinary event.

    Or by hand, with nothing that could have been passed over: the slot stands where it was seen, or nobody has written
    at the source since. A slot that was advanced by hand looks like one that our own stream has confirmed further.
    """
    row = subscriptions.read(ends.warehouse, ends.name, "subenabled")
    if row != (False,) or _moved_while_off(ends, noted[_SUBSCRIPTION][3]):
        return False
    seen = ends.warehouse.execute(_SEEN, (ends.name,)).fetchone()
    there = ends.trs.execute(_MOVED, (seen[1], seen[2], seen[0])).fetchone() if seen else None
    if there is not None and not there[0]:
        return True
    return _ERRORS_OF in noted and _has_counted_an_error(ends.warehouse, ends.name, noted[_ERRORS_OF][2])


def _has_counted_an_error(warehouse: psycopg.Connection, name: str, noted: str) -> bool:
    """Whether PostgreSQL counts another number of errors; its worker reports one a moment after it has switched off."""
    deadline = time.monotonic() + COUNTED_WITHIN_SECONDS
    while True:
        row = warehouse.execute(_ERRORS, {"name": name}).fetchone()
        if row is None or row[2] != noted:
            return row is not None
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)


def _moved_while_off(ends: Ends, since: datetime) -> bool:
    """Whether the slot, or what counts as applied, has moved since a look at which the stream was off.

    Only a person can have moved them then: `pg_replication_slot_advance`, `pg_replication_origin_advance`.
    """
    stood = ends.warehouse.execute(_STOOD_WHILE_OFF, {"name": ends.name, "since": since}).fetchone()
    if stood is None:
        return False
    slot = ends.trs.execute(_CONFIRMED, (stood[0],)).fetchone()
    applied = applied_lsn(ends.warehouse, ends.name)
    moved = slot and slot[0] and stood[1] and as_bytes(slot[0]) > as_bytes(stood[1])
    return bool(moved or (applied and applied > as_bytes(stood[2] or "0/0")))


def _moved_by_hand(before: str, now: str) -> bool:
    """Whether the origin's position is another one without a transaction of ours that was committed with it.

    Each is a position of the source and one of ours. After a start of the server ours is not known.
    """
    (there_before, here_before), (there_now, here_now) = (mark.rsplit("|", 1) for mark in (before, now))
    return here_before == here_now != "0/0" and there_before != there_now


def note(ends: Ends) -> None:
    """Note all that is ours as it is now."""
    now = _read(ends)
    with ends.warehouse.transaction(), ends.warehouse.cursor() as cursor:
        cursor.execute("delete from ledger.marks where what <> all(%s)", (list(now),))
        cursor.executemany(_NOTE, [(one.what, one.table, one.mark) for one in now.values()])


def _mark(warehouse: psycopg.Connection) -> str:
    row = warehouse.execute("select has_column_privilege('pg_subscription', 'xmin', 'select')").fetchone()
    return _WRITTEN_BY if row and row[0] else _READABLE


def _may_read_origins(warehouse: psycopg.Connection) -> bool:
    row = warehouse.execute(_MAY_READ_ORIGINS).fetchone()
    return bool(row and row[0])


def _read(ends: Ends) -> dict[str, Mark]:
    values, warehouse = {"name": ends.name}, ends.warehouse
    rows = [
        *warehouse.execute(_HERE.format(mark=_mark(warehouse)).encode(), values).fetchall(),
        *warehouse.execute(_ERRORS, values).fetchall(),
        *(warehouse.execute(_ORIGIN, values).fetchall() if _may_read_origins(warehouse) else ()),
        *ends.trs.execute(_AT_SOURCE, values).fetchall(),
    ]
    return {row[0]: Mark(*row) for row in rows}


@contextmanager
def kept(ends: Ends) -> Iterator[None]:
    """Around a command that alters what is ours: what others have altered before is written down, and ours is noted.

    Also when it fails: what it has done by then is ours all the same.
    """
    record(ends.warehouse, changed(ends))
    try:
        yield
    finally:
        if not any(side.closed or side.broken for side in (ends.trs, ends.warehouse)):
            note(ends)


def record(warehouse: psycopg.Connection, found: Sequence[Doubt]) -> None:
    """Write doubts down."""
    with warehouse.cursor() as cursor:
        cursor.executemany(
            "insert into ledger.doubts (what, table_name, since) values (%s, %s, %s)",
            [(one.what, one.table, one.since) for one in found],
        )


def settle(warehouse: psycopg.Connection, tables: Sequence[str], *, all_of_them: bool, seen: str | None = None) -> None:
    """Write down that tables were compared in full and are equal now; see compare/confirm.py."""
    warehouse.execute(_SETTLE, {"tables": list(tables), "all": all_of_them, "seen": seen})


def reasons(ends: Ends) -> list[Finding]:
    """The doubts as a reason of the stream's status: those of the ledger, and those that only show now.

    While another command of ours is at work, its own doing would look like somebody's.
    """
    warehouse = ends.warehouse
    rows = warehouse.execute("select what, table_name, since from ledger.doubts where settled_at is null").fetchall()
    found = [Doubt(*row) for row in rows]
    before = warehouse.execute(_NOTED).fetchall()
    live = changed(ends) if not held_by_another(warehouse, Lock.replicate) else []
    if not held_by_another(warehouse, Lock.replicate) and warehouse.execute(_NOTED).fetchall() == before:
        found += [one for one in live if one.what not in {known.what for known in found}]
    found = [one for one in found if one.table is None or one.table in ends.published]
    if not found:
        return []
    since = min(one.since for one in found)
    told = ", ".join(one.what for one in found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
    return [
        failed(
            "altered_meanwhile",
            f"Somebody has altered {told} since {since:%Y-%m-%d %H:%M:%S %Z}, and it may have been put back: rows may "
            "have been passed over, or versions not kept (ledger.doubts keeps the times).",
            "warehouse replicate repair",
            AlteredMeanwhile,
        )
    ]
