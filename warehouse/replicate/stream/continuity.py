"""The guard before the stream: is the slot the one that it was reading, and the source the one it was read from?

The engine goes on with whatever slot has the right name. One that was made anew streams from where it was made, and
what was committed before is lost in silence. So before the stream is switched on, and at every run, what both databases
show now is held against what was applied and against what was noted at the last look (ledger.slot_positions).
What is proven by which evidence is in docs/adr/0010.

That the slot is ours does not prove that what it has confirmed is here: the warehouse itself may have been put back
from a backup. That takes a start of its server, so after one the slot must not have confirmed more than was noted, or
both sides are compared (docs/adr/0023).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Any

import psycopg

from warehouse.core.databases import Databases
from warehouse.replicate.ledger import epochs
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.stream import source_server, subscription
from warehouse.replicate.stream.finding import IN_DOUBT, READ_BY, Finding, error_of
from warehouse.replicate.stream.lsn import applied_lsn, as_bytes, as_lsn
from warehouse.replicate.stream.source_server import Server


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


@dataclass(frozen=True)
class Source:
    """What the source shows of itself.

    Attributes:
        flushed: the end of its durable WAL.
        next_xid: the number that its next transaction will get at the earliest.
        forked_at: where its timeline left the one that was noted last; None on the same one.
        server: which of the servers with that identity it is.
    """

    system_id: str
    timeline: int
    flushed: int
    next_xid: int
    forked_at: int | None = None
    server: Server | None = None


@dataclass(frozen=True)
class Note:
    """What was seen while the slot was certainly ours (ledger.slot_positions).

    Attributes:
        taken_by: who was seen reading it since; what that one has confirmed was not applied here.
        source_xmin: every transaction of the source with a smaller number had ended then.
        undecodable: why the source cannot read the slot's WAL any more.
        server: which server of the warehouse had applied it, and since when that was running; see server_of().
        source_server: which server the source was.
    """

    confirmed: int
    source_lsn: int
    source_xid: int | None
    timeline: int
    transactions: int | None
    statistics_since: str | None
    taken_by: str | None = None
    source_xmin: int | None = None
    undecodable: str | None = None
    server: str | None = None
    source_server: Server | None = None


def judge(
    epoch_system_id: str,
    slot: Slot | None,
    source: Source,
    applied: int,
    note: Note | None,
    *,
    streaming: bool,
    server: str | None = None,
) -> Finding | None:
    """Whether the stream may go on; None when it may.

    Args:
        applied: where the last applied transaction ends, 0 when there is none or nobody may ask.
        streaming: whether our own stream is switched on, so that it may hold the slot.
        server: the warehouse's server as it is now; see server_of().
    """
    known = max(applied, note.confirmed if note else 0)
    if finding := _of_the_source(epoch_system_id, source, known, note):
        return finding
    if unusable := _unusable(slot, note, streaming=streaming):
        return unusable
    assert slot is not None
    # A stream that an earlier version of this program began has no note, and has to be taken as it runs.
    found = None if note is None and streaming else _not_ours(slot, known, note)
    if found or note is None or _nothing_since(source, note):
        return found
    if source_server.change(note.source_server, source.server) and source.forked_at is None:
        return Finding("replaced", "another server of the same cluster answers at the source's address")
    return _after_a_start(slot, note, server)


def _of_the_source(epoch_system_id: str, source: Source, known: int, note: Note | None) -> Finding | None:
    if source.system_id != epoch_system_id:
        return Finding("other source", "it is another database cluster")
    if rewound := _rewound(source, known, note):
        return Finding("rewound", rewound)
    if source.forked_at is not None and source.forked_at < known:
        # What was applied last may be of the old timeline, or the new one if the stream resumed there by itself.
        return Finding("unproven", "the source failed over before the last position that was applied here")
    before, now = note.source_server if note else None, source.server
    # A failover begins a timeline of its own, which says by itself what of ours it has.
    if before and now and source.forked_at is None and source_server.change(before, now) == "moved":
        where = f"at {source_server.in_words(now)}, started since the last look, not {source_server.in_words(before)}"
        return Finding("moved", where)
    return None


def _nothing_since(source: Source, note: Note) -> bool:
    """Whether nothing can be missing: before our mark every transaction had ended, and none has begun there since."""
    xid, xmin = note.source_xid, note.source_xmin
    return xid is not None and xmin is not None and xmin >= xid and source.next_xid <= xid + 1


def _after_a_start(slot: Slot, note: Note, server: str | None) -> Finding | None:
    """Whether all that the slot has confirmed is certainly here although the warehouse's server was started since.

    What was applied says nothing: a data folder that was put back streams on from where the slot is, past the hole.
    """
    if note.server in (None, server) or slot.confirmed <= note.confirmed:
        return None
    return Finding(
        "restarted",
        "the warehouse's server was started since the last look, and the slot has confirmed more than was seen then",
    )


def _unusable(slot: Slot | None, note: Note | None, *, streaming: bool) -> Finding | None:
    if slot is None:
        return Finding("lost", "the slot is gone")
    if note and note.undecodable:
        return Finding("lost", note.undecodable)
    if slot.invalid:
        return Finding("lost", f"the source gave the slot up ({slot.invalid})")
    if slot.active and (not streaming or (slot.holder and slot.holder != subscription.APPLICATION)):
        if slot.holder == subscription.APPLICATION:
            return Finding("held by us", "its sender there has not noticed that nobody reads it any more")
        return Finding("taken", READ_BY + (slot.holder or "another session"))
    return None


def _not_ours(slot: Slot, known: int, note: Note | None) -> Finding | None:
    if note and is_made_anew(slot, note):
        if slot.restart < note.confirmed:
            # One that was made later could not read WAL from before it: it is ours, as it was earlier.
            return Finding("rewound", "its slot is as it was at an earlier time: the server's files were put back")
        return Finding("made anew", "the slot was dropped and made anew: it has decoded less than before")
    # One of these is enough. It sends whatever was committed after a position that was applied, whoever made it;
    sends_all = slot.confirmed <= known
    if note and note.taken_by and not sends_all:
        return Finding("unproven", f"{note.taken_by} has read from the slot, and what that took was not applied here")
    # or it reads WAL from before a position that was applied: a slot that was made later could not;
    is_older = slot.restart < known
    # or it has decoded all that ours had, and more: a new one begins at nothing.
    has_decoded = note is not None and _comparable(slot, note) and bool(note.transactions)
    if sends_all or is_older or has_decoded:
        return None
    told = "the slot has moved on, and nothing shows that it is still the one that was read here"
    if note and note.statistics_since not in (None, slot.statistics_since):
        return Finding("crashed", f"the source has crashed; {told}")
    return Finding("unproven", told)


def is_made_anew(slot: Slot, note: Note) -> bool:
    """Whether the slot's statistics, which began with it, are behind what was noted."""
    return _comparable(slot, note) and (slot.transactions or 0) < (note.transactions or 0)


