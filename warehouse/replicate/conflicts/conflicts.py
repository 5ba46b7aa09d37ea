"""Conflicts: a transaction that cannot be applied is found, explained and recorded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from warehouse.core.errors import ApplyConflict
from warehouse.core.finding import Finding, failed
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
from warehouse.replicate.stream import notes
from warehouse.replicate.stream.decoding import Undecodable
from warehouse.replicate.stream.lsn import as_lsn
from warehouse.replicate.stream.sample import Sample

_RECORD = """
insert into ledger.conflicts (
    epoch_id, lsn, committed_at, kind, table_name, operation, key, constraint_name, what, rows
)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (epoch_id, lsn) do update set
    kind = excluded.kind,
    table_name = excluded.table_name,
    operation = excluded.operation,
    key = excluded.key,
    constraint_name = excluded.constraint_name,
    what = excluded.what
"""

_LISTED = """
select
    lsn::text, found_at, committed_at, kind, table_name, operation, key, constraint_name, what, rows, state, resolved_at
from ledger.conflicts
where %s or state = 'open'
order by conflict_id desc
"""


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

    @property
    def shown_key(self) -> str:
        """The key in words."""
        return ", ".join(f"{name} {value}" for name, value in (self.key or {}).items())

    def finding(self) -> Finding:
        """What a person has to decide about an open one."""
        where = f" ({self.operation} of {self.shown_key})" if self.operation and self.key else ""
        return failed(
            "conflict",
            f"A transaction cannot be applied at {self.lsn}: {self.what}{where}",
            f"{remedy(self.kind, self.table)} then `warehouse replicate run`. "
            f'Or give the transaction up: warehouse replicate skip --lsn {self.lsn} --because "…" --yes',
            ApplyConflict,
            "The stream waits at it, and everything after it. Nothing was lost: the source keeps it."
            + (f" The transaction changes {self.rows:,} rows." if self.rows else ""),
        )


def look_for(
    source: psycopg.Connection,
    warehouse: psycopg.Connection,
    epoch: Epoch,
    publication: str,
    look: Sample,
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
            # The publication is gone, or was not there yet at that position: status reports that.
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
    look: Sample,
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
        _RECORD,
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
    return [Conflict(*row) for row in warehouse.execute(_LISTED, (every,))]
