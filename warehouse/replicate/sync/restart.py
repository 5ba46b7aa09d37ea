"""After a start of the warehouse's server: whether every change is here, or an older state of it was put back.

The slot cannot tell: the stream itself confirms WAL in which nothing is published, so a slot that has confirmed more
than was noted is usual, and a data folder that is put back from a backup looks the same. So both sides are compared, in
place and from the proofs: that takes seconds, no new slot, and no single change that waits in the slot is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.core.errors import ApplyConflict, StreamStuck
from warehouse.core.progress import Progress
from warehouse.replicate.conflicts import decide
from warehouse.replicate.ledger import epochs
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import continuity, subscription
from warehouse.replicate.stream.lsn import as_lsn
from warehouse.replicate.sync import begin
from warehouse.replicate.sync.begin import Begun
from warehouse.replicate.sync.in_place import Damage, Since, repair_damage

REASON = "changes were applied before the warehouse was put back to an older state"


@dataclass(frozen=True)
class Doubt:
    """What was known when the server was started.

    Attributes:
        since: the last position and commit time that are certainly here.
    """

    since: Since
    server_before: str
    known: str
    confirmed: str


def doubt(ends: Ends, epoch: Epoch) -> Doubt | None:
    """What is in doubt, before the stream goes on; None when nothing is."""
    noted = continuity.read_note(ends.warehouse, epoch)
    slot = continuity.read_slot(ends.trs, epoch.slot_name)
    last = epochs.last_commit_at(ends.warehouse, epoch)
    if noted is None or noted.server is None or slot is None or last is None:
        return None
    known = as_lsn(noted.confirmed)
    return Doubt(Since(known, last), noted.server, known, as_lsn(slot.confirmed))


def _does_not_fit(ends: Ends, epoch: Epoch) -> bool:
    """Whether a change that does not fit what is here is why the stream stands. Anything else passes, or is mended."""
    subscription.stop(ends.warehouse, ends.name)
    try:
        decide.tell_conflict(ends.trs, ends.warehouse, epoch, ends.name)
    except ApplyConflict:
        return True
    subscription.enable(ends.warehouse, ends.name)
    return False


def settle(ends: Ends, epoch: Epoch, doubt: Doubt, progress: Progress) -> Damage | Begun:
    """Compare, write what differs, and write down that the server was started and what came of it.

    Where the stream stops at a change that does not fit what is here, because what came before it is missing, a new
    slot is made and the replica compared with that.
    """
    try:
        done: Damage | Begun = repair_damage(ends, epoch, progress, REASON, doubt.since)
    except StreamStuck:
        if not _does_not_fit(ends, epoch):
            raise
        done = begin.set_up(ends, progress, epoch, REASON)
    differed = done.differed if isinstance(done, Damage) else True
    gap = next((gap for gap in done.gaps if gap.reason == REASON), None)
    ends.warehouse.execute(
        "insert into ledger.restarts (epoch_id, server_before, server_now, known_lsn, confirmed_lsn, from_time,"
        " to_time, differed, gap_id) values (%s, %s, %s, %s, %s, %s, clock_timestamp(), %s, %s)",
        (
            epoch.epoch_id,
            doubt.server_before,
            continuity.server_of(ends.warehouse, ends.name),
            doubt.known,
            doubt.confirmed,
            doubt.since.time,
            differed,
            gap.gap_id if gap else None,
        ),
    )
    return done
