"""After a start of the warehouse's server: was every change applied, or was the warehouse restored to an older state?

The slot does not show it: the stream itself confirms WAL in which nothing is published, so a slot that has confirmed
more than was noted is usual, and a data folder that is restored from a backup looks the same. So both sides are
compared, in place and from the proofs: that takes seconds and no new slot, and no change that waits in the slot is
passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.core.errors import ApplyConflict, StreamStuck
from warehouse.replicate.conflicts import decide
from warehouse.replicate.ledger import epochs
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import notes, source_server, subscription
from warehouse.replicate.stream.lsn import as_lsn
from warehouse.replicate.stream.slot import read_slot
from warehouse.replicate.sync import begin
from warehouse.replicate.sync.begin import Begun
from warehouse.replicate.sync.in_place import Damage, Since, repair_damage

REASON = "changes were applied before the warehouse was put back to an older state"
OTHER_SOURCE = "another server answers at the source's address, and lacks what was applied before"


@dataclass(frozen=True)
class Doubt:
    """What was known when the server was started.

    Attributes:
        since: the last position and commit time that are certainly here.
        server_before: the server that was started or replaced, as it was.
        what: happened, as a clause.
        reason: of the gap, if rows differ.
    """

    since: Since
    server_before: str
    server_now: str
    known: str
    confirmed: str
    what: str
    reason: str


def doubt(ends: Ends) -> Doubt | None:
    """What is in doubt, before the stream is switched on; None when nothing is."""
    noted = notes.read_note(ends.warehouse, ends.epoch)
    slot = read_slot(ends.trs, ends.epoch.slot_name)
    last = epochs.last_commit_at(ends.warehouse, ends.epoch)
    if noted is None or noted.server is None or slot is None or last is None:
        return None
    known, confirmed = as_lsn(noted.confirmed), as_lsn(slot.confirmed)
    there = source_server.read(ends.databases, ends.trs)
    if noted.source_server and source_server.change(noted.source_server, there):
        before, now = (f"{one.address} {one.own_address} {one.started}" for one in (noted.source_server, there))
        what, reason = "another server answers at the source's address", OTHER_SOURCE
    else:
        before, now = noted.server, notes.server_of(ends.warehouse, ends.name)
        what, reason = "the warehouse's server was started", REASON
    return Doubt(Since(known, last), before, now, known, confirmed, what, reason)


def _does_not_fit(ends: Ends) -> bool:
    """Whether a change that conflicts with the replica blocks the stream. Anything else passes, or is repaired."""
    subscription.stop(ends.warehouse, ends.name)
    try:
        decide.tell_conflict(ends)
    except ApplyConflict:
        return True
    subscription.enable(ends.warehouse, ends.name)
    return False


_RECORD = """
insert into ledger.restarts (epoch_id, server_before, server_now, known_lsn, confirmed_lsn, from_time, to_time,
    differed, gap_id)
values (%s, %s, %s, %s, %s, %s, clock_timestamp(), %s, %s)
"""


def settle(ends: Ends, doubt: Doubt) -> Damage | Begun:
    """Compare, write what differs, and record that the server was started and what came of it.

    Where the stream stops at a change that conflicts with the replica, because what came before it is missing, a new
    slot is created and the replica compared with that.
    """
    try:
        done: Damage | Begun = repair_damage(ends, doubt.reason, doubt.since)
    except StreamStuck:
        if not _does_not_fit(ends):
            raise
        done = begin.set_up(ends, doubt.reason)
    differed = done.differed if isinstance(done, Damage) else True
    gap = next((gap.gap_id for gap in done.gaps if gap.reason == doubt.reason), None)
    position = doubt.known, doubt.confirmed, doubt.since.time
    ends.warehouse.execute(
        _RECORD, (ends.epoch.epoch_id, doubt.server_before, doubt.server_now, *position, differed, gap)
    )
    return done