def _comparable(slot: Slot, note: Note) -> bool:
    return note.transactions is not None and note.statistics_since == slot.statistics_since


def _rewound(source: Source, known: int, note: Note | None) -> str | None:
    seen = max(note.confirmed, note.source_lsn) if note else 0
    if source.flushed < max(known, seen):
        return "its WAL ends before the last transaction that was applied here"
    if note is None:
        return None
    if source.forked_at is not None and source.forked_at < seen:
        return "its history branched off before the last transaction that was seen here"
    if source.timeline < note.timeline:
        return "it is on an earlier timeline than it was"
    if note.source_xid is not None and source.next_xid <= note.source_xid:
        return "its transaction numbers are behind those seen before"
    return None


def examine(
    databases: Databases, trs: psycopg.Connection, warehouse: psycopg.Connection, epoch: Epoch
) -> tuple[Source, Finding | None]:
    """Look at both databases and judge. Changes nothing.

    Waits up to subscription.LETTING_GO_SECONDS for the source to notice the end of a stream that was switched off.
    """
    name = epoch.replication_name
    there = subscription.exists(warehouse, name)
    streaming = subscription.is_enabled(warehouse, name)
    noted, server = read_note(warehouse, epoch), server_of(warehouse, name)
    deadline = time.monotonic() + subscription.LETTING_GO_SECONDS
    while True:
        # In this order: the stream may run, and what the slot has confirmed is applied before, and was flushed before
        # it was applied.
        slot = read_slot(trs, epoch.slot_name)
        applied = applied_lsn(warehouse, name) or 0
        source = read_source(databases, trs, noted.timeline if noted else epoch.timeline)
        finding = judge(epoch.source_system_id, slot, source, applied, noted, streaming=streaming, server=server)
        if finding is None and not there:
            finding = Finding("lost", "the warehouse's subscription, which knew what was applied, is gone")
        ours = slot is not None and slot.holder in ("", subscription.APPLICATION)
        if finding is None or finding.kind not in ("taken", "held by us") or not ours or time.monotonic() > deadline:
            return source, finding
        time.sleep(0.1)


