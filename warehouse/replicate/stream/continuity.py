"""The guard before the stream: is the slot the one that it was reading, and the source the one it was read from?

PostgreSQL streams from whatever slot has the right name. One that was created again streams from where it was made, and
what was committed before is lost in silence. So before the stream is switched on, and at every run, what both databases
show now is held against what was applied and against what was noted at the last look (ledger.slot_positions).
What is proven by which evidence is in docs/adr/0010.

That the slot is ours does not prove that what it has confirmed is here: the warehouse itself may have been put back
from a backup. That takes a start of its server, so after one the slot must not have confirmed more than was noted, or
both sides are compared (docs/adr/0023).
"""

from __future__ import annotations

import time
from datetime import UTC

from warehouse.replicate.ledger import epochs
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import notes, source_server, subscription
from warehouse.replicate.stream.lsn import applied_lsn
from warehouse.replicate.stream.notes import Note
from warehouse.replicate.stream.obstacle import IN_DOUBT, READ_BY, Obstacle, error_of
from warehouse.replicate.stream.slot import Slot, read_slot
from warehouse.replicate.stream.source_state import SourceState, read_source


def judge(
    epoch_system_id: str,
    slot: Slot | None,
    source: SourceState,
    applied: int,
    note: Note | None,
    *,
    streaming: bool,
    server: str | None = None,
) -> Obstacle | None:
    """Whether the stream may go on; None when it may.

    Args:
        applied: where the last applied transaction ends, 0 when there is none or nobody may ask.
        streaming: whether our own stream is switched on, so that it may hold the slot.
        server: the warehouse's server as it is now; see notes.server_of().
    """
    known = max(applied, note.confirmed if note else 0)
    if obstacle := _of_the_source(epoch_system_id, source, known, note):
        return obstacle
    if unusable := _unusable(slot, note, streaming=streaming):
        return unusable
    assert slot is not None
    found = _not_ours(slot, known, note)
    if found or note is None or _nothing_since(source, note):
        return found
    if source_server.change(note.source_server, source.server) and source.forked_at is None:
        return Obstacle("replaced", "another server of the same cluster answers at the source's address")
    return _after_a_start(slot, note, server)


def _of_the_source(epoch_system_id: str, source: SourceState, known: int, note: Note | None) -> Obstacle | None:
    if source.system_id != epoch_system_id:
        return Obstacle("other source", "it is another database cluster")
    if rewound := _rewound(source, known, note):
        return Obstacle("rewound", rewound)
    if source.forked_at is not None and source.forked_at < known:
        # What was applied last may be of the old timeline, or the new one if the stream resumed there by itself.
        return Obstacle("unproven", "the source failed over before the last position that was applied")
    before, now = note.source_server if note else None, source.server
    # A failover begins a timeline of its own, which says by itself what of ours it has.
    if before and now and source.forked_at is None and source_server.change(before, now) == "moved":
        where = f"at {source_server.in_words(now)}, started since the last look, not {source_server.in_words(before)}"
        return Obstacle("moved", where)
    return None


def _nothing_since(source: SourceState, note: Note) -> bool:
    """Whether nothing can be missing: before our mark every transaction had ended, and none has begun there since."""
    xid, xmin = note.source_xid, note.source_xmin
    return xid is not None and xmin is not None and xmin >= xid and source.next_xid <= xid + 1


def _after_a_start(slot: Slot, note: Note, server: str | None) -> Obstacle | None:
    """Whether all that the slot has confirmed is certainly here although the warehouse's server was started since.

    What was applied says nothing: a data folder that was put back streams on from where the slot is, past the hole.
    """
    if note.server in (None, server) or slot.confirmed <= note.confirmed:
        return None
    return Obstacle(
        "restarted",
        "the warehouse's server was started since the last look, and the slot has confirmed more than was seen then",
    )


def _unusable(slot: Slot | None, note: Note | None, *, streaming: bool) -> Obstacle | None:
    if slot is None:
        return Obstacle("lost", "the slot is gone")
    if note and note.undecodable:
        return Obstacle("lost", note.undecodable)
    if slot.invalid:
        return Obstacle("lost", f"the source gave the slot up ({slot.invalid})")
    if slot.active and (not streaming or (slot.holder and slot.holder != subscription.APPLICATION)):
        if slot.holder == subscription.APPLICATION:
            return Obstacle("held by us", "its sender at the source has not noticed that nobody reads it any more")
        return Obstacle("taken", READ_BY + (slot.holder or "another session"))
    return None


