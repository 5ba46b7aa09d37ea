"""What a person sees and decides of conflicts: both databases opened, and one look taken."""

from __future__ import annotations

import time

import psycopg

from warehouse.core.errors import UsageError
from warehouse.core.progress import Progress
from warehouse.replicate.classification import load_classification
from warehouse.replicate.conflicts import conflicts, passed, skip
from warehouse.replicate.conflicts.conflicts import Conflict
from warehouse.replicate.conflicts.skip import Skipped
from warehouse.replicate.door import Door
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.masking import Hidden, hidden_columns
from warehouse.replicate.stream import marks, notes, sample, subscription
from warehouse.replicate.stream.obstacle import Obstacle, error_of


def open_conflicts(door: Door, *, every: bool = False) -> list[Conflict]:
    """The conflicts of the ledger after the waiting transaction, if there is one, was looked at; the newest first.

    Raises:
        SlotLost: the source cannot read the slot any more, so that nobody can tell what waits.
    """
    if door.epoch is not None and door.epoch.state == "streaming":
        look, _ = sample.take(door.trs, door.warehouse, door.epoch, door.name)
        passed.note(door.warehouse, door.epoch, look.applied_lsn)
        conflicts.look_for(door.trs, door.warehouse, door.epoch, door.name, look, _hidden())
        _check_decodable(door.warehouse, door.epoch)
    return conflicts.listed(door.warehouse, every=every)


def tell_conflict(trs: psycopg.Connection, warehouse: psycopg.Connection, epoch: Epoch, name: str) -> None:
    """Say why PostgreSQL switched the stream off, when a row or the slot itself is the reason.

    Raises:
        ApplyConflict: a row cannot be applied; the conflict is in the ledger.
        SlotLost: the source cannot read the slot any more.
    """
    deadline = time.monotonic() + subscription.LETTING_GO_SECONDS
    look, _ = sample.take(trs, warehouse, epoch, name)
    while look.slot_held_by and look.enabled is False and time.monotonic() < deadline:
        time.sleep(0.1)
        look, _ = sample.take(trs, warehouse, epoch, name)
    failure = conflicts.look_for(trs, warehouse, epoch, name, look, _hidden())
    if failure:
        raise conflicts.listed(warehouse)[0].finding().as_error()
    _check_decodable(warehouse, epoch)


def _check_decodable(warehouse: psycopg.Connection, epoch: Epoch) -> None:
    noted = notes.read_note(warehouse, epoch)
    if noted and noted.undecodable:
        raise error_of(Obstacle("lost", noted.undecodable), epoch.slot_name)


def skip_transaction(door: Door, progress: Progress, *, lsn: str, because: str, decided_by: str) -> Skipped:
    """Give up the transaction that the stream waits at, and resume.

    Raises:
        UsageError: nothing is replicated, or the stream does not wait at that transaction.
        MissingPrivilege, ReplicationError: see skip.skip().
    """
    if door.epoch is None or door.epoch.state != "streaming":
        raise UsageError(
            "Nothing is being streamed, so there is no transaction to skip.",
            meaning="Nothing was done.",
            next_command="Run `warehouse replicate status`.",
        )
    look, _ = sample.take(door.trs, door.warehouse, door.epoch, door.name)
    with marks.kept(door.trs, door.warehouse, door.name):
        return skip.skip(
            door.trs,
            door.warehouse,
            door.epoch,
            door.name,
            look,
            _hidden(),
            lsn=lsn,
            because=because,
            decided_by=decided_by,
            progress=progress,
        )


def _hidden() -> Hidden:
    return hidden_columns(load_classification())
