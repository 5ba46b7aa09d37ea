"""What a person sees and decides of conflicts: both databases opened, and one look taken."""

from __future__ import annotations

import time

from warehouse.core.errors import UsageError
from warehouse.replicate.conflicts import conflicts, passed, skip
from warehouse.replicate.conflicts.conflicts import Conflict
from warehouse.replicate.conflicts.skip import Skipped
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import marks, notes, sample, subscription
from warehouse.replicate.stream.obstacle import Obstacle, error_of


def open_conflicts(ends: Ends, *, every: bool = False) -> list[Conflict]:
    """The conflicts of the ledger after the waiting transaction, if there is one, was looked at; the newest first.

    Raises:
        SlotLost: the source cannot read the slot any more, so what waits is not known.
    """
    if ends.current is not None and ends.current.state == "streaming":
        look, _ = sample.take(ends.trs, ends.warehouse, ends.epoch, ends.name)
        passed.note(ends.warehouse, ends.epoch, look.applied_lsn)
        conflicts.look_for(ends.trs, ends.warehouse, ends.epoch, ends.name, look, ends.hidden)
        _check_decodable(ends)
    return conflicts.listed(ends.warehouse, every=every)


def tell_conflict(ends: Ends) -> None:
    """Say why PostgreSQL disabled the subscription, when a row or the slot itself is the reason.

    Raises:
        ApplyConflict: a row cannot be applied; the conflict is in the ledger.
        SlotLost: the source cannot read the slot any more.
    """
    deadline = time.monotonic() + subscription.LETTING_GO_SECONDS
    look, _ = sample.take(ends.trs, ends.warehouse, ends.epoch, ends.name)
    while look.slot_held_by and look.enabled is False and time.monotonic() < deadline:
        time.sleep(0.1)
        look, _ = sample.take(ends.trs, ends.warehouse, ends.epoch, ends.name)
    if conflicts.look_for(ends.trs, ends.warehouse, ends.epoch, ends.name, look, ends.hidden):
        raise conflicts.listed(ends.warehouse)[0].finding().as_error()
    _check_decodable(ends)


def _check_decodable(ends: Ends) -> None:
    noted = notes.read_note(ends.warehouse, ends.epoch)
    if noted and noted.undecodable:
        raise error_of(Obstacle("lost", noted.undecodable), ends.epoch.slot_name)


def skip_transaction(ends: Ends, *, lsn: str, because: str, decided_by: str) -> Skipped:
    """Give up the transaction that the stream waits at, and resume.

    Raises:
        UsageError: nothing is replicated, or the stream does not wait at that transaction.
        MissingPrivilege, ReplicationError: see skip.skip().
    """
    if ends.current is None or ends.current.state != "streaming":
        raise UsageError(
            "Nothing is being streamed, so there is no transaction to skip.",
            meaning="Nothing was done.",
            next_command="Run `warehouse replicate status`.",
        )
    look, _ = sample.take(ends.trs, ends.warehouse, ends.epoch, ends.name)
    with marks.kept(ends):
        return skip.skip(
            ends.trs,
            ends.warehouse,
            ends.epoch,
            ends.name,
            look,
            ends.hidden,
            lsn=lsn,
            because=because,
            decided_by=decided_by,
            progress=ends.progress,
        )