def _not_ours(slot: Slot, known: int, note: Note | None) -> Obstacle | None:
    if note and is_new(slot, note):
        if slot.restart < note.confirmed:
            # One that was made later could not read WAL from before it: it is ours, as it was earlier.
            return Obstacle("rewound", "its slot is as it was at an earlier time: the server's files were put back")
        return Obstacle("new slot", "the slot was dropped and created again: it has decoded less than before")
    # One of these is enough. It sends whatever was committed after a position that was applied, whoever made it;
    sends_all = slot.confirmed <= known
    if note and note.taken_by and not sends_all:
        return Obstacle("unproven", f"{note.taken_by} has read from the slot, and what that took was not applied")
    # or it reads WAL from before a position that was applied: a slot that was made later could not;
    is_older = slot.restart < known
    # or it has decoded all that ours had, and more: a new one begins at nothing.
    has_decoded = note is not None and _comparable(slot, note) and bool(note.transactions)
    if sends_all or is_older or has_decoded:
        return None
    told = "the slot has moved on, and nothing shows that it is still the one that was read before"
    if note and note.statistics_since not in (None, slot.statistics_since):
        return Obstacle("crashed", f"the source has crashed; {told}")
    return Obstacle("unproven", told)


def is_new(slot: Slot, note: Note) -> bool:
    """Whether the slot's statistics, which began with it, are behind what was noted."""
    return _comparable(slot, note) and (slot.transactions or 0) < (note.transactions or 0)


def _comparable(slot: Slot, note: Note) -> bool:
    return note.transactions is not None and note.statistics_since == slot.statistics_since


def _rewound(source: SourceState, known: int, note: Note | None) -> str | None:
    seen = max(note.confirmed, note.source_lsn) if note else 0
    if source.flushed < max(known, seen):
        return "its WAL ends before the last transaction that was applied"
    if note is None:
        return None
    if source.forked_at is not None and source.forked_at < seen:
        return "its history branched off before the last transaction that was seen"
    if source.timeline < note.timeline:
        return "it is on an earlier timeline than it was"
    if note.source_xid is not None and source.next_xid <= note.source_xid:
        return "its transaction numbers are behind those seen before"
    return None


def examine(ends: Ends) -> tuple[SourceState, Obstacle | None]:
    """Look at both databases and judge. Changes nothing.

    Waits up to subscription.LETTING_GO_SECONDS for the source to notice the end of a stream that was switched off.
    """
    warehouse, epoch, name = ends.warehouse, ends.epoch, ends.name
    has_subscription = subscription.exists(warehouse, name)
    streaming = subscription.is_enabled(warehouse, name)
    noted, server = notes.read_note(warehouse, epoch), notes.server_of(warehouse, name)
    deadline = time.monotonic() + subscription.LETTING_GO_SECONDS
    while True:
        # In this order: the stream may run, and what the slot has confirmed is applied before, and was flushed before
        # it was applied.
        slot = read_slot(ends.trs, epoch.slot_name)
        applied = applied_lsn(warehouse, name) or 0
        source = read_source(ends.databases, ends.trs, noted.timeline if noted else epoch.timeline)
        obstacle = judge(epoch.source_system_id, slot, source, applied, noted, streaming=streaming, server=server)
        if obstacle is None and not has_subscription:
            obstacle = Obstacle("lost", "the warehouse's subscription, which knew what was applied, is gone")
        ours = slot is not None and slot.holder in ("", subscription.APPLICATION)
        if obstacle is None or obstacle.kind not in ("taken", "held by us") or not ours or time.monotonic() > deadline:
            return source, obstacle
        time.sleep(0.1)


def check(ends: Ends, *, after_restart: bool = False) -> SourceState:
    """Let the stream run only if nothing was missed. Otherwise it is switched off, and stays off.

    Args:
        after_restart: whether it is known, and seen to, that the warehouse's server was started, or the source's is
            another one. (Otherwise it is an error, too, but the stream continues: what it brings now is right, and only
            the past is in doubt.)

    Raises:
        SlotLost, SlotTaken, SourceRewound: what was found. Nothing is started again.
        SourceMoved: it leads to another server, which may be a copy of the source.
        ReplicationError: the address leads to another cluster.
    """
    warehouse, epoch = ends.warehouse, ends.epoch
    source, obstacle = examine(ends)
    in_doubt = obstacle is not None and obstacle.kind in IN_DOUBT
    if obstacle is None or (in_doubt and after_restart):
        return source
    if in_doubt:
        raise error_of(obstacle, epoch.slot_name)
    if obstacle.kind == "taken":
        notes.note_taken(warehouse, epoch, obstacle.reason.removeprefix(READ_BY))
    if subscription.exists(warehouse, epoch.replication_name):
        subscription.stop(warehouse, epoch.replication_name)
    last = epochs.last_commit_at(warehouse, epoch)
    raise error_of(obstacle, epoch.slot_name, f" after {last.astimezone(UTC):%d %B %Y %H:%M:%S} UTC" if last else "")
