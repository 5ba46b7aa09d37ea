"""What a person sees and decides of conflicts: both databases opened, and one look taken."""

from __future__ import annotations

import time

import psycopg

from warehouse.core.databases import Databases
from warehouse.core.errors import UsageError
from warehouse.replicate import epochs, subscription
from warehouse.replicate.classification import load_classification
from warehouse.replicate.epochs import Epoch
from warehouse.replicate.guard import conflicts, looks
from warehouse.replicate.guard.conflicts import Conflict, Skipped, as_error
from warehouse.replicate.guard.keys import Hidden, hidden_columns


def open_conflicts(databases: Databases, *, every: bool = False) -> list[Conflict]:
    """The conflicts of the ledger after the waiting transaction, if there is one, was looked at; the newest first.

    Raises:
        DatabaseUnreachable: one of the two databases is.
    """
    name = databases.settings.warehouse_replication_name
    with databases.source() as trs, databases.warehouse() as warehouse:
        epoch = epochs.current(warehouse, name)
        if epoch is not None and epoch.state == "streaming":
            look, _ = looks.take(trs, warehouse, epoch, name)
            conflicts.note_resolved(warehouse, epoch, look.applied_lsn)
            conflicts.look_for(trs, warehouse, epoch, name, look, _hidden())
        return conflicts.listed(warehouse, every=every)


def tell_conflict(trs: psycopg.Connection, warehouse: psycopg.Connection, epoch: Epoch, name: str) -> None:
    """Say why the engine switched the stream off, when a row that cannot be applied is the reason.

    Raises:
        ApplyConflict: it is; the conflict is in the ledger.
    """
    deadline = time.monotonic() + subscription.LETTING_GO_SECONDS
    look, _ = looks.take(trs, warehouse, epoch, name)
    while look.slot_held_by and look.enabled is False and time.monotonic() < deadline:
        time.sleep(0.1)
        look, _ = looks.take(trs, warehouse, epoch, name)
    failure = conflicts.look_for(trs, warehouse, epoch, name, look, _hidden())
    if failure:
        raise as_error(conflicts.listed(warehouse)[0])


def skip_transaction(databases: Databases, *, lsn: str, because: str, decided_by: str) -> Skipped:
    """Give up the transaction that the stream waits at, and resume.

    Raises:
        UsageError: nothing is replicated, or the stream does not wait at that transaction.
        MissingPrivilege, ReplicationError: see guard.conflicts.skip.
    """
    name = databases.settings.warehouse_replication_name
    with databases.source() as trs, databases.warehouse() as warehouse:
        epoch = epochs.current(warehouse, name)
        if epoch is None or epoch.state != "streaming":
            raise UsageError(
                "Nothing is being streamed, so there is no transaction to skip.",
                meaning="Nothing was done.",
                next_command="Run `warehouse replicate status`.",
            )
        look, _ = looks.take(trs, warehouse, epoch, name)
        return conflicts.skip(
            trs, warehouse, epoch, name, look, _hidden(), lsn=lsn, because=because, decided_by=decided_by
        )


def _hidden() -> Hidden:
    return hidden_columns(load_classification())