def check(
    databases: Databases,
    trs: psycopg.Connection,
    warehouse: psycopg.Connection,
    epoch: Epoch,
    *,
    after_restart: bool = False,
) -> Source:
    """Let the stream go on only if nothing was missed. Otherwise it is switched off, and stays off.

    Args:
        after_restart: whether it is known, and seen to, that the warehouse's server was started, or the source's is
            another one. (Otherwise it is an error, too, but the stream goes on: what it brings now is right, and only
            the past is in doubt.)

    Raises:
        SlotLost, SlotTaken, SourceRewound: what was found. Nothing is started again.
        SourceMoved: it leads to another server, which may be a copy of the source.
        ReplicationError: the address leads to another cluster.
    """
    source, finding = examine(databases, trs, warehouse, epoch)
    in_doubt = finding is not None and finding.kind in IN_DOUBT
    if finding is None or (in_doubt and after_restart):
        return source
    if in_doubt:
        raise error_of(finding, epoch)
    if finding.kind == "taken":
        warehouse.execute(
            "update ledger.slot_positions set taken_by = %s where epoch_id = %s",
            (finding.reason.removeprefix(READ_BY), epoch.epoch_id),
        )
    if subscription.exists(warehouse, epoch.replication_name):
        subscription.stop(warehouse, epoch.replication_name)
    last = epochs.last_commit_at(warehouse, epoch)
    raise error_of(finding, epoch, f" after {last.astimezone(UTC):%d %B %Y %H:%M:%S} UTC" if last else "")


_NOTE = """
insert into ledger.slot_positions as p (
    epoch_id, confirmed_flush_lsn, source_lsn, source_xid, source_xmin, timeline, transactions, statistics_since,
    warehouse_server, source_address, source_own_address, source_started
)
values (
    %(epoch)s, %(confirmed)s, %(lsn)s, %(xid)s::text::xid8, %(xmin)s::text::xid8, %(timeline)s, %(transactions)s,
    %(since)s, %(server)s, %(address)s, %(own_address)s, %(started)s
)
on conflict (epoch_id) do update set
    noted_at = clock_timestamp(),
    confirmed_flush_lsn = excluded.confirmed_flush_lsn,
    source_lsn = excluded.source_lsn,
    source_xid = excluded.source_xid,
    source_xmin = excluded.source_xmin,
    timeline = excluded.timeline,
    transactions = excluded.transactions,
    statistics_since = excluded.statistics_since,
    warehouse_server = excluded.warehouse_server,
    source_address = excluded.source_address,
    source_own_address = excluded.source_own_address,
    source_started = excluded.source_started,
    taken_by = null
"""


def note(
    databases: Databases,
    trs: psycopg.Connection,
    warehouse: psycopg.Connection,
    epoch: Epoch,
    marked: subscription.Mark,
) -> None:
    """Write down what the slot shows, right after our stream has confirmed `marked`; check() came before."""
    slot = read_slot(trs, epoch.slot_name)
    if slot is None:
        return
    warehouse.execute(
        _NOTE,
        {
            "epoch": epoch.epoch_id,
            "confirmed": as_lsn(slot.confirmed),
            "lsn": marked.lsn,
            "xid": marked.xid,
            "xmin": marked.xmin,
            "timeline": marked.timeline,
            "transactions": slot.transactions,
            "since": slot.statistics_since,
            "server": server_of(warehouse, epoch.replication_name),
            **asdict(source_server.read(databases, trs)),
        },
    )


def note_start(warehouse: psycopg.Connection, epoch: Epoch) -> None:
    """Write down where a new slot starts: what came before is in the replica by other ways."""
    warehouse.execute(
        "insert into ledger.slot_positions (epoch_id, confirmed_flush_lsn, source_lsn, timeline, warehouse_server)"
        " values (%(epoch)s, %(lsn)s, %(lsn)s, %(timeline)s, %(server)s) on conflict (epoch_id) do nothing",
        {
            "epoch": epoch.epoch_id,
            "lsn": epoch.start_lsn,
            "timeline": epoch.timeline or 1,
            "server": server_of(warehouse, epoch.replication_name),
        },
    )


