"""Conflicts: a transaction that cannot be applied is found, explained, recorded and, on command, skipped."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from warehouse.core.errors import ApplyConflict, MissingPrivilege, ReplicationError, UsageError
from warehouse.core.progress import Progress
from warehouse.core.waiting import Waiting
from warehouse.replicate.conflicts.explain import remedy
from warehouse.replicate.conflicts.pending import (
    Failure,
    Pending,
    SlotInUse,
    changes_of_pending,
    first_pending,
    try_out,
)
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.masking import Hidden
from warehouse.replicate.stream import notes, subscription
from warehouse.replicate.stream.decoding import Undecodable
from warehouse.replicate.stream.lsn import as_lsn
from warehouse.replicate.stream.obstacle import Obstacle, error_of
from warehouse.replicate.stream.sample import Look

SKIP_SECONDS = 60
"""So long a skip may take; the transaction's rows are read once more, and not applied."""


@dataclass(frozen=True)
class Conflict:
    """A conflict of the ledger.

    Attributes:
        lsn: what `warehouse replicate skip --lsn` names it by.
        key: of the first row that does not fit.
        rows: how many rows would be lost by skipping the transaction.
    """

    lsn: str
    found_at: datetime
    committed_at: datetime | None
    kind: str
    table: str | None
    operation: str | None
    key: dict[str, Any] | None
    constraint: str | None
    what: str
    rows: int | None
    state: str
    resolved_at: datetime | None


def look_for(
    source: psycopg.Connection,
    warehouse: psycopg.Connection,
    epoch: Epoch,
    publication: str,
    look: Look,
    hidden: Hidden,
) -> Failure | None:
    """Why a stream that is off went off: the row that does not fit, recorded; None when no row is the reason.

    That the source cannot read the slot any more is recorded as well: for continuity.check() the slot is lost then.

    Reads the slot without consuming it and tries the waiting transaction out; nothing is changed but the ledger.
    """
    if look.enabled is not False or not look.slot_exists or look.wal_status == "lost" or look.slot_held_by:
        return None
    reason = ""
    # Twice, before a slot is given up for what may have been a mishap of one reading.
    for _ in range(2):
        try:
            return _first_that_does_not_fit(source, warehouse, epoch, publication, look, hidden)
        except SlotInUse:
            return None
        except psycopg.errors.UndefinedObject:
            # The publication is gone, or was not there yet at that position: it is told as such.
            return None
        except Undecodable as error:
            reason = error.reason
    notes.note_undecodable(warehouse, epoch, reason)
    return None


def _first_that_does_not_fit(
    source: psycopg.Connection,
    warehouse: psycopg.Connection,
    epoch: Epoch,
    publication: str,
    look: Look,
    hidden: Hidden,
) -> Failure | None:
    applied = look.applied_lsn or look.confirmed_lsn or 0
    pending = first_pending(source, epoch.slot_name, publication, applied, hidden)
    if pending is None:
        return None
    failure = try_out(warehouse, changes_of_pending(source, epoch.slot_name, publication, applied), hidden)
    if failure:
        _record(warehouse, epoch, pending, failure)
    return failure


def _record(warehouse: psycopg.Connection, epoch: Epoch, pending: Pending, failure: Failure) -> None:
    warehouse.execute(
        "insert into ledger.conflicts (epoch_id, lsn, committed_at, kind, table_name, operation, key, constraint_name,"
        " what, rows) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " on conflict (epoch_id, lsn) do update set kind = excluded.kind, table_name = excluded.table_name,"
        " operation = excluded.operation, key = excluded.key, constraint_name = excluded.constraint_name,"
        " what = excluded.what",
        (
            epoch.epoch_id,
            as_lsn(pending.lsn),
            pending.committed_at,
            failure.kind,
            failure.table,
            failure.operation,
            json.dumps(failure.key) if failure.key else None,
            failure.constraint,
            failure.what,
            sum(pending.rows.values()),
        ),
    )


def listed(warehouse: psycopg.Connection, *, every: bool = False) -> list[Conflict]:
    """The open conflicts, or all that there ever were; the newest first."""
    rows = warehouse.execute(
        "select lsn::text, found_at, committed_at, kind, table_name, operation, key, constraint_name, what, rows,"
        " state, resolved_at from ledger.conflicts where %s or state = 'open' order by conflict_id desc",
        (every,),
    ).fetchall()
    return [Conflict(*row) for row in rows]


