"""What was seen of the slot and of both servers while all was in order (ledger.slot_positions), to compare with now."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import psycopg

from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import source_server
from warehouse.replicate.stream.lsn import as_bytes, as_lsn
from warehouse.replicate.stream.mark import Mark
from warehouse.replicate.stream.slot import Slot, read_slot
from warehouse.replicate.stream.source_server import Server

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

_NOTE_START = """
insert into ledger.slot_positions (
    epoch_id, confirmed_flush_lsn, source_lsn, timeline, warehouse_server, transactions, statistics_since
)
values (%(epoch)s, %(lsn)s, %(lsn)s, %(timeline)s, %(server)s, %(transactions)s, %(since)s)
on conflict (epoch_id) do nothing
"""
_NOTE_TAKEN = "update ledger.slot_positions set taken_by = %s where epoch_id = %s"
_NOTE_UNDECODABLE = "update ledger.slot_positions set undecodable = %s where epoch_id = %s"

_READ = """
select
    confirmed_flush_lsn::text, source_lsn::text, source_xid::text, timeline, transactions, statistics_since, taken_by,
    source_xmin::text, undecodable, warehouse_server
from ledger.slot_positions
where epoch_id = %s
"""

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


@dataclass(frozen=True)
class Note:
    """What was seen while the slot was certainly ours (ledger.slot_positions).

    Attributes:
        taken_by: who was seen reading it since; what that consumer has confirmed was not applied.
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


def note(ends: Ends, marked: Mark) -> None:
    """Write down what the slot shows, right after our stream has confirmed `marked`; check() came before."""
    slot = read_slot(ends.trs, ends.epoch.slot_name)
    if slot is None:
        return
    ends.warehouse.execute(
        _NOTE,
        {
            "epoch": ends.epoch.epoch_id,
            "confirmed": as_lsn(slot.confirmed),
            "lsn": marked.lsn,
            "xid": marked.xid,
            "xmin": marked.xmin,
            "timeline": marked.timeline,
            "transactions": slot.transactions,
            "since": slot.statistics_since,
            "server": server_of(ends.warehouse, ends.name),
            **asdict(source_server.read(ends.databases, ends.trs)),
        },
    )


def note_start(warehouse: psycopg.Connection, epoch: Epoch, slot: Slot | None) -> None:
    """Write down where a new slot starts: what came before is in the replica by other ways.

    Args:
        slot: what it shows now. It has decoded something when it was tried out (decoding.py), so it is known again
            before the first look at its stream, too: a slot that is made later begins at nothing.
    """
    warehouse.execute(
        _NOTE_START,
        {
            "epoch": epoch.epoch_id,
            "lsn": epoch.start_lsn,
            "timeline": epoch.timeline or 1,
            "server": server_of(warehouse, epoch.replication_name),
            "transactions": slot.transactions if slot else None,
            "since": slot.statistics_since if slot else None,
        },
    )


def note_undecodable(warehouse: psycopg.Connection, epoch: Epoch, reason: str) -> None:
    """Write down that the source cannot read the slot's WAL any more: the slot is lost."""
    warehouse.execute(_NOTE_UNDECODABLE, (reason, epoch.epoch_id))


def note_taken(warehouse: psycopg.Connection, epoch: Epoch, by: str) -> None:
    """Write down that another consumer reads the slot: what it confirms was not applied in the warehouse."""
    warehouse.execute(_NOTE_TAKEN, (by, epoch.epoch_id))


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
    row = warehouse.execute(_READ, (epoch.epoch_id,)).fetchone()
    if row is None:
        return None
    xid, xmin = (None if number is None else int(number) for number in (row[2], row[7]))
    server = source_server.read_noted(warehouse, epoch.epoch_id)
    known, lsn = as_bytes(row[0]), as_bytes(row[1])
    return Note(known, lsn, xid, int(row[3]), row[4], row[5], row[6], xmin, row[8], row[9], server)