def note_undecodable(warehouse: psycopg.Connection, epoch: Epoch, reason: str) -> None:
    """Write down that the source cannot read the slot's WAL any more: the slot is lost."""
    warehouse.execute("update ledger.slot_positions set undecodable = %s where epoch_id = %s", (reason, epoch.epoch_id))


_SERVER = """
select concat_ws(
    ' ',
    s.system_identifier,
    c.timeline_id,
    d.oid,
    (select oid from pg_subscription where subname = %s and subdbid = d.oid),
    extract(epoch from pg_postmaster_start_time())::text
)
from pg_control_system() as s
cross join pg_control_checkpoint() as c
join pg_database as d on d.datname = current_database()
"""


def server_of(warehouse: psycopg.Connection, name: str) -> str:
    """What is the same for as long as nobody can have put another state of the warehouse in this one's place.

    Its cluster, timeline, database and subscription, and since when its server runs: a data folder that is put back
    from a backup needs a start, a dump that is restored makes another database and subscription.
    """
    row = warehouse.execute(_SERVER, (name,)).fetchone()
    assert row is not None
    return str(row[0])


def read_note(warehouse: psycopg.Connection, epoch: Epoch) -> Note | None:
    """What was noted of the epoch's slot."""
    row = warehouse.execute(
        "select confirmed_flush_lsn::text, source_lsn::text, source_xid::text, timeline, transactions,"
        " statistics_since, taken_by, source_xmin::text, undecodable, warehouse_server"
        " from ledger.slot_positions where epoch_id = %s",
        (epoch.epoch_id,),
    ).fetchone()
    if row is None:
        return None
    xid, xmin = (None if number is None else int(number) for number in (row[2], row[7]))
    server = source_server.read_noted(warehouse, epoch.epoch_id)
    known, lsn = as_bytes(row[0]), as_bytes(row[1])
    return Note(known, lsn, xid, int(row[3]), row[4], row[5], row[6], xmin, row[8], row[9], server)


def read_slot(trs: psycopg.Connection, slot_name: str) -> Slot | None:
    """What the source shows of a slot, whatever its version."""
    row = trs.execute(
        "select to_jsonb(s), r.application_name, t.total_txns,"
        # As numbers: a time as text is another one in another time zone.
        " coalesce(extract(epoch from b.stats_reset)::text, '') || ' '"
        " || coalesce(extract(epoch from t.stats_reset)::text, '')"
        " from pg_replication_slots as s"
        " left join pg_stat_replication as r on r.pid = s.active_pid"
        " left join pg_stat_replication_slots as t on t.slot_name = s.slot_name"
        # A crash of the source resets every statistic, and these say when.
        " cross join pg_stat_bgwriter as b"
        " where s.slot_name = %s",
        (slot_name,),
    ).fetchone()
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


def read_source(databases: Databases, trs: psycopg.Connection, timeline: int | None) -> Source:
    """What the source shows of itself, held against the timeline that was seen last."""
    forked_at = None
    with subscription.replication_connection(databases.source_conninfo) as connection:
        identity = subscription.identity(connection)
        if timeline is not None and identity.timeline > timeline:
            row = connection.execute(f"TIMELINE_HISTORY {identity.timeline:d}".encode()).fetchone()
            content = row[1] if row else ""
            forked_at = fork_after(content.decode() if isinstance(content, bytes) else str(content), timeline)
    row = trs.execute(
        "select pg_current_wal_flush_lsn()::text, pg_snapshot_xmax(pg_current_snapshot())::text"
    ).fetchone()
    assert row is not None
    server = source_server.read(databases, trs)
    return Source(identity.system_id, identity.timeline, as_bytes(row[0]), int(row[1]), forked_at, server)


def fork_after(history: str, timeline: int) -> int | None:
    """Where the server left a timeline, by a timeline history file: lines of a timeline and the position of its end."""
    for line in history.splitlines():
        parts = line.split()
        if len(parts) >= 2 and parts[0].isdigit() and int(parts[0]) == timeline:
            return as_bytes(parts[1])
    # A server whose history does not hold our timeline has nothing of it.
    return 0