def as_error(conflict: Conflict) -> ApplyConflict:
    """The message for a person who has to decide."""
    where = f" ({conflict.operation} of {shown_key(conflict)})" if conflict.operation and conflict.key else ""
    return ApplyConflict(
        f"A transaction cannot be applied at {conflict.lsn}: {conflict.what}{where}",
        meaning="The stream waits there, and everything after it. Nothing was lost: the source keeps it. "
        + (f"The transaction changes {conflict.rows:,} rows." if conflict.rows else ""),
        next_command=f"{remedy(conflict.kind, conflict.table)} then `warehouse replicate run`. "
        f'Or give the transaction up: warehouse replicate skip --lsn {conflict.lsn} --because "…" --yes',
    )


def shown_key(conflict: Conflict) -> str:
    """A key in words."""
    return ", ".join(f"{name} {value}" for name, value in (conflict.key or {}).items())


@dataclass(frozen=True)
class Skipped:
    """A transaction that was given up.

    Attributes:
        rows: how many rows of each table were not applied: there the replica differs now.
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
    look: Look,
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
        ReplicationError: the stream did not come past it in time.
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
            meaning="Nothing was skipped: only the transaction that stands in the way may be.",
            next_command="Run `warehouse replicate conflicts`: it lists what waits, and by which number.",
        )
    tables = {table: {"rows": count, "keys": pending.keys[table]} for table, count in pending.rows.items()}
    # Before anything is given up: a crash in between leaves the decision on record, never a loss without one.
    warehouse.execute(
        "insert into ledger.skipped_transactions (epoch_id, lsn, committed_at, decided_by, because, rows, tables)"
        " values (%s, %s, %s, %s, %s, %s, %s) on conflict (epoch_id, lsn) do update"
        " set decided_at = clock_timestamp(), decided_by = excluded.decided_by, because = excluded.because",
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
        warehouse.execute(
            "update ledger.skipped_transactions set state = 'skipped' where epoch_id = %s and lsn = %s",
            (epoch.epoch_id, lsn.upper()),
        )
        warehouse.execute(
            "update ledger.conflicts set state = 'skipped', resolved_at = clock_timestamp()"
            " where epoch_id = %s and lsn = %s",
            (epoch.epoch_id, lsn.upper()),
        )
    return Skipped(lsn.upper(), pending.committed_at, pending.rows, because)


def _set_skip(warehouse: psycopg.Connection, name: str, lsn: str | None) -> None:
    value = sql.Literal(lsn) if lsn else sql.SQL("none")
    try:
        warehouse.execute(sql.SQL("alter subscription {} skip (lsn = {})").format(sql.Identifier(name), value))
    except psycopg.errors.InsufficientPrivilege as error:
        raise MissingPrivilege(
            f"This user may not skip a transaction: {error.diag.message_primary}.",
            meaning="Nothing was skipped; the decision is in the ledger as not carried out.",
            next_command="Run it as the owner of the subscription (before version 16: a superuser).",
        ) from None


def _wait_until_past(
    warehouse: psycopg.Connection, epoch: Epoch, name: str, pending: Pending, progress: Progress
) -> None:
    waiting = Waiting(progress, f"the stream to come past {as_lsn(pending.lsn)}", limit=SKIP_SECONDS)
    while not waiting.is_over:
        waiting.look()
        # The engine takes the number back when it has skipped the transaction, or has come to another one.
        row = warehouse.execute(
            "select subskiplsn = '0/0', subenabled from pg_subscription where subname = %s", (name,)
        ).fetchone()
        if row and row[0]:
            return
        if row and not row[1]:
            break
        time.sleep(0.1)
    _set_skip(warehouse, name, None)
    raise ReplicationError(
        f"The stream did not come past {as_lsn(pending.lsn)}.",
        meaning=f"It may not have been skipped; the decision stands in the ledger (epoch {epoch.epoch_id}).",
        next_command="Run `warehouse replicate status`, then `warehouse replicate conflicts`.",
    )
