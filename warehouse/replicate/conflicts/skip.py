"""Giving a transaction up on a person's word: it is recorded first, then skipped, and the stream resumes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from warehouse.core import safe_message
from warehouse.core.errors import MissingPrivilege, ReplicationError, UsageError
from warehouse.core.progress import Progress
from warehouse.core.waiting import Waiting
from warehouse.replicate.catalog import subscriptions
from warehouse.replicate.conflicts.pending import Pending, SlotInUse, first_pending
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.masking import Hidden
from warehouse.replicate.stream import notes, subscription
from warehouse.replicate.stream.decoding import Undecodable
from warehouse.replicate.stream.lsn import as_lsn
from warehouse.replicate.stream.obstacle import Obstacle, error_of
from warehouse.replicate.stream.sample import Sample

SKIP_SECONDS = 60
"""So long a skip may take; the transaction's rows are read once more, and not applied."""

_DECIDED = """
insert into ledger.skipped_transactions (epoch_id, lsn, committed_at, decided_by, because, rows, tables)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (epoch_id, lsn) do update set
    decided_at = clock_timestamp(),
    decided_by = excluded.decided_by,
    because = excluded.because
"""
_SKIPPED = "update ledger.skipped_transactions set state = 'skipped' where epoch_id = %s and lsn = %s"
_CLOSED = """
update ledger.conflicts set state = 'skipped', resolved_at = clock_timestamp() where epoch_id = %s and lsn = %s
"""


@dataclass(frozen=True)
class Skipped:
    """A transaction that was given up.

    Attributes:
        rows: how many rows of each table were not applied: in those rows the replica now differs.
    """

    lsn: str
    committed_at: datetime
    rows: dict[str, int]
    because: str


def skip(
    source: psycopg.Connection,
    warehouse: psycopg.Connection,
    epoch: Epoch,
    name: str,
    look: Sample,
    hidden: Hidden,
    *,
    lsn: str,
    because: str,
    decided_by: str,
    progress: Progress,
) -> Skipped:
    """Write down that exactly this transaction is given up, skip it, and resume the stream.

    Args:
        name: of the subscription and the publication.
        lsn: of the transaction that the stream waits at; any other is refused.
        decided_by: who takes the responsibility.

    Raises:
        UsageError: the stream does not wait at that transaction.
        MissingPrivilege: this user does not own the subscription.
        ReplicationError: the stream did not get past it in time.
    """
    if look.enabled is not False:
        raise UsageError(
            "The stream is not waiting at a transaction: the subscription is on.",
            meaning="Nothing was skipped.",
            next_command="Run `warehouse replicate conflicts`: it lists what waits for a decision.",
        )
    try:
        pending = first_pending(source, epoch.slot_name, name, look.applied_lsn or look.confirmed_lsn or 0, hidden)
    except Undecodable as error:
        notes.note_undecodable(warehouse, epoch, error.reason)
        raise error_of(Obstacle("lost", error.reason), epoch.slot_name) from None
    except SlotInUse:
        raise ReplicationError(
            "The slot is being read at this moment, so the transaction cannot be looked at.",
            meaning="Nothing was skipped.",
            next_command="Wait a moment, then run the same command again.",
        ) from None
    if pending is None or as_lsn(pending.lsn) != lsn.upper():
        raise UsageError(
            f"The stream does not wait at {lsn}, but "
            + (f"at {as_lsn(pending.lsn)}." if pending else "at no transaction at all."),
            meaning="Nothing was skipped: only the transaction that blocks the stream may be.",
            next_command="Run `warehouse replicate conflicts`: it lists what waits, and by which number.",
        )
    tables = {table: {"rows": count, "keys": pending.keys[table]} for table, count in pending.rows.items()}
    # Before anything is given up: a crash in between leaves the decision on record, never a loss without one.
    warehouse.execute(
        _DECIDED,
        (
            epoch.epoch_id,
            lsn.upper(),
            pending.committed_at,
            decided_by,
            because,
            sum(pending.rows.values()),
            json.dumps(tables),
        ),
    )
    _set_skip(warehouse, name, lsn.upper())
    subscription.enable(warehouse, name)
    _wait_until_past(warehouse, epoch, name, pending, progress)
    with warehouse.transaction():
        warehouse.execute(_SKIPPED, (epoch.epoch_id, lsn.upper()))
        warehouse.execute(_CLOSED, (epoch.epoch_id, lsn.upper()))
    return Skipped(lsn.upper(), pending.committed_at, pending.rows, because)


def _set_skip(warehouse: psycopg.Connection, name: str, lsn: str | None) -> None:
    value = sql.Literal(lsn) if lsn else sql.SQL("none")
    try:
        warehouse.execute(sql.SQL("alter subscription {} skip (lsn = {})").format(sql.Identifier(name), value))
    except psycopg.errors.InsufficientPrivilege as error:
        raise MissingPrivilege(
            f"This user may not skip a transaction: {safe_message.of(error)}.",
            meaning="Nothing was skipped; the decision is in the ledger as not carried out.",
            next_command="Run it as the owner of the subscription (before version 16: a superuser).",
        ) from None


def _wait_until_past(
    warehouse: psycopg.Connection, epoch: Epoch, name: str, pending: Pending, progress: Progress
) -> None:
    waiting = Waiting(progress, f"the stream to get past {as_lsn(pending.lsn)}", limit=SKIP_SECONDS)
    while not waiting.is_over:
        waiting.look()
        # PostgreSQL takes the number back when it has skipped the transaction, or has come to another one.
        row = subscriptions.read(warehouse, name, "subskiplsn = '0/0', subenabled")
        if row and row[0]:
            return
        if row and not row[1]:
            break
        time.sleep(0.1)
    _set_skip(warehouse, name, None)
    raise ReplicationError(
        f"The stream did not get past {as_lsn(pending.lsn)}.",
        meaning=f"It may not have been skipped; the decision stands in the ledger (epoch {epoch.epoch_id}).",
        next_command="Run `warehouse replicate status`, then `warehouse replicate conflicts`.",
    )
